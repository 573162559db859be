//! Emptying and removing workenvs that nobody runs from.

use std::fs;
use std::io;
use std::path::Path;

use pspf_format::{Error, ErrorKind, Result};

use super::lock::{FillLock, Lease, Patience};
use super::paths::WorkenvPaths;
use crate::extract::MemberPath;
use crate::failure::IoContext;
use crate::platform::{Os, Platform};

/// Removes a workenv unless something runs from it. Its name is free at once, its files go after.
pub(crate) fn remove_workenv(paths: &WorkenvPaths) -> Result<()> {
    let _lock = FillLock::take(&paths.fill_lock(), Patience::None)?;
    let Some(_unused) = Lease::claim_unused(&paths.use_lock())? else {
        return Err(Error::new(
            ErrorKind::CacheInUse,
            "a program is running from this workenv",
        )
        .hint("end it first; everything it needs would be gone"));
    };
    clear_trash(paths);
    // First, so that whatever is left by a removal that is interrupted is not taken for complete.
    for record in [paths.launch_record(), paths.records()] {
        Os::remove_tree(&record).context("remove", record)?;
    }
    let trash = paths.trash();
    match fs::rename(paths.workenv(), &trash) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => {
            renamed.context("remove", paths.workenv())?;
            Os::remove_tree(&trash).context("remove", trash)
        }
    }
}

/// Clears away what removals left behind when they were interrupted, as far as that is possible. Only for holders of the fill
/// lock: then nobody else is removing anything.
pub(crate) fn clear_trash(paths: &WorkenvPaths) {
    let prefix = paths.trash_prefix();
    let Ok(entries) = fs::read_dir(paths.workenvs()) else {
        return;
    };
    for entry in entries.flatten() {
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(prefix.as_bytes())
        {
            let _ = Os::remove_tree(&entry.path());
        }
    }
}

/// Removes everything below `root` but the given files; what is not there is fine.
pub(crate) fn clear_except(root: &Path, keep: &[MemberPath]) -> Result<()> {
    if keep.is_empty() {
        return Os::remove_tree(root).context("remove", root);
    }
    clear(root, b"", keep)
}

fn clear(directory: &Path, prefix: &[u8], keep: &[MemberPath]) -> Result<()> {
    Os::make_writable(directory);
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
            Os::remove_tree(&entry.path()).context("remove", entry.path())?;
        }
    }
    Ok(())
}
