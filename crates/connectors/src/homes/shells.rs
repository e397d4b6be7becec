//! Start-up files of shells and `.env` files: variables with secrets.

use super::files::File;
use crate::dossier::Dossier;

pub(super) fn variables(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    // Read as text first, so that a file in UTF-16 is not passed over.
    let text = file.text(dossier);
    dossier.sweep(text.as_bytes(), None);
}
