//! Names that differ by case only, on file systems that take them for one.
//!
//! There the later of two members would silently take the place of the earlier one, so that what lies on the disk would not be
//! what was signed.

use std::collections::BTreeMap;

use pspf_format::{Error, ErrorKind, Result};

use super::MemberPath;
use crate::platform::{Os, Platform};

/// Every path seen so far, with all directories above it, in the spelling that came first.
#[derive(Debug, Default)]
pub(crate) struct Spellings(BTreeMap<String, Vec<u8>>);

impl Spellings {
    /// Refuses a path if it, or a directory above it, has been spelled differently before.
    pub(crate) fn check(&mut self, path: &MemberPath) -> Result<()> {
        let bytes = path.as_bytes();
        let ends = bytes
            .iter()
            .enumerate()
            .filter_map(|(at, byte)| (*byte == b'/').then_some(at))
            .chain([bytes.len()]);
        for end in ends {
            let spelled = bytes.get(..end).unwrap_or_default();
            let folded = fold(&String::from_utf8_lossy(spelled));
            let first = self.0.entry(folded).or_insert_with(|| spelled.to_vec());
            if first != spelled {
                return Err(Error::new(
                    ErrorKind::ArchiveBadEntry,
                    "two names differ by case only, which is one name on this system",
                )
                .with("member", format!("{:?}", path.display()))
                .with("earlier", format!("{:?}", String::from_utf8_lossy(first)))
                .hint("rename one of them, and pack again"));
            }
        }
        Ok(())
    }
}

/// What names have in common that such a file system takes for one.
fn fold(name: &str) -> String {
    Os::decomposed(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str]) -> Result<()> {
        let mut spellings = Spellings::default();
        names
            .iter()
            .try_for_each(|name| spellings.check(&MemberPath::parse(name.as_bytes()).unwrap()))
    }

    #[test]
    fn check_refuses_names_that_differ_by_case() {
        for names in [
            ["a", "A"],
            ["lib/readme", "lib/README"],
            ["lib/a", "Lib/b"],
            ["lib", "LIB/a"],
            ["\u{e4}", "\u{c4}"],
        ] {
            assert_eq!(
                check(&names).unwrap_err().code(),
                "archive/bad-entry",
                "{names:?}"
            );
        }
    }

    #[test]
    fn check_accepts_other_names_and_the_same_again() {
        check(&["a", "a", "b/a", "b/A1", "ab", "b/a1b", ""]).unwrap();
    }
}
