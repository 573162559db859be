//! What is known about a directory that is being filled.

use std::collections::BTreeMap;

use super::MemberPath;

/// Permission bits that a package may set; setuid, setgid and sticky are never among them.
pub(crate) const PERMISSION_BITS: u32 = 0o777;

/// Modes that directories get once everything lies in them.
pub(crate) type PendingModes = BTreeMap<MemberPath, u32>;

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Regular files.
    pub(crate) files: u64,
    /// Bytes in them.
    pub(crate) bytes: u64,
}

impl Totals {
    /// Both together.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            files: self.files.saturating_add(other.files),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}
