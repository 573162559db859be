//! What only builders and tests need: encoders, the layout of a new package, and where its frames are cut.

pub mod cut;
pub mod layout;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::base64::ALPHABET;
use crate::constants::{
    DESCRIPTOR_SIZE, END_MARKER, INDEX_SIZE, SIGNATURE_SIZE, START_MARKER, TRAILER_SIZE,
};
use crate::index::{Index, checksum_without};
use crate::seal::{ED25519, MAGIC, SEAL_SIZE, Seal, VERSION};
use crate::slot::SlotDescriptor;
use crate::trailer::IndexBlock;

impl Index {
    /// Encodes the block, with the seal if there is one, and computes its Adler-32 last.
    ///
    /// `tail_marker` puts the start marker into the last four bytes, which makes the Go launcher's
    /// own `verify` pass.
    pub fn encode(&self, seal: Option<&Seal>, tail_marker: bool) -> Box<IndexBlock> {
        let bytes = self.write_fields(seal, tail_marker);
        let mut block = Box::new([0; INDEX_SIZE]);
        for (to, from) in block.iter_mut().zip(&bytes) {
            *to = *from;
        }
        let checksum = checksum_without(&block, 4).to_le_bytes();
        for (to, from) in block.iter_mut().skip(4).zip(checksum) {
            *to = from;
        }
        block
    }

    fn write_fields(&self, seal: Option<&Seal>, tail_marker: bool) -> Vec<u8> {
        let hints = &self.hints;
        let mut out = FieldWriter::with_capacity(INDEX_SIZE);
        out.u32(self.format_version)
            .u32(0)
            .u64(self.package_size)
            .u64(self.launcher_size);
        out.u64(self.metadata.offset).u64(self.metadata.size);
        out.u64(self.slot_table.offset).u64(self.slot_table.size);
        out.u32(self.slot_count).u32(self.flags);
        out.bytes(&self.public_key).bytes(&self.metadata_checksum);
        out.bytes(&self.signature).zeros(512 - SIGNATURE_SIZE);
        out.bytes(&[hints.access_mode, hints.cache_strategy, 0, 0]);
        out.u32(hints.page_size)
            .u64(hints.max_memory)
            .u64(hints.min_memory)
            .zeros(24);
        out.u32(hints.stream_chunk_size)
            .zeros(12)
            .u64(hints.build_timestamp)
            .zeros(120);
        out.u64(hints.capabilities)
            .zeros(16)
            .u32(hints.compatibility)
            .u32(hints.protocol_version);
        match seal {
            Some(seal) => out.bytes(&seal.encode()),
            None => out.zeros(512),
        };
        out.zeros(6812)
            .bytes(if tail_marker { &START_MARKER } else { &[0; 4] });
        out.into_vec()
    }
}

impl Seal {
    /// The seal's 512 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = FieldWriter::with_capacity(SEAL_SIZE);
        out.bytes(&MAGIC)
            .bytes(&VERSION.to_le_bytes())
            .bytes(&ED25519.to_le_bytes())
            .zeros(4);
        out.bytes(&self.launcher_digest)
            .bytes(&self.slot_table_digest)
            .zeros(32);
        out.bytes(&self.signature).zeros(336);
        out.into_vec()
    }
}

impl SlotDescriptor {
    /// Encodes the descriptor.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = FieldWriter::with_capacity(DESCRIPTOR_SIZE);
        out.u64(self.id)
            .u64(self.name_hash)
            .u64(self.stored.offset)
            .u64(self.stored.size);
        out.u64(self.original_size)
            .u64(self.operations)
            .u64(self.checksum);
        out.bytes(&[self.purpose, self.lifecycle, self.priority, self.platform]);
        out.bytes(&self.reserved)
            .bytes(&self.permissions.to_le_bytes());
        out.into_vec()
    }
}

/// Puts the markers around an index block.
pub fn encode_trailer(block: &IndexBlock) -> Vec<u8> {
    let mut trailer = Vec::with_capacity(TRAILER_SIZE);
    trailer.extend_from_slice(&START_MARKER);
    trailer.extend_from_slice(block);
    trailer.extend_from_slice(&END_MARKER);
    trailer
}

/// Encodes some bytes as standard Base64.
pub fn encode_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or_default());
        let word = (at(0) << 16) | (at(1) << 8) | at(2);
        for digit in 0..4_usize {
            let shift = [18, 12, 6, 0].get(digit).copied().unwrap_or_default();
            let index = usize::try_from((word >> shift) & 0x3F).unwrap_or_default();
            let character = ALPHABET.get(index).copied().unwrap_or(b'=');
            text.push(char::from(if digit > group.len() {
                b'='
            } else {
                character
            }));
        }
    }
    text
}

/// Appends fields to a block of a known size.
struct FieldWriter(Vec<u8>);

impl FieldWriter {
    fn with_capacity(size: usize) -> Self {
        Self(Vec::with_capacity(size))
    }

    fn bytes(&mut self, field: &[u8]) -> &mut Self {
        self.0.extend_from_slice(field);
        self
    }

    fn zeros(&mut self, count: usize) -> &mut Self {
        self.0.resize(self.0.len().saturating_add(count), 0);
        self
    }

    fn u32(&mut self, field: u32) -> &mut Self {
        self.bytes(&field.to_le_bytes())
    }

    fn u64(&mut self, field: u64) -> &mut Self {
        self.bytes(&field.to_le_bytes())
    }

    fn into_vec(self) -> Vec<u8> {
        self.0
    }
}
