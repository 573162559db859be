//! Content onto the disk, contained.

mod extract_slot;
mod member_path;
mod new_file;
mod spellings;
mod tar_header;
mod tar_reader;
mod tree;
#[cfg(not(unix))]
mod tree_portable;
#[cfg(unix)]
mod tree_unix;

pub(crate) use self::extract_slot::{
    Existing, Extraction, Listed, check_slot, extract_slot, list_slot,
};
pub(crate) use self::member_path::MemberPath;
pub(crate) use self::spellings::{CASE_IS_IGNORED, Spellings};
pub(crate) use self::tar_reader::MemberKind;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::tar_reader::TarReader;
pub(crate) use self::tree::{PendingModes, Totals, Tree};
