//! Where the parts of a new package go.

use alloc::vec::Vec;

use crate::constants::{DESCRIPTOR_SIZE, MAX_SLOTS, TRAILER_SIZE};
use crate::error::{Error, Result};
use crate::error_kind::ErrorKind;
use crate::section::Section;

/// What every part is aligned to, in bytes.
const ALIGNMENT: u64 = 8;

/// Where the parts of a new package go: launcher, slots, metadata, slot table, trailer, in this order, so that it can be
/// written front to back. Readers take every order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Each slot's stored bytes, in slot order.
    pub slots: Vec<Section>,
    /// The compressed metadata.
    pub metadata: Section,
    /// The slot descriptors.
    pub slot_table: Section,
    /// First byte of the trailer.
    pub trailer_offset: u64,
    /// Length of the whole file in bytes.
    pub package_size: u64,
}

impl Layout {
    /// Lays out a package. All sizes are in bytes.
    pub fn compute(launcher: u64, slots: &[u64], metadata: u64) -> Result<Self> {
        if slots.len() > usize::try_from(MAX_SLOTS).unwrap_or(usize::MAX) {
            return Err(limit().with("slots", slots.len()).with("limit", MAX_SLOTS));
        }
        place(launcher, slots, metadata).ok_or_else(|| {
            limit()
                .with("launcher", launcher)
                .with("metadata", metadata)
        })
    }
}

fn place(launcher: u64, slots: &[u64], metadata: u64) -> Option<Layout> {
    let mut end = launcher;
    let mut append = |size: u64| {
        // What has no bytes takes no place, not even padding.
        let offset = if size == 0 {
            end
        } else {
            end.checked_next_multiple_of(ALIGNMENT)?
        };
        end = offset.checked_add(size)?;
        Some(Section { offset, size })
    };
    let slots: Vec<Section> = slots
        .iter()
        .map(|size| append(*size))
        .collect::<Option<_>>()?;
    let metadata = append(metadata)?;
    let table_size = u64::try_from(slots.len())
        .ok()?
        .checked_mul(DESCRIPTOR_SIZE as u64)?;
    let slot_table = append(table_size)?;
    let trailer = append(TRAILER_SIZE as u64)?;
    Some(Layout {
        slots,
        metadata,
        slot_table,
        trailer_offset: trailer.offset,
        package_size: trailer.end()?,
    })
}

fn limit() -> Error {
    Error::new(
        ErrorKind::BuildLimit,
        "the package would be larger than the format allows",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compute_lays_out_front_to_back_with_every_part_aligned() {
        let layout = Layout::compute(25, &[29, 0, 44, 130], 817).unwrap();
        assert!(
            layout
                .slots
                .iter()
                .map(|slot| slot.offset)
                .eq([32, 61, 64, 112])
        );
        assert_eq!((layout.metadata.offset, layout.metadata.size), (248, 817));
        assert_eq!(
            (layout.slot_table.offset, layout.slot_table.size),
            (1072, 256)
        );
        assert_eq!((layout.trailer_offset, layout.package_size), (1328, 9528));
        let empty = Layout::compute(0, &[], 1).unwrap();
        assert_eq!((empty.slot_table.size, empty.trailer_offset), (0, 8));
    }

    #[test]
    fn compute_refuses_what_no_file_can_hold() {
        for (launcher, slots, metadata) in [
            (u64::MAX, &[][..], 1),
            (0, &[], u64::MAX),
            (0, &[u64::MAX], 0),
            (0, &[u64::MAX / 2, u64::MAX / 2], 0),
        ] {
            assert_eq!(
                Layout::compute(launcher, slots, metadata)
                    .unwrap_err()
                    .code(),
                "build/limit"
            );
        }
        assert!(Layout::compute(0, &alloc::vec![0; 65_536], 0).is_err());
    }
}
