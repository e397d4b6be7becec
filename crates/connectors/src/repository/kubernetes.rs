use super::reading::Reading;
use crate::yaml::Node;
pub(super) fn manifest(_reading: &mut Reading<'_>, _document: &Node) {}
