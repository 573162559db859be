//! How errors of the operating system become ours, and how ours travel through `std::io` traits.

use std::io;
use std::path::Path;

use pspf_format::{Error, ErrorKind, Result};

/// The kind that matches an operating system error.
fn kind_of(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::IoNotFound,
        io::ErrorKind::AlreadyExists => ErrorKind::IoExists,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::IoDenied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::IoNoSpace,
        _ => ErrorKind::IoFailed,
    }
}

/// An operating system error as ours: what was being done, to which file.
pub(crate) fn io_error(error: io::Error, doing: &'static str, path: impl AsRef<Path>) -> Error {
    describe(error, doing, path.as_ref())
}

/// Not once for every kind of path that somebody passes.
#[cold]
#[inline(never)]
fn describe(error: io::Error, doing: &'static str, path: &Path) -> Error {
    let kind = kind_of(&error);
    let failed = Error::new(kind, format!("cannot {doing} {}", path.display())).caused_by(error);
    match kind {
        ErrorKind::IoNoSpace => {
            failed.hint("free some space, or set FLAVOR_CACHE to a directory on a larger disk")
        }
        _ => failed,
    }
}

/// Wraps one of our errors so that it can pass through `Read`.
pub(crate) fn into_io(error: Error) -> io::Error {
    io::Error::other(error)
}

/// Takes back an error that passed through `Read`: ours unchanged, the system's with a description.
pub(crate) fn from_io(error: io::Error, doing: &'static str, path: impl AsRef<Path>) -> Error {
    take_back(error, doing, path.as_ref())
}

#[cold]
#[inline(never)]
fn take_back(error: io::Error, doing: &'static str, path: &Path) -> Error {
    match error.downcast::<Error>() {
        Ok(ours) => ours,
        Err(foreign) => describe(foreign, doing, path),
    }
}

/// Attaches a description to operating system errors.
pub(crate) trait IoContext<T> {
    /// Describes a failure as `cannot <doing> <path>`.
    fn context(self, doing: &'static str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T, E: Into<io::Error>> IoContext<T> for std::result::Result<T, E> {
    fn context(self, doing: &'static str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|error| take_back(error.into(), doing, path.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_error_names_the_action_the_file_and_the_kind() {
        let error = io_error(io::Error::from(io::ErrorKind::NotFound), "open", "/a/b");
        assert_eq!(error.message(), "cannot open /a/b");
        assert_eq!(error.code(), "io/not-found");
    }

    #[test]
    fn from_io_returns_our_own_errors_unchanged() {
        let ours = Error::new(ErrorKind::CompressCorrupt, "bad block");
        assert_eq!(
            from_io(into_io(ours), "read", "x").code(),
            "compress/corrupt"
        );
    }
}
