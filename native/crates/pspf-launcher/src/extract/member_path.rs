//! Names inside a package: relative, without a way out.

use pspf_format::{Error, ErrorKind, Result};

use crate::platform::{Os, Platform};

/// Longest path in bytes, as on Linux.
const MAX_PATH: usize = 4096;
/// Longest component in bytes, as on nearly every file system.
const MAX_COMPONENT: usize = 255;
/// Most components.
const MAX_DEPTH: usize = 256;

/// A checked relative path; no component is empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MemberPath(Vec<u8>);

impl MemberPath {
    /// Checks a name from a package. `.` and doubled slashes are dropped; the root itself is the empty path.
    pub(crate) fn parse(name: &[u8]) -> Result<Self> {
        if name.len() > MAX_PATH {
            return Err(unsafe_path("a path is longer than 4096 bytes", name));
        }
        // A backslash or a drive letter must not lead out either: one package means the same on every system.
        if let [b'/' | b'\\', ..] | [b'a'..=b'z' | b'A'..=b'Z', b':', ..] = name {
            return Err(unsafe_path("an absolute path is not allowed", name));
        }
        if name
            .split(|byte| matches!(byte, b'/' | b'\\'))
            .any(|part| part == b"..")
        {
            return Err(unsafe_path("`..` is not allowed in a path", name));
        }
        let mut clean = Vec::with_capacity(name.len());
        let mut depth = 0_usize;
        for component in name.split(|byte| *byte == b'/') {
            if matches!(component, b"" | b".") {
                continue;
            }
            if component.len() > MAX_COMPONENT {
                return Err(unsafe_path("a file name is longer than 255 bytes", name));
            }
            if component.contains(&0) {
                return Err(unsafe_path("a path contains a NUL byte", name));
            }
            if Os::refuses_name(component) {
                return Err(unsafe_path("this name cannot be used on this system", name));
            }
            depth = depth.saturating_add(1);
            if depth > MAX_DEPTH {
                return Err(unsafe_path("a path has more than 256 components", name));
            }
            if !clean.is_empty() {
                clean.push(b'/');
            }
            clean.extend_from_slice(component);
        }
        Ok(Self(clean))
    }

    /// The bytes, components separated by `/`.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is the root itself.
    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The components from the top.
    pub(crate) fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0
            .split(|byte| *byte == b'/')
            .filter(|component| !component.is_empty())
    }

    /// The directory and the last component; `None` for the root.
    pub(crate) fn split_last(&self) -> Option<(Self, &[u8])> {
        if self.is_root() {
            return None;
        }
        let slash = self.0.iter().rposition(|byte| *byte == b'/');
        match slash.and_then(|at| self.0.split_at_checked(at)) {
            Some((parent, name)) => Some((
                Self(parent.to_vec()),
                name.strip_prefix(b"/").unwrap_or(name),
            )),
            None => Some((Self(Vec::new()), &self.0)),
        }
    }

    /// The path as text for messages.
    pub(crate) fn display(&self) -> String {
        if self.is_root() {
            ".".to_owned()
        } else {
            String::from_utf8_lossy(&self.0).into_owned()
        }
    }
}

/// An error that names a path of a package, shortened so that it stays readable.
pub(crate) fn unsafe_path(what: &'static str, name: &[u8]) -> Error {
    let shown =
        String::from_utf8_lossy(name.get(..name.len().min(200)).unwrap_or_default()).into_owned();
    Error::new(ErrorKind::ArchiveUnsafePath, what).with("member", format!("{shown:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str) -> Result<String> {
        MemberPath::parse(name.as_bytes()).map(|path| path.display())
    }

    #[test]
    fn parse_drops_dots_and_doubled_slashes() {
        assert_eq!(parse("./a//b/./c/").unwrap(), "a/b/c");
        assert_eq!(parse("./").unwrap(), ".");
    }

    #[test]
    fn parse_refuses_every_way_out() {
        for name in [
            "/etc/passwd",
            "..",
            "a/../../b",
            "a/..",
            "//x",
            "a\0b",
            "C:\\x",
            "\\x",
            "a\\..\\x",
        ] {
            assert_eq!(
                parse(name).unwrap_err().code(),
                "archive/unsafe-path",
                "{name:?}"
            );
        }
    }

    #[test]
    fn parse_bounds_length_and_depth() {
        assert!(parse(&"a/".repeat(256)).is_ok());
        assert!(parse(&"a/".repeat(257)).is_err());
        assert!(parse(&"a/".repeat(10_000)).is_err());
        assert!(parse(&"a".repeat(255)).is_ok());
        assert!(parse(&"a".repeat(256)).is_err());
    }

    #[test]
    fn split_last_separates_directory_and_name() {
        let path = MemberPath::parse(b"a/b/c").unwrap();
        let (parent, name) = path.split_last().unwrap();
        assert_eq!((parent.as_bytes(), name), (&b"a/b"[..], &b"c"[..]));
        assert!(MemberPath::parse(b".").unwrap().split_last().is_none());
    }
}
