//! What the launcher says about itself, when it is asked to.
//!
//! Only its own steps are ever logged, never a value of the environment, so no secret can get into a log.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::json::JsonObject;
use crate::report;

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
        None if detail <= Detail::Warn => {
            report::write(&format!("{}: {}\n", word_of(detail), text()));
        }
        _ => {}
    }
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
            report::write(&line);
        }
    }
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
