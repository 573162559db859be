//! The directory that holds everything, and whether it can be trusted.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pspf_format::{Error, ErrorKind, Result};

use crate::failure::{IoContext, io_error};
use crate::platform;

/// The standard content of a `CACHEDIR.TAG`, which keeps backups away.
const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This directory holds the unpacked content of packages and can be removed at any time.\n";

/// A cache root that was looked at.
#[derive(Clone, Debug)]
pub(crate) struct CacheRoot {
    /// Without links, as everything in it is addressed.
    pub(crate) resolved: PathBuf,
}

/// Where the cache is, by the environment; nothing is touched.
pub(crate) fn locate_root(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let set = |name: &str| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(cache) = set("FLAVOR_CACHE") {
        return absolute(cache, "FLAVOR_CACHE");
    }
    if let Some(cache) = set("XDG_CACHE_HOME").filter(|cache| cache.is_absolute()) {
        return Ok(cache.join("flavor"));
    }
    if cfg!(windows)
        && let Some(local) = set("LOCALAPPDATA").filter(|local| local.is_absolute())
    {
        return Ok(local.join("flavor").join("cache"));
    }
    let home = set("HOME")
        .filter(|home| home.is_absolute())
        .or_else(platform::home_from_user_database);
    home.map(|home| home.join(".cache").join("flavor"))
        .ok_or_else(|| {
            Error::new(
                ErrorKind::CacheUnavailable,
                "there is no home directory to keep the cache in",
            )
            .hint("set FLAVOR_CACHE to a directory that only you can write to")
        })
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

/// Refuses a cache root that somebody else could put programs into. `None` where there is none yet.
pub(crate) fn check_usable(given: &Path) -> Result<Option<()>> {
    let metadata = match fs::metadata(given) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unavailable(error, "look at the cache directory", given)),
    };
    if !metadata.is_dir() {
        return Err(Error::new(
            ErrorKind::CacheUnavailable,
            format!("{} is not a directory", given.display()),
        )
        .hint("remove it, or set FLAVOR_CACHE to another directory"));
    }
    match platform::insecurity(&metadata) {
        None => Ok(Some(())),
        Some(reason) => Err(Error::new(
            ErrorKind::CacheInsecure,
            format!("the cache directory {} cannot be trusted: {reason}", given.display()),
        )
        .hint("make it yours alone (chmod 700), or set FLAVOR_CACHE to a directory that only you can write to")),
    }
}

impl CacheRoot {
    /// Makes sure that the root and its parts exist and are ours alone.
    pub(crate) fn prepare(given: &Path) -> Result<Self> {
        if check_usable(given)?.is_none() {
            create_root(given)?;
            check_usable(given)?;
        }
        let resolved =
            fs::canonicalize(given).map_err(|error| unavailable(error, "resolve", given))?;
        for part in ["workenv", "locks"] {
            create_part(&resolved.join(part))?;
        }
        write_tag(&resolved)?;
        if platform::forbids_programs(&resolved) {
            return Err(Error::new(
                ErrorKind::CacheUnavailable,
                format!(
                    "no program can be started from {}: its file system is mounted with noexec",
                    resolved.display()
                ),
            )
            .hint("set FLAVOR_CACHE to a directory on a file system that allows programs"));
        }
        Ok(Self { resolved })
    }

    /// The root as it is, for reading only.
    pub(crate) fn existing(given: &Path) -> Result<Option<Self>> {
        if check_usable(given)?.is_none() {
            return Ok(None);
        }
        let resolved =
            fs::canonicalize(given).map_err(|error| unavailable(error, "resolve", given))?;
        Ok(Some(Self { resolved }))
    }
}

fn create_root(path: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        platform::create_private_directories(parent)
            .map_err(|error| unavailable(error, "create", parent))?;
    }
    match platform::create_private_directory(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(unavailable(error, "create", path))
        }
        _ => Ok(()),
    }
}

fn create_part(path: &Path) -> Result<()> {
    match platform::create_private_directory(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let metadata = fs::symlink_metadata(path).context("look at", path)?;
            if !metadata.is_dir() {
                return Err(Error::new(
                    ErrorKind::CacheInsecure,
                    format!("{} is not a directory", path.display()),
                )
                .hint("remove it; it does not belong there"));
            }
            match platform::insecurity(&metadata) {
                None => Ok(()),
                Some(reason) => Err(Error::new(
                    ErrorKind::CacheInsecure,
                    format!("{} cannot be trusted: {reason}", path.display()),
                )
                .hint("remove it, or make it yours alone (chmod 700)")),
            }
        }
        Err(error) => Err(unavailable(error, "create", path)),
    }
}

/// Writes the tag unless it is there whole. Where that fails, filling would fail as well; and a tag that stays cut short
/// would be found by nobody, because a warm start does not look at it.
fn write_tag(root: &Path) -> Result<()> {
    let path = root.join(OsStr::new("CACHEDIR.TAG"));
    if fs::metadata(&path).is_ok_and(|tag| tag.len() == CACHE_TAG.len() as u64) {
        return Ok(());
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    platform::open_private(&mut options, &path)
        .and_then(|mut file| file.write_all(CACHE_TAG.as_bytes()))
        .context("write", &path)
}

fn unavailable(error: io::Error, doing: &'static str, path: &Path) -> Error {
    if error.kind() == io::ErrorKind::StorageFull || error.kind() == io::ErrorKind::QuotaExceeded {
        return io_error(error, doing, path);
    }
    Error::new(
        ErrorKind::CacheUnavailable,
        format!("cannot {doing} {}", path.display()),
    )
    .caused_by(error)
    .hint("set FLAVOR_CACHE to a directory that only you can write to")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locate(set: &[(&str, &str)]) -> Result<PathBuf> {
        locate_root(|name| {
            set.iter()
                .find(|(key, _)| *key == name)
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
    fn locate_root_takes_empty_for_unset_and_refuses_relative() {
        assert_eq!(
            locate(&[("FLAVOR_CACHE", ""), ("XDG_CACHE_HOME", ""), ("HOME", "/h")]).unwrap(),
            Path::new("/h/.cache/flavor")
        );
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
