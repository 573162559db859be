//! The directory that holds everything, and whether it can be trusted.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pspf_format::{Error, ErrorKind, Result};

use crate::failure::{IoContext, io_error};
use crate::platform::{Os, Platform, Untrusted};
use crate::report::{Detail, say};

/// The standard content of a `CACHEDIR.TAG`, which keeps backups away.
const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This directory holds the unpacked content of packages and can be removed at any time.\n";

/// Where the cache is, by the environment; nothing is touched.
pub(crate) fn locate_root(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    if let Some(cache) = variable("FLAVOR_CACHE").map(PathBuf::from) {
        return absolute(cache, "FLAVOR_CACHE");
    }
    let directory = |name: &str| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    if let Some(cache) = Os::cache_home(&directory) {
        return Ok(cache);
    }
    let cache = Os::homeless_cache(directory("TMPDIR"));
    say(Detail::Info, || {
        format!(
            "there is no home directory; the cache is in {}",
            cache.display()
        )
    });
    Ok(cache)
}

fn absolute(path: PathBuf, variable: &'static str) -> Result<PathBuf> {
    if path.is_absolute() {
        return Ok(path);
    }
    Err(Error::new(
        ErrorKind::CacheUnavailable,
        format!("{variable} is not an absolute path"),
    )
    .with("value", format!("{:?}", path.display().to_string()))
    .hint("set it to an absolute path"))
}

/// The cache root without links, as everything in it is addressed; `None` where there is none yet. Refuses one that somebody
/// else could put programs into.
pub(crate) fn find_root(given: &Path) -> Result<Option<PathBuf>> {
    let resolved = match Os::resolve_own(given) {
        Ok(resolved) => resolved,
        Err(Untrusted::Unreachable(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(Untrusted::Unreachable(error)) => {
            return Err(unavailable(error, "look at the cache directory", given));
        }
        Err(Untrusted::Replaceable { path, reason }) => {
            return Err(insecure(given, Some(&path), &reason));
        }
    };
    if !resolved.is_dir() {
        return Err(Error::new(
            ErrorKind::CacheUnavailable,
            format!("{} is not a directory", given.display()),
        )
        .hint("remove it, or set FLAVOR_CACHE to another directory"));
    }
    match Os::insecurity(&resolved).context("look at", &resolved)? {
        None => Ok(Some(resolved)),
        Some(reason) => Err(insecure(given, None, &reason)),
    }
}

fn insecure(given: &Path, at: Option<&Path>, reason: &str) -> Error {
    let at = at.filter(|at| *at != given);
    let because = at.map_or_else(String::new, |at| format!("at {}, ", at.display()));
    let message = format!(
        "the cache directory {} cannot be trusted: {because}{reason}",
        given.display()
    );
    Error::new(ErrorKind::CacheInsecure, message)
        .hint("make it yours alone (chmod 700), or set FLAVOR_CACHE to a directory that only you can write to")
}

/// Makes sure that the root and its parts exist and are ours alone, and resolves the root.
pub(crate) fn prepare_root(given: &Path) -> Result<PathBuf> {
    let resolved = if let Some(resolved) = find_root(given)? {
        resolved
    } else {
        create_root(given)?;
        find_root(given)?
            .ok_or_else(|| unavailable(io::ErrorKind::NotFound.into(), "find", given))?
    };
    for part in ["workenv", "locks"] {
        create_part(&resolved.join(part))?;
    }
    write_tag(&resolved)?;
    if Os::forbids_programs(&resolved) {
        return Err(Error::new(
            ErrorKind::CacheUnavailable,
            format!(
                "no program can be started from {}: its file system is mounted with noexec",
                resolved.display()
            ),
        )
        .hint("set FLAVOR_CACHE to a directory on a file system that allows programs"));
    }
    Ok(resolved)
}

/// Creates the root, after a look at what it will lie in.
fn create_root(path: &Path) -> Result<()> {
    let mut above = path.parent();
    while let Some(directory) = above {
        match Os::resolve_own(directory) {
            Ok(_) => break,
            Err(Untrusted::Unreachable(_)) => above = directory.parent(),
            Err(Untrusted::Replaceable { path: at, reason }) => {
                return Err(insecure(path, Some(&at), &reason));
            }
        }
    }
    if let Some(parent) = path.parent() {
        Os::create_private_directories(parent)
            .map_err(|error| unavailable(error, "create", parent))?;
    }
    match Os::create_private_directory(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(unavailable(error, "create", path))
        }
        _ => Ok(()),
    }
}

fn create_part(path: &Path) -> Result<()> {
    match Os::create_private_directory(path) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(unavailable(error, "create", path)),
    }
    let metadata = fs::symlink_metadata(path).context("look at", path)?;
    if !metadata.is_dir() {
        return Err(Error::new(
            ErrorKind::CacheInsecure,
            format!("{} is not a directory", path.display()),
        )
        .hint("remove it; it does not belong there"));
    }
    match Os::insecurity(path).context("look at", path)? {
        None => Ok(()),
        Some(reason) => Err(Error::new(
            ErrorKind::CacheInsecure,
            format!("{} cannot be trusted: {reason}", path.display()),
        )
        .hint("remove it, or make it yours alone (chmod 700)")),
    }
}

/// Writes the tag unless it is there whole. Where that fails, filling would fail as well; and a tag that stays cut short
/// would be found by nobody, because a warm start does not look at it.
fn write_tag(root: &Path) -> Result<()> {
    let path = root.join("CACHEDIR.TAG");
    if fs::metadata(&path).is_ok_and(|tag| tag.len() == CACHE_TAG.len() as u64) {
        return Ok(());
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    Os::open_private(&mut options, &path)
        .and_then(|mut file| file.write_all(CACHE_TAG.as_bytes()))
        .map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                io_error(error, "write", &path)
            }
            _ => unavailable(error, "write", &path),
        })
}

fn unavailable(error: io::Error, doing: &'static str, path: &Path) -> Error {
    if error.kind() == io::ErrorKind::StorageFull || error.kind() == io::ErrorKind::QuotaExceeded {
        return io_error(error, doing, path);
    }
    let hint = match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => {
            "the cache is on a file system that cannot be written to; set FLAVOR_CACHE to a directory that only you can write to"
        }
        _ => "set FLAVOR_CACHE to a directory that only you can write to",
    };
    Error::new(
        ErrorKind::CacheUnavailable,
        format!("cannot {doing} {}", path.display()),
    )
    .caused_by(error)
    .hint(hint)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn locate(set: &[(&str, &str)]) -> Result<PathBuf> {
        locate_root(|name| {
            set.iter()
                .find(|(key, value)| *key == name && !value.is_empty())
                .map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn locate_root_prefers_flavor_cache_then_xdg_then_home() {
        let all = [
            ("FLAVOR_CACHE", "/c"),
            ("XDG_CACHE_HOME", "/x"),
            ("HOME", "/h"),
        ];
        assert_eq!(locate(&all).unwrap(), Path::new("/c"));
        assert_eq!(locate(&all[1..]).unwrap(), Path::new("/x/flavor"));
        assert_eq!(locate(&all[2..]).unwrap(), Path::new("/h/.cache/flavor"));
    }

    #[test]
    fn locate_root_refuses_a_relative_cache_and_passes_over_other_relative_paths() {
        assert_eq!(
            locate(&[("FLAVOR_CACHE", "here")]).unwrap_err().code(),
            "cache/unavailable"
        );
        assert_eq!(
            locate(&[("XDG_CACHE_HOME", "rel"), ("HOME", "/h")]).unwrap(),
            Path::new("/h/.cache/flavor")
        );
    }
}
