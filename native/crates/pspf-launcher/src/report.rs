//! What people see on stderr.

use std::error::Error as _;
use std::fmt::Write as _;
use std::io::{self, Write};

use pspf_format::{Error, Result};

use crate::failure::IoContext;
use crate::log::{self, Detail};

/// Prints an error: what failed, where, why, and what to do.
pub(crate) fn failure(error: &Error) {
    let mut text = format!("error: {error} [{}]\n", error.code());
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = writeln!(text, "  caused by: {cause}");
        source = cause.source();
    }
    if let Some(hint) = error.next_step() {
        let _ = writeln!(text, "  hint: {hint}");
    }
    write(&text);
}

/// Prints one line for people who are waiting.
pub(crate) fn notice(text: &str) {
    write(&format!("flavor: {text}\n"));
}

/// Prints a warning, unless the log level forbids it.
pub(crate) fn warning(text: &str) {
    log::say(Detail::Warn, || text.to_owned());
}

/// One write, so that lines of several processes do not mix; a closed stderr is nobody's problem.
pub(crate) fn write(text: &str) {
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
