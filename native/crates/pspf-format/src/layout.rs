//! Where the parts of a package go, and what lies between them.

use alloc::vec::Vec;

use crate::constants::{DESCRIPTOR_SIZE, MAX_SLOTS, TRAILER_SIZE};
use crate::error::{Error, Result};
use crate::error_kind::ErrorKind;
use crate::section::Section;

/// The slot table is aligned like this whatever the slots are, in bytes.
const TABLE_ALIGNMENT: u64 = 8;

/// Where the parts of a package go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The compressed metadata, right behind the launcher.
    pub metadata: Section,
    /// The slot descriptors.
    pub slot_table: Section,
    /// Each slot's stored bytes, in slot order.
    pub slots: Vec<Section>,
    /// First byte of the trailer.
    pub trailer_offset: u64,
    /// Length of the whole file in bytes.
    pub package_size: u64,
}

impl Layout {
    /// Lays out a package: launcher, metadata, slot table, slots, trailer, with nothing but
    /// alignment between them.
    ///
    /// All sizes are in bytes; `alignment` is that of the slots, at least 1.
    pub fn compute(launcher: u64, metadata: u64, slots: &[u64], alignment: u64) -> Result<Self> {
        if slots.len() > usize::try_from(MAX_SLOTS).unwrap_or(usize::MAX) {
            return Err(limit().with("slots", slots.len()).with("limit", MAX_SLOTS));
        }
        place(launcher, metadata, slots, alignment).ok_or_else(|| {
            limit()
                .with("launcher", launcher)
                .with("metadata", metadata)
        })
    }
}

/// The stretches of a file that belong to no section and must be zero in a sealed package.
///
/// `sections` is everything that holds data, in any order; `end` is where the trailer starts.
/// Sections that overlap or leave the file are an error.
pub fn gaps(sections: &[Section], end: u64) -> Result<Vec<Section>> {
    let mut sorted: Vec<Section> = sections
        .iter()
        .copied()
        .filter(|section| section.size > 0)
        .collect();
    sorted.sort_unstable_by_key(|section| section.offset);
    sorted.push(Section {
        offset: end,
        size: 0,
    });
    let mut gaps = Vec::new();
    let mut at = 0_u64;
    for section in sorted {
        match section.offset.checked_sub(at) {
            Some(0) => {}
            Some(size) => gaps.push(Section { offset: at, size }),
            None => {
                return Err(Error::new(
                    ErrorKind::FormatBadRange,
                    "two sections of the package overlap",
                )
                .with("offset", section.offset)
                .with("end of the section before", at));
            }
        }
        section.check("section", end)?;
        at = section.end().unwrap_or(end);
    }
    Ok(gaps)
}

fn place(launcher: u64, metadata: u64, slots: &[u64], alignment: u64) -> Option<Layout> {
    let metadata = Section {
        offset: launcher,
        size: metadata,
    };
    let table_size = u64::try_from(slots.len())
        .ok()?
        .checked_mul(DESCRIPTOR_SIZE as u64)?;
    let table_offset = metadata.end()?.checked_next_multiple_of(TABLE_ALIGNMENT)?;
    let slot_table = Section {
        offset: table_offset,
        size: table_size,
    };
    let mut end = slot_table.end()?;
    let mut placed = Vec::with_capacity(slots.len());
    for size in slots {
        // A slot without bytes takes no place, not even padding.
        let offset = if *size == 0 {
            end
        } else {
            end.checked_next_multiple_of(alignment)?
        };
        let slot = Section {
            offset,
            size: *size,
        };
        end = slot.end()?;
        placed.push(slot);
    }
    let package_size = end.checked_add(TRAILER_SIZE as u64)?;
    Some(Layout {
        metadata,
        slot_table,
        slots: placed,
        trailer_offset: end,
        package_size,
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
    fn compute_lays_out_the_golden_package() {
        let layout = Layout::compute(24, 817, &[29, 44, 130], 8).unwrap();
        assert_eq!(
            layout.metadata,
            Section {
                offset: 24,
                size: 817
            }
        );
        assert_eq!(
            layout.slot_table,
            Section {
                offset: 848,
                size: 192
            }
        );
        assert!(
            layout
                .slots
                .iter()
                .map(|slot| slot.offset)
                .eq([1040, 1072, 1120])
        );
        assert_eq!((layout.trailer_offset, layout.package_size), (1250, 9450));
    }

    #[test]
    fn compute_gives_an_empty_slot_no_place() {
        let layout = Layout::compute(1, 1, &[0, 1, 0], 4096).unwrap();
        assert!(
            layout
                .slots
                .iter()
                .map(|slot| slot.offset)
                .eq([200, 4096, 4097])
        );
    }

    #[test]
    fn compute_refuses_what_no_file_can_hold() {
        for (launcher, metadata, slots) in [
            (u64::MAX, 1, &[][..]),
            (0, u64::MAX, &[]),
            (0, 0, &[u64::MAX]),
            (0, 0, &[u64::MAX / 2, u64::MAX / 2]),
        ] {
            assert_eq!(
                Layout::compute(launcher, metadata, slots, 8)
                    .unwrap_err()
                    .code(),
                "build/limit"
            );
        }
        assert!(Layout::compute(0, 0, &alloc::vec![0; 65_536], 8).is_err());
        assert!(Layout::compute(0, 0, &[1], 0).is_err());
    }

    #[test]
    fn gaps_finds_the_bytes_between_sections() {
        let section = |offset, size| Section { offset, size };
        let found = gaps(&[section(16, 4), section(0, 10), section(12, 0)], 24).unwrap();
        assert_eq!(found, [section(10, 6), section(20, 4)]);
        assert_eq!(gaps(&[], 0).unwrap(), []);
    }

    #[test]
    fn gaps_refuses_overlapping_and_escaping_sections() {
        let section = |offset, size| Section { offset, size };
        assert!(gaps(&[section(0, 10), section(9, 2)], 24).is_err());
        assert!(gaps(&[section(20, 5)], 24).is_err());
        assert!(gaps(&[section(30, 5)], 24).is_err());
        assert!(gaps(&[section(5, u64::MAX)], 24).is_err());
    }
}
