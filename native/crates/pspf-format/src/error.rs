//! The one error type of the native half.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::error_kind::ErrorKind;

/// A result whose error is an [`Error`].
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// What failed, where, and what to do next.
///
/// One pointer wide, so that the results which carry it stay small.
#[derive(Debug)]
pub struct Error(Box<Details>);

#[derive(Debug)]
struct Details {
    kind: ErrorKind,
    message: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    context: Vec<(&'static str, String)>,
    source: Option<Box<dyn core::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of this kind, with a message that says what was found.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Details {
            kind,
            message: message.into(),
            hint: None,
            context: Vec::new(),
            source: None,
        }))
    }

    /// Adds a fact such as the offset, the slot or what was expected.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((name, value.to_string()));
        self
    }

    /// Says what the reader of the message can do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Keeps the error that led to this one.
    #[must_use]
    pub fn caused_by(mut self, source: impl core::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// The kind, to match on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The code, such as `format/bad-range`.
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// The launcher's exit code for this error.
    pub fn exit_code(&self) -> u8 {
        self.0.kind.exit_code()
    }

    /// What was found, without the context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do next, where we know it.
    pub fn next_step(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The facts added by [`Error::with`], in the order they were added.
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.0.context
    }
}

/// The message, followed by the context in parentheses.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        let mut separator = " (";
        for (name, value) in &self.0.context {
            write!(f, "{separator}{name} {value}")?;
            separator = ", ";
        }
        if self.0.context.is_empty() {
            Ok(())
        } else {
            f.write_str(")")
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

/// `expected A, found B`: the context that most format errors carry.
pub(crate) fn mismatch(
    kind: ErrorKind,
    what: &str,
    expected: impl fmt::Display,
    actual: impl fmt::Display,
) -> Error {
    Error::new(kind, format!("{what} does not match"))
        .with("expected", expected)
        .with("actual", actual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_displays_its_message_and_context() {
        let error = Error::new(
            ErrorKind::FormatBadRange,
            "the metadata lies outside the file",
        )
        .with("offset", 24)
        .with("size", 9)
        .hint("the file was cut short");
        assert_eq!(
            error.to_string(),
            "the metadata lies outside the file (offset 24, size 9)"
        );
        assert_eq!(error.code(), "format/bad-range");
        assert_eq!(error.exit_code(), 102);
        assert_eq!(error.next_step(), Some("the file was cut short"));
    }

    #[test]
    fn error_keeps_its_source() {
        let inner = Error::new(ErrorKind::IoFailed, "read failed");
        let outer = Error::new(ErrorKind::FormatBadMetadata, "cannot read").caused_by(inner);
        assert_eq!(
            core::error::Error::source(&outer).unwrap().to_string(),
            "read failed"
        );
    }

    #[test]
    fn error_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }
}
