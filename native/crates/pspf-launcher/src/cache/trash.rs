//! What removals leave behind when they are interrupted.

use std::fs;

use super::Layout;
use crate::platform;

/// Clears it away, as far as that is possible. Only for holders of the fill lock: then nobody else is removing anything.
pub(crate) fn clear_trash(layout: &Layout) {
    let prefix = layout.trash_prefix();
    let Ok(entries) = fs::read_dir(layout.workenvs()) else {
        return;
    };
    for entry in entries.flatten() {
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(prefix.as_bytes())
        {
            let _ = platform::remove_tree(&entry.path());
        }
    }
}
