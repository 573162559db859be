//! `FLAVOR_LAUNCHER_CLI=1`: the launcher's own words, about the package that it is part of.

mod cache_command;
mod check;
mod extract_command;
mod help;
mod info;
mod verify;

use std::ffi::OsString;

use pspf_format::{Error, ErrorKind, Result};

use crate::package::Package;
use crate::report;
use crate::settings::Settings;
use crate::start::{self, Invocation};

/// A command, with its words.
struct Words {
    words: Vec<OsString>,
    json: bool,
}

/// Obeys the words after the package's name. Without any, says what the package is.
pub(crate) fn obey(
    package: &Package,
    mut invocation: Invocation,
    settings: &Settings,
) -> Result<u8> {
    let mut words = std::mem::take(&mut invocation.arguments);
    let command = if words.is_empty() {
        OsString::from("info")
    } else {
        words.remove(0)
    };
    if command == "run" {
        return run(package, invocation, words, settings);
    }
    let json = words.iter().any(|word| word == "--json");
    words.retain(|word| word != "--json");
    let words = Words { words, json };
    match command.to_str() {
        Some("info") => info::info(package, &words),
        Some("metadata") => info::metadata(package),
        Some("verify") => verify::verify(package, &words, settings),
        Some("extract") => extract_command::extract(package, &words),
        Some("cache") => cache_command::cache(package, &words, settings),
        Some("trace") => crate::trace::traced(package, &invocation, settings, words.json),
        Some("help" | "--help" | "-h") => help::help(&words),
        _ => Err(Error::new(
            ErrorKind::UsageUnknownCommand,
            format!("there is no command {}", command.display()),
        )
        .hint("use info, verify, metadata, extract, run, cache, trace or help")),
    }
}

/// Starts the program as if the launcher had not been asked for anything; the program shall not see the variable either.
fn run(
    package: &Package,
    mut invocation: Invocation,
    words: Vec<OsString>,
    settings: &Settings,
) -> Result<u8> {
    invocation.arguments = words;
    invocation
        .environment
        .retain(|(name, _)| name != "FLAVOR_LAUNCHER_CLI");
    start::start(package, &invocation, settings)
}

impl Words {
    /// The only arguments a command takes.
    fn exactly<const N: usize>(&self, usage: &'static str) -> Result<&[OsString; N]> {
        self.words.as_slice().try_into().map_err(|_| {
            Error::new(
                ErrorKind::UsageBadArgument,
                "the command needs other arguments",
            )
            .hint(format!("usage: {usage}"))
        })
    }

    /// Writes a result: one JSON object, or text for people.
    fn answer(&self, json: impl FnOnce() -> String, text: impl FnOnce() -> String) -> Result<()> {
        report::output(&if self.json {
            format!("{}\n", json())
        } else {
            text()
        })
    }
}
