//! Whether index, slot table and metadata tell the same story.

use alloc::vec::Vec;
use core::fmt::Display;

use crate::error::{Result, mismatch};
use crate::error_kind::ErrorKind;
use crate::index::Index;
use crate::layout::gaps;
use crate::metadata::{Metadata, SlotMetadata};
use crate::operation_chain::OperationChain;
use crate::section::Section;
use crate::slot::SlotDescriptor;

/// Checks every slot, and that the descriptors agree with the document.
///
/// In a `sealed` package, which our own builder wrote, number, size, operations and permissions
/// have to be equal and no two sections may overlap. Older builders write other things into the
/// document, so for their packages only the descriptors count. Gives the chain of each slot.
pub fn check_slots(
    index: &Index,
    table: &[SlotDescriptor],
    metadata: &Metadata<'_>,
    sealed: bool,
) -> Result<Vec<OperationChain>> {
    if table.len() != metadata.slots.len() {
        return Err(mismatch(
            ErrorKind::FormatBadSlot,
            "the number of slots",
            metadata.slots.len(),
            table.len(),
        ));
    }
    let mut chains = Vec::with_capacity(table.len());
    for (position, (descriptor, described)) in table.iter().zip(&metadata.slots).enumerate() {
        let chain = descriptor.check(position, index.data_end())?;
        if sealed {
            check_description(position, descriptor, described, chain)
                .map_err(|error| error.with("slot", position))?;
        }
        chains.push(chain);
    }
    if sealed {
        gaps(&sections(index, table), index.data_end())?;
    }
    Ok(chains)
}

/// Everything in the file that holds data: launcher, metadata, slot table and slots.
pub fn sections(index: &Index, table: &[SlotDescriptor]) -> Vec<Section> {
    let mut sections = alloc::vec![index.launcher(), index.metadata, index.slot_table];
    sections.extend(table.iter().map(|descriptor| descriptor.stored));
    sections
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
