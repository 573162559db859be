//! A text in which only the workenv's path is still open.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};

use crate::platform::{Os, Platform};

/// Stands for the workenv's path. No argument and no environment variable can hold this character,
/// so nothing that a package writes can be mistaken for it.
pub(crate) const WORKENV_MARK: char = '\0';

/// A text in which only the workenv's path is still open.
///
/// Everything else that a placeholder stands for is known once a package was read. The path is not:
/// the same cache can be reached by another name at the next start. It need not be UTF-8, either.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template<'a>(Cow<'a, str>);

impl<'a> Template<'a> {
    /// A template from its text, in which [`WORKENV_MARK`] stands for the workenv's path.
    pub(crate) fn from_marked(text: impl Into<Cow<'a, str>>) -> Self {
        Self(text.into())
    }

    /// The text, with its marks.
    pub(crate) fn as_marked(&self) -> &str {
        &self.0
    }

    /// Puts the workenv's path in.
    pub(crate) fn expand(&self, workenv: &OsStr) -> OsString {
        let marks = self.0.matches(WORKENV_MARK).count();
        let mut text = OsString::with_capacity(
            workenv
                .len()
                .saturating_mul(marks)
                .saturating_add(self.0.len()),
        );
        for (position, part) in self.0.split(WORKENV_MARK).enumerate() {
            if position > 0 {
                text.push(workenv);
            }
            text.push(part);
        }
        text
    }
}

impl Template<'_> {
    /// [`Template::expand`] for a text that is a path: with the separators of this system.
    pub(crate) fn expand_path(&self, workenv: &OsStr) -> OsString {
        Os::plain_path(self.expand(workenv).into()).into_os_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expand_puts_the_path_in_at_every_mark() {
        let template = Template::from_marked("\0/bin:\0/sbin");
        assert_eq!(template.expand(OsStr::new("/c d")), "/c d/bin:/c d/sbin");
        assert_eq!(
            Template::from_marked("plain").expand(OsStr::new("/c")),
            "plain"
        );
        assert_eq!(Template::default().expand(OsStr::new("/c")), "");
    }

    #[test]
    fn expand_leaves_braces_in_the_path_alone() {
        assert_eq!(
            Template::from_marked("\0/x").expand(OsStr::new("/{workenv}")),
            "/{workenv}/x"
        );
    }

    #[cfg(unix)]
    #[test]
    fn expand_keeps_a_path_that_is_not_utf8() {
        use std::os::unix::ffi::OsStrExt;
        let expanded = Template::from_marked("\0/x").expand(OsStr::from_bytes(b"/\xFF"));
        assert_eq!(expanded.as_bytes(), b"/\xFF/x");
    }
}
