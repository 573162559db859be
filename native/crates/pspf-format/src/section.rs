//! A stretch of the file.

use crate::error::{Error, Result};
use crate::error_kind::ErrorKind;

/// A stretch of the file, given by its first byte and its length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// First byte, counted from the start of the file.
    pub offset: u64,
    /// Length in bytes.
    pub size: u64,
}

impl Section {
    /// The byte after the last one, or `None` where no 64-bit number can hold it.
    pub const fn end(self) -> Option<u64> {
        self.offset.checked_add(self.size)
    }

    /// Checks that the section ends at or before `limit`.
    pub fn check(self, what: &'static str, limit: u64) -> Result<()> {
        if self.end().is_some_and(|end| end <= limit) {
            return Ok(());
        }
        Err(
            Error::new(ErrorKind::FormatBadRange, "a section lies outside the file")
                .with("section", what)
                .with("offset", self.offset)
                .with("size", self.size)
                .with("limit", limit)
                .hint("the file is damaged or was cut short; get it again"),
        )
    }

    /// Whether two sections share a byte. Empty sections share none.
    pub fn overlaps(self, other: Self) -> bool {
        match (self.end(), other.end()) {
            (Some(end), Some(other_end)) => {
                self.size > 0 && other.size > 0 && self.offset < other_end && other.offset < end
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_refuses_what_does_not_fit_or_overflows() {
        let section = |offset, size| Section { offset, size };
        assert!(section(0, 0).check("x", 0).is_ok());
        assert!(section(10, 10).check("x", 20).is_ok());
        assert!(section(10, 11).check("x", 20).is_err());
        assert!(section(21, 0).check("x", 20).is_err());
        assert!(section(u64::MAX, 1).check("x", u64::MAX).is_err());
        assert!(section(1, u64::MAX).check("x", u64::MAX).is_err());
    }

    #[test]
    fn overlaps_sees_shared_bytes_only() {
        let section = |offset, size| Section { offset, size };
        assert!(section(0, 10).overlaps(section(9, 1)));
        assert!(!section(0, 10).overlaps(section(10, 1)));
        assert!(!section(0, 10).overlaps(section(5, 0)));
        assert!(section(0, 10).overlaps(section(u64::MAX, 2)));
    }
}
