//! A directory that nothing can leave.

use std::collections::BTreeMap;

use super::MemberPath;

#[cfg(not(unix))]
pub(crate) use super::tree_portable::Tree;
#[cfg(unix)]
pub(crate) use super::tree_unix::Tree;

/// Permission bits that a package may set; setuid, setgid and sticky are never among them.
pub(super) const PERMISSION_BITS: u32 = 0o777;
/// What the owner needs to fill a directory.
pub(super) const OWNER_ALL: u32 = 0o700;

/// Modes that directories get once everything lies in them.
pub(crate) type PendingModes = BTreeMap<MemberPath, u32>;
