//! `repair`, `cache path`, `cache size` and `cache remove`.

use std::fs;
use std::io;
use std::path::Path;

use pspf_format::{Error, ErrorKind, Result};

use super::Request;
use crate::cache::{WorkenvPaths, find_root, locate_root, remove_workenv};
use crate::failure::IoContext;
use crate::json::JsonObject;

/// Unpacks everything again.
pub(super) fn repair(request: &Request<'_>) -> Result<i32> {
    let [] = request.exactly()?;
    let filled = request.start().repair()?;
    let workenv = filled.paths.workenv();
    let shown = workenv.display().to_string();
    request.answer(
        || {
            let answer = JsonObject::new().text("path", &shown);
            answer.flag("repaired", true).finish()
        },
        || format!("repaired {shown}\n"),
    )
}

/// Where this package is, or would be, in the cache.
pub(super) fn paths_of(request: &Request<'_>) -> Result<WorkenvPaths> {
    let given = locate_root(|name| request.settings.variable(name))?;
    let root = find_root(&given)?.unwrap_or(given);
    Ok(WorkenvPaths::new(root, request.package.index.workenv_id()))
}

/// Looks at, or removes, what this package has in the cache.
pub(super) fn cache(request: &Request<'_>) -> Result<i32> {
    let [word] = request.exactly()?;
    let paths = paths_of(request)?;
    let workenv = paths.workenv();
    let shown = workenv.display().to_string();
    let answer = JsonObject::new()
        .text("path", &shown)
        .flag("filled", paths.launch_record().exists());
    match word.to_str() {
        Some("path") => request.answer(|| answer.finish(), || format!("{shown}\n")),
        Some("size") => {
            let size = size_of(&workenv)?;
            request.answer(
                || answer.number("size_bytes", size).finish(),
                || format!("{size}\n"),
            )
        }
        Some("remove") => {
            if paths.fill_lock().exists() {
                remove_workenv(&paths)?;
            }
            request.answer(
                || answer.flag("removed", true).finish(),
                || format!("removed {shown}\n"),
            )
        }
        _ => Err(Error::new(
            ErrorKind::UsageUnknownCommand,
            "there is no such cache command",
        )
        .hint(format!("usage: {}", request.usage))),
    }
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
