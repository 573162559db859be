//! Starts a PSPF/2025 package: verifies it, fills its cache once, and hands over to its program.

mod cache;
mod cli;
mod codec;
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
mod report;
mod rules;
mod settings;
mod start;
mod trusted_keys;
mod whole;
mod workenv;

use std::ffi::OsString;
use std::hint::black_box;

use pspf_format::{Error, ErrorKind, Result};

use crate::package::Opened;
use crate::platform::{Os, Platform};
use crate::settings::Settings;
use crate::start::{Invocation, Start};
use crate::trusted_keys::check_trusted;

/// What a builder looks for before it puts a launcher in front of a package: that it checks seals, the operations that it can
/// undo, its version, and the source that it was built from. Nothing has to be run to learn it.
#[used]
static MARKER: &str = concat!(
    "flavor-rs-launcher/1 pspf-2025 ops=",
    pspf_format::operation_words!(),
    "; version=",
    env!("CARGO_PKG_VERSION"),
    " source=",
    env!("FLAVOR_LAUNCHER_SOURCE"),
    ";"
);

/// Name and version of the launcher.
fn version() -> &'static str {
    // Whatever a linker may leave out, it is not what is looked at here.
    if black_box(MARKER).is_empty() {
        return "";
    }
    concat!("flavor-rs-launcher ", env!("CARGO_PKG_VERSION"))
}

/// Starts the package that this executable is part of, and gives the code to end with.
pub fn run() -> i32 {
    run_with(std::env::args_os())
}

/// [`run`] for a `main` that the C library calls, with what it passes.
#[cfg(unix)]
pub fn run_as_main(
    count: std::ffi::c_int,
    words: *const *const std::ffi::c_char,
) -> std::ffi::c_int {
    run_with(platform::arguments(count, words).into_iter())
}

fn run_with(mut words: impl Iterator<Item = OsString>) -> i32 {
    let invocation = Invocation {
        original_command: words.next().unwrap_or_default(),
        arguments: words.collect(),
        environment: std::env::vars_os().collect(),
    };
    start_self(invocation).unwrap_or_else(|error| {
        report::failure(&error);
        error.exit_code().into()
    })
}

fn start_self(invocation: Invocation) -> Result<i32> {
    if Os::has_borrowed_rights() {
        return Err(Error::new(
            ErrorKind::RunCannotExecute,
            "a package never runs with the rights of its file's owner",
        )
        .hint(
            "take the setuid and setgid bits and the capabilities off the file, and start it as the user who may run it",
        ));
    }
    let settings = Settings::read(&invocation.environment);
    let package = match open_self(&settings) {
        Err(error) if error.kind() == ErrorKind::FormatNotAPackage => {
            return bare(&invocation, &settings, error);
        }
        other => other?,
    };
    check_trusted(&package.index.public_key, settings.trusted.as_deref())?;
    if settings.cli {
        return cli::obey(&package, invocation, &settings);
    }
    Start {
        package: &package,
        invocation: &invocation,
        settings: &settings,
        timeline: None,
    }
    .run()
}

/// Opens the package that this executable is part of.
fn open_self(settings: &Settings) -> Result<Opened> {
    let (file, path) = Os::open_self()?;
    Opened::new(file, path, settings.level)
}

/// A launcher without a package.
fn bare(invocation: &Invocation, settings: &Settings, error: Error) -> Result<i32> {
    let words = invocation.arguments.as_slice();
    match words.first() {
        Some(only) if only == "--version" && words.len() == 1 => {
            report::output(&format!("{}\n", version())).map(|()| 0)
        }
        Some(word) if settings.cli && cli::is_help(word) => {
            let json = words.iter().any(|word| word == "--json");
            cli::help_without_package(json).map(|()| 0)
        }
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marker_says_what_builders_look_for() {
        let (known, build) = MARKER.split_once(';').unwrap();
        assert_eq!(
            known,
            "flavor-rs-launcher/1 pspf-2025 ops=none,tar,gzip,bzip2,xz,zstd"
        );
        let (version, source) = build.trim().split_once(' ').unwrap();
        assert_eq!(version, concat!("version=", env!("CARGO_PKG_VERSION")));
        let source = source
            .strip_prefix("source=")
            .unwrap()
            .strip_suffix(';')
            .unwrap();
        let is_digest = source.len() == 64 && source.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(source == "unknown" || is_digest, "{source}");
    }
}
