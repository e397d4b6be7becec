//! One instance of a resource, as every format states it, and how its attributes are read.
//!
//! Attributes keep the names that the provider gives them; what they mean is the business of each
//! provider's file.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

pub(super) use crate::object::{blocks, text, texts};

/// One instance of a resource.
#[derive(Debug, Clone, Default)]
pub(super) struct Resource {
    /// `module.payments.aws_iam_role.worker["eu"]`.
    pub address: String,
    /// `payments`, `queue` …: the modules it is in, outermost first, without their keys.
    pub modules: Vec<String>,
    /// False for what a data source looked up.
    pub managed: bool,
    /// `aws_iam_role`; `output` for an output of the state.
    pub kind: String,
    pub attributes: Map<String, Value>,
    /// Dotted names of attributes that the provider or the configuration marks as sensitive.
    pub sensitive: BTreeSet<String>,
}

impl Resource {
    /// A text that is not empty.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        text(&self.attributes, key)
    }

    pub(super) fn texts(&self, key: &str) -> Vec<&str> {
        texts(&self.attributes, key)
    }

    pub(super) fn truth(&self, key: &str) -> Option<bool> {
        match self.attributes.get(key)? {
            Value::Bool(truth) => Some(*truth),
            // Version 3 writes everything as text.
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn number(&self, key: &str) -> Option<i64> {
        match self.attributes.get(key)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Nested blocks, which are a list of objects, or one object.
    pub(super) fn blocks(&self, key: &str) -> Vec<&Map<String, Value>> {
        blocks(&self.attributes, key)
    }
}
