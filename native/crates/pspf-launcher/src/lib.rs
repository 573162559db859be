//! Starts a PSPF/2025 package: verifies it, fills its cache once, and hands over to its program.

mod cache;
mod cli;
mod codec;
mod compile;
mod extract;
mod failure;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod json;
mod level;
mod log;
mod package;
mod package_file;
mod plan;
mod platform;
mod program;
mod progress;
mod report;
mod rules;
mod settings;
mod start;
mod trace;
mod trusted_keys;
mod workenv;

use std::ffi::OsString;
use std::process::ExitCode;

use pspf_format::{Error, ErrorKind, Result};

use crate::failure::IoContext;
use crate::package::Package;
use crate::settings::Settings;
use crate::start::Invocation;

/// What a builder looks for before it puts a launcher in front of a package: that it checks seals,
/// and the operations that it can undo. Nothing has to be run to learn it.
#[used]
static MARKER: &[u8] = b"flavor-rs-launcher/1 pspf-2025 ops=none,tar,gzip,bzip2,xz,zstd;";

/// Starts the package that this executable is part of.
pub fn run() -> ExitCode {
    ExitCode::from(run_with(std::env::args_os()))
}

/// [`run`] for a `main` that the C library calls, with what it passes.
#[cfg(target_os = "linux")]
pub fn run_as_main(
    count: std::ffi::c_int,
    words: *const *const std::ffi::c_char,
) -> std::ffi::c_int {
    run_with(platform::arguments(count, words).into_iter()).into()
}

fn run_with(mut words: impl Iterator<Item = OsString>) -> u8 {
    let invocation = Invocation {
        original_command: words.next().unwrap_or_default(),
        arguments: words.collect(),
        environment: std::env::vars_os().collect(),
    };
    start_self(invocation).unwrap_or_else(|error| {
        report::failure(&error);
        error.exit_code()
    })
}

fn start_self(invocation: Invocation) -> Result<u8> {
    if platform::has_borrowed_rights() {
        return Err(Error::new(
            ErrorKind::RunCannotExecute,
            "a package never runs with the rights of its file's owner",
        )
        .hint(
            "take the setuid and setgid bits off the file, and start it as the user who may run it",
        ));
    }
    let settings = Settings::read(&invocation.environment);
    let (file, path) = platform::open_self().context("open", "this executable")?;
    let package = match Package::open(file, path, settings.level, settings.trusted.as_deref()) {
        Err(error) if error.kind() == ErrorKind::FormatNotAPackage => {
            return bare(&invocation, error);
        }
        other => other?,
    };
    if settings.cli {
        cli::obey(&package, invocation, &settings)
    } else {
        start::start(&package, &invocation, &settings)
    }
}

/// A launcher without a package.
fn bare(invocation: &Invocation, error: Error) -> Result<u8> {
    if matches!(invocation.arguments.as_slice(), [only] if only == "--version") {
        return report::output(&format!(
            "flavor-rs-launcher {}\n",
            env!("CARGO_PKG_VERSION")
        ))
        .map(|()| 0);
    }
    Err(error)
}
