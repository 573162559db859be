//! Errors of the machine, in the words of the toolkit, and the exit codes of `flavor`.

use std::io;
use std::path::Path;

use pspf_format::{Error, ErrorKind};

use crate::plan::json_quote;

/// What the system refused, and where.
pub(crate) fn from_io(error: &io::Error, verb: &str, path: &Path) -> Error {
    let (kind, reason) = match error.kind() {
        io::ErrorKind::NotFound => (ErrorKind::IoNotFound, "it does not exist".into()),
        io::ErrorKind::AlreadyExists => (ErrorKind::IoExists, "it exists already".into()),
        io::ErrorKind::PermissionDenied => (ErrorKind::IoDenied, "access is denied".into()),
        io::ErrorKind::StorageFull => (ErrorKind::IoNoSpace, "the disk is full".into()),
        _ => (ErrorKind::IoFailed, error.to_string()),
    };
    Error::new(
        kind,
        format!(
            "Cannot {verb} {}: {reason}",
            json_quote(&path.to_string_lossy())
        ),
    )
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
