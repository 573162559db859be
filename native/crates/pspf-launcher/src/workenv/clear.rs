//! Emptying a workenv that nobody runs from.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use pspf_format::Result;

use crate::extract::MemberPath;
use crate::failure::IoContext;
use crate::platform;

/// Removes everything below `root` but the given files; what is not there is fine.
pub(crate) fn clear_except(root: &Path, keep: &BTreeSet<MemberPath>) -> Result<()> {
    if keep.is_empty() {
        return platform::remove_tree(root).context("remove", root);
    }
    clear(root, b"", keep)
}

fn clear(directory: &Path, prefix: &[u8], keep: &BTreeSet<MemberPath>) -> Result<()> {
    platform::make_writable(directory);
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.context("list", directory)?,
    };
    for entry in entries {
        let entry = entry.context("list", directory)?;
        let mut path = prefix.to_vec();
        path.extend_from_slice(entry.file_name().as_encoded_bytes());
        if keep.iter().any(|kept| kept.as_bytes() == path) {
            continue;
        }
        path.push(b'/');
        let holds_kept = keep.iter().any(|kept| kept.as_bytes().starts_with(&path));
        if holds_kept && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            clear(&entry.path(), &path, keep)?;
        } else {
            platform::remove_tree(&entry.path()).context("remove", entry.path())?;
        }
    }
    Ok(())
}
