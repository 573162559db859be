//! `cache path`, `cache size` and `cache remove`.

use std::fs;
use std::io;
use std::path::Path;

use pspf_format::{Error, ErrorKind, Result};

use super::Words;
use crate::cache::{CacheRoot, FillLock, Layout, Lease, Patience, clear_trash, locate_root};
use crate::failure::IoContext;
use crate::json::JsonObject;
use crate::package::Package;
use crate::platform;
use crate::settings::Settings;

const USAGE: &str = "cache path|size|remove [--json]";

/// Looks at, or removes, what this package has in the cache.
pub(super) fn cache(package: &Package, words: &Words, settings: &Settings) -> Result<u8> {
    let [word] = words.exactly(USAGE)?;
    let given = locate_root(|name| settings.variable(name))?;
    let resolved = CacheRoot::existing(&given)?.map_or(given, |root| root.resolved);
    let layout = Layout::new(resolved, package.index.workenv_id());
    let workenv = layout.workenv();
    let shown = workenv.display().to_string();
    let filled = layout.launch_record().exists();
    let answer = JsonObject::new()
        .text("path", &shown)
        .flag("filled", filled);
    match word.to_str() {
        Some("path") => words.answer(|| answer.finish(), || format!("{shown}\n")),
        Some("size") => {
            let size = size_of(&workenv)?;
            words.answer(
                || answer.number("size_bytes", size).finish(),
                || format!("{size}\n"),
            )
        }
        Some("remove") => {
            remove(&layout)?;
            words.answer(
                || answer.flag("removed", true).finish(),
                || format!("removed {shown}\n"),
            )
        }
        _ => Err(Error::new(
            ErrorKind::UsageUnknownCommand,
            "there is no such cache command",
        )
        .hint(format!("usage: {USAGE}"))),
    }
    .map(|()| 0)
}

/// Bytes in all files below a directory.
fn size_of(directory: &Path) -> Result<u64> {
    let mut total = 0_u64;
    let mut todo = vec![directory.to_owned()];
    while let Some(directory) = todo.pop() {
        let entries = match fs::read_dir(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.context("list", &directory)?,
        };
        for entry in entries {
            let entry = entry.context("list", &directory)?;
            let metadata = fs::symlink_metadata(entry.path()).context("look at", entry.path())?;
            if metadata.is_dir() {
                todo.push(entry.path());
            } else {
                total = total.saturating_add(metadata.len());
            }
        }
    }
    Ok(total)
}

/// Removes the workenv unless something runs from it. Its name is free at once, its files go after.
fn remove(layout: &Layout) -> Result<()> {
    if !layout.locks().exists() {
        return Ok(());
    }
    let _lock = FillLock::take(&layout.fill_lock(), Patience::None)?;
    let Some(_unused) = Lease::claim_unused(&layout.use_lock())? else {
        return Err(Error::new(
            ErrorKind::CacheInUse,
            "a program is running from this workenv",
        )
        .hint("end it first; everything it needs would be gone"));
    };
    clear_trash(layout);
    // First, so that whatever is left by a removal that is interrupted is not taken for complete.
    platform::remove_tree(&layout.launch_record()).context("remove", layout.launch_record())?;
    platform::remove_tree(&layout.records()).context("remove", layout.records())?;
    let trash = layout.trash();
    match fs::rename(layout.workenv(), &trash) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => {
            other.context("remove", layout.workenv())?;
            platform::remove_tree(&trash).context("remove", trash)
        }
    }
}
