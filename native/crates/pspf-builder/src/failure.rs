//! Errors of the machine, in the words of the toolkit, and the exit codes of `flavor`.

use std::io;
use std::path::Path;

use pspf_format::{Error, ErrorKind};

use crate::plan::json_quote;

const CHECK_MODES: &str = "Check the owner and the mode of the file and of its directories";
const FREE_SPACE: &str = "Free some space or choose another place";

/// What the system refused, and where.
pub(crate) fn from_io(error: &io::Error, verb: &str, path: &Path) -> Error {
    use io::ErrorKind as Io;
    let own = error.to_string();
    let (kind, reason, hint) = match error.kind() {
        Io::NotFound => (ErrorKind::IoNotFound, "no such file or directory", None),
        Io::PermissionDenied => (ErrorKind::IoDenied, "permission denied", Some(CHECK_MODES)),
        Io::ReadOnlyFilesystem => (
            ErrorKind::IoDenied,
            "the file system is read-only",
            Some("Choose a place that can be written"),
        ),
        Io::AlreadyExists => (ErrorKind::IoExists, "it exists already", None),
        Io::StorageFull => (
            ErrorKind::IoNoSpace,
            "no space left on the device",
            Some(FREE_SPACE),
        ),
        Io::QuotaExceeded => (
            ErrorKind::IoNoSpace,
            "the disk quota is used up",
            Some(FREE_SPACE),
        ),
        Io::IsADirectory => (ErrorKind::IoFailed, "it is a directory", None),
        Io::NotADirectory => (
            ErrorKind::IoFailed,
            "a part of the path is not a directory",
            None,
        ),
        _ => (ErrorKind::IoFailed, own.as_str(), None),
    };
    let shown = json_quote(&path.to_string_lossy());
    let error = Error::new(kind, format!("Cannot {verb} {shown}: {reason}"));
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// An argument that is not valid.
pub(crate) fn usage(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::UsageBadArgument, message.into())
}

/// The exit code that `flavor` has for an error; a test holds it to the shared table.
pub(crate) fn exit_code(code: &str) -> u8 {
    match code {
        "usage/bad-argument" | "usage/unknown-command" => 2,
        "format/bad-checksum" | "format/bad-padding" => 4,
        "compress/unsupported"
        | "launcher/wrong-format"
        | "launcher/failed"
        | "run/setup-failed"
        | "run/cannot-execute" => 6,
        "aborted/interrupted" => 130,
        "internal/bug" => 1,
        _ => match code.split('/').next() {
            Some("verify") => 4,
            Some("launcher" | "cache" | "io") => 5,
            Some("build") => 6,
            _ => 3,
        },
    }
}
