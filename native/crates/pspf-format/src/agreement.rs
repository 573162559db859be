//! Whether index, slot table and metadata tell the same story.

use alloc::vec::Vec;
use core::fmt::Display;

use crate::error::{Error, Result, mismatch};
use crate::error_kind::ErrorKind;
use crate::frames::Frame;
use crate::index::Index;
use crate::metadata::{Metadata, SlotMetadata};
use crate::mode::parse_mode;
use crate::operation_chain::OperationChain;
use crate::section::Section;
use crate::slot::SlotDescriptor;

/// A slot of which descriptor and document were held against each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedSlot {
    /// What was done to its content.
    pub chain: OperationChain,
    /// Permission bits to give a single file, never setuid, setgid or sticky.
    pub mode: u16,
    /// Where its stored bytes can be cut; empty where nothing says so.
    pub frames: Vec<Frame>,
}

/// Checks every slot, and that the descriptors agree with the document.
///
/// In a `sealed` package, which our own builder wrote, number, size, operations and permissions
/// have to be equal, a frame table has to fit, and no two sections may overlap. Older builders write
/// other things into the document, so for their packages the descriptors count; but where the signed
/// document names a mode, nothing that is not signed changes it.
pub fn check_slots(
    index: &Index,
    table: &[SlotDescriptor],
    metadata: &Metadata<'_>,
    sealed: bool,
) -> Result<Vec<CheckedSlot>> {
    if table.len() != metadata.slots.len() {
        return Err(mismatch(
            ErrorKind::FormatBadSlot,
            "the number of slots",
            metadata.slots.len(),
            table.len(),
        ));
    }
    let mut slots = Vec::with_capacity(table.len());
    for (position, (descriptor, described)) in table.iter().zip(&metadata.slots).enumerate() {
        let chain = descriptor.check(position, index.data_end())?;
        let frames = match &described.frames {
            None => Ok(Vec::new()),
            Some(table) => table.check(descriptor.stored.size, descriptor.original_size, chain),
        };
        let (mode, frames) = if sealed {
            check_description(position, descriptor, described, chain)
                .and(frames)
                .map(|frames| (descriptor.permissions, frames))
                .map_err(|error| error.with("slot", position))?
        } else {
            let signed = described.permissions.as_deref().and_then(parse_mode);
            let mode = signed.unwrap_or(descriptor.permissions);
            // It would be a help, and nothing that others write has to be one.
            (mode, frames.unwrap_or_default())
        };
        slots.push(CheckedSlot {
            chain,
            mode: if mode == 0 { 0o600 } else { mode & 0o777 },
            frames,
        });
    }
    if sealed {
        gaps(&sections(index, table), index.data_end())?;
    }
    Ok(slots)
}

/// Everything in the file that holds data: launcher, metadata, slot table and slots.
pub fn sections(index: &Index, table: &[SlotDescriptor]) -> Vec<Section> {
    let mut sections = alloc::vec![index.launcher(), index.metadata, index.slot_table];
    sections.extend(table.iter().map(|descriptor| descriptor.stored));
    sections
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

fn check_description(
    position: usize,
    descriptor: &SlotDescriptor,
    described: &SlotMetadata<'_>,
    chain: OperationChain,
) -> Result<()> {
    if usize::try_from(described.slot) != Ok(position) {
        return disagree("the number of a slot", described.slot, position);
    }
    if described.size != descriptor.stored.size {
        return disagree("the size of a slot", described.size, descriptor.stored.size);
    }
    if OperationChain::parse(&described.operations)? != chain {
        return disagree("the operations of a slot", &described.operations, chain);
    }
    let permissions = if descriptor.permissions == 0 {
        0o600
    } else {
        descriptor.permissions
    };
    if described.permission_bits() != Some(permissions) {
        let word = described.permissions.as_deref().unwrap_or_default();
        return disagree(
            "the permissions of a slot",
            word,
            format_args!("{permissions:04o}"),
        );
    }
    Ok(())
}

fn disagree(what: &str, described: impl Display, stored: impl Display) -> Result<()> {
    Err(mismatch(ErrorKind::FormatBadSlot, what, described, stored))
}

#[cfg(test)]
mod tests {
    use super::*;

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
