//! What must hold for every input to the format crate.
//!
//! The fuzz targets run these functions over what libFuzzer invents; the tests of `pspf-format` run
//! them over the inputs in `seeds/`.

use pspf_format::adler32::adler32;
use pspf_format::constants::{DESCRIPTOR_SIZE, INDEX_SIZE};
use pspf_format::layout::gaps;
use pspf_format::{Index, Metadata, OperationChain, Seal, SlotDescriptor, slot};

/// An index block: what is accepted lies inside of its file.
pub fn index(input: &[u8]) {
    let mut block = Box::new([0; INDEX_SIZE]);
    let length = input.len().min(INDEX_SIZE);
    block[..length].copy_from_slice(&input[..length]);
    // Nearly every mutation breaks the checksum, and nothing behind it would ever run.
    block[4..8].fill(0);
    let sum = adler32(&*block);
    block[4..8].copy_from_slice(&sum.to_le_bytes());

    let _ = Seal::parse(&block).map(|seal| seal.map(|seal| seal.encode()));
    let Ok(decoded) = Index::decode(&block) else {
        return;
    };
    if let Ok((index, _)) = Index::parse(&block, decoded.package_size) {
        for section in [index.launcher(), index.metadata, index.slot_table] {
            let end = section
                .offset
                .checked_add(section.size)
                .expect("no overflow");
            assert!(
                section.size == 0 || end <= index.data_end(),
                "{section:?} leaves the file"
            );
        }
    }
}

/// A slot table: descriptors survive a round trip, and gaps lie between the slots.
pub fn slot_table(input: &[u8]) {
    let Ok(table) = slot::parse_table(input) else {
        assert!(
            input.len() % DESCRIPTOR_SIZE != 0,
            "whole descriptors are always read"
        );
        return;
    };
    let end = input.len() as u64;
    let mut stored = Vec::new();
    for (position, descriptor) in table.iter().enumerate() {
        assert_eq!(
            SlotDescriptor::encode(descriptor),
            input[position * DESCRIPTOR_SIZE..][..DESCRIPTOR_SIZE]
        );
        if descriptor.check(position, end).is_ok() {
            stored.push(descriptor.stored);
        }
    }
    if let Ok(gaps) = gaps(&stored, end) {
        let covered: u64 = gaps.iter().chain(&stored).map(|section| section.size).sum();
        assert_eq!(covered, end, "slots and gaps fill the file");
    }
}

/// A metadata document: what is accepted can be used.
pub fn metadata(input: &[u8]) {
    let Ok(metadata) = Metadata::parse(input) else {
        return;
    };
    assert!(std::str::from_utf8(input).is_ok(), "only UTF-8 is accepted");
    for slot in &metadata.slots {
        let _ = (slot.digest(0), slot.lifecycle(), slot.permission_bits());
        let _ = OperationChain::parse(&slot.operations);
    }
    let _ = metadata.primary_slot();
}

/// A chain: packed and spelled forms lead to each other.
pub fn chain(input: &[u8]) {
    if let Some(packed) = input.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)) {
        if let Ok(chain) = OperationChain::unpack(packed).and_then(OperationChain::require_known) {
            assert_eq!(OperationChain::parse(&chain.to_string()).ok(), Some(chain));
        }
    }
    if let Some(chain) = std::str::from_utf8(input)
        .ok()
        .and_then(|text| OperationChain::parse(text).ok())
    {
        assert_eq!(OperationChain::parse(&chain.to_string()).ok(), Some(chain));
    }
}
