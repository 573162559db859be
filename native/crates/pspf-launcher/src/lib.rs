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
    let mut words = std::env::args_os();
    let invocation = Invocation {
        original_command: words.next().unwrap_or_default(),
        arguments: words.collect(),
        environment: std::env::vars_os().collect(),
    };
    match start_self(invocation) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            report::failure(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn start_self(invocation: Invocation) -> Result<u8> {
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
