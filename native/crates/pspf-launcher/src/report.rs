//! What people see on stderr, and what goes into the log.
//!
//! Only our own steps are ever logged, never a value of the environment, so no secret can get into a log.

use std::error::Error as _;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, Scope};
use std::time::Duration;

use pspf_format::{Error, Result};

use crate::failure::IoContext;
use crate::json::JsonObject;

/// How long a start stays silent.
const SILENCE: Duration = Duration::from_millis(300);
/// Time between two updates.
const PERIOD: Duration = Duration::from_millis(100);

static LOG: OnceLock<Log> = OnceLock::new();

/// How much is wanted; later is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// Nothing at all.
    Off,
    /// Errors.
    Error,
    /// Warnings: the default.
    Warn,
    /// What a start does.
    Info,
    /// How it does that.
    Debug,
}

/// Where messages go, and in which form.
#[derive(Debug)]
struct Log {
    detail: Detail,
    json: bool,
    path: Option<PathBuf>,
}

/// Sets the log up from `FLAVOR_LAUNCHER_LOG_LEVEL` or `FLAVOR_LOG_LEVEL`, and `FLAVOR_LOG_PATH`. Later calls do nothing.
pub(crate) fn set_up(level: &str, path: Option<PathBuf>) {
    let (json, word) = match level.strip_prefix("json") {
        Some(rest) => (true, rest.strip_prefix(':').unwrap_or("info")),
        None => (false, level),
    };
    let _ = LOG.set(Log {
        detail: detail_of(word),
        json,
        path,
    });
}

/// What nobody knows means the default.
fn detail_of(word: &str) -> Detail {
    match word.to_ascii_lowercase().as_str() {
        "off" | "none" => Detail::Off,
        "error" => Detail::Error,
        "info" => Detail::Info,
        "debug" | "trace" => Detail::Debug,
        _ => Detail::Warn,
    }
}

/// Says something, if that much detail is wanted.
pub(crate) fn say(detail: Detail, text: impl FnOnce() -> String) {
    match LOG.get() {
        Some(log) if detail <= log.detail => log.write(detail, &text()),
        None if detail <= Detail::Warn => write(&format!("{}: {}\n", word_of(detail), text())),
        _ => {}
    }
}

/// Prints a warning, unless the log level forbids it.
pub(crate) fn warning(text: &str) {
    say(Detail::Warn, || text.to_owned());
}

const fn word_of(detail: Detail) -> &'static str {
    match detail {
        Detail::Off | Detail::Error => "error",
        Detail::Warn => "warning",
        Detail::Info => "info",
        Detail::Debug => "debug",
    }
}

impl Log {
    fn write(&self, detail: Detail, text: &str) {
        let line = if self.json {
            let object = JsonObject::new()
                .text("level", word_of(detail))
                .text("message", text);
            format!(
                "{}\n",
                object.number("pid", u64::from(std::process::id())).finish()
            )
        } else {
            format!("{}: {text}\n", word_of(detail))
        };
        let file = self
            .path
            .as_ref()
            .and_then(|path| OpenOptions::new().append(true).create(true).open(path).ok());
        // One write for each line, so that several processes can share a file.
        if file.is_none_or(|mut file| file.write_all(line.as_bytes()).is_err()) {
            write(&line);
        }
    }
}

/// Prints an error: what failed, where, why, and what to do.
pub(crate) fn failure(error: &Error) {
    write(&error_text("error", error));
}

/// Prints an error that changes nothing any more.
pub(crate) fn late_failure(error: &Error) {
    if LOG.get().is_none_or(|log| log.detail >= Detail::Warn) {
        write(&error_text("warning", error));
    }
}

fn error_text(word: &str, error: &Error) -> String {
    let mut text = format!("{word}: {error} [{}]\n", error.code());
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = writeln!(text, "  caused by: {cause}");
        source = cause.source();
    }
    if let Some(hint) = error.next_step() {
        let _ = writeln!(text, "  hint: {hint}");
    }
    text
}

/// One write, so that lines of several processes do not mix; a closed stderr is nobody's problem.
fn write(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes a result to stdout.
pub(crate) fn output(text: &str) -> Result<()> {
    output_bytes(text.as_bytes())
}

/// Writes bytes to stdout, exactly.
pub(crate) fn output_bytes(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .context("write to", "the standard output")
}

/// Shows a line on a terminal that changes until the returned sender is dropped, once it takes noticeably long. Silent
/// without a terminal.
pub(crate) fn show_progress<'scope>(
    scope: &'scope Scope<'scope, '_>,
    line: impl Fn() -> String + Send + 'scope,
) -> Option<Sender<()>> {
    if !io::stderr().is_terminal() || std::env::var_os("CI").is_some() {
        return None;
    }
    let (done, waiting) = mpsc::channel();
    let spawned = thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn_scoped(scope, move || {
            let mut pause = SILENCE;
            let mut shown = false;
            while waiting.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                write(&format!("\rflavor: {}", line()));
                shown = true;
                pause = PERIOD;
            }
            if shown {
                write("\r\x1b[K");
            }
        });
    spawned.is_ok().then_some(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detail_of_takes_unknown_words_for_the_default() {
        assert_eq!(
            ["off", "ERROR", "", "warning", "info", "trace"].map(detail_of),
            [
                Detail::Off,
                Detail::Error,
                Detail::Warn,
                Detail::Warn,
                Detail::Info,
                Detail::Debug,
            ]
        );
    }
}
