//! Content onto the disk, contained.

mod extract_slot;
mod extraction;
mod member_path;
mod new_file;
mod spellings;
mod tar_header;
mod tar_reader;
mod totals;

pub(crate) use self::extract_slot::{Listed, check_slot, extract_slot, list_slot};
pub(crate) use self::extraction::{Existing, Extraction};
pub(crate) use self::member_path::{MemberPath, unsafe_path};
pub(crate) use self::spellings::Spellings;
pub(crate) use self::tar_reader::MemberKind;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::tar_reader::TarReader;
pub(crate) use self::totals::{PERMISSION_BITS, PendingModes, Totals};
