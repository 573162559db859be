//! Starts a PSPF/2025 package: verifies it, fills its cache once, and hands over to its program.

mod codec;
mod extract;
mod failure;
mod package_file;
mod platform;

use std::process::ExitCode;

/// Starts the package that this executable is part of.
pub fn run() -> ExitCode {
    ExitCode::FAILURE
}
