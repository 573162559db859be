//! Slot descriptors: 64 bytes each, one after the other in the slot table.

use alloc::format;
use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::constants::DESCRIPTOR_SIZE;
use crate::error::{Error, Result, mismatch};
use crate::error_kind::ErrorKind;
use crate::fields::FieldReader;
use crate::operation_chain::OperationChain;
use crate::section::Section;

/// One entry of the slot table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotDescriptor {
    /// The slot's index, by custom. No reader relies on it.
    pub id: u64,
    /// [`h8`] of the slot's id, or of its target where the Go builder wrote it.
    pub name_hash: u64,
    /// The stored bytes.
    pub stored: Section,
    /// Length before the operations, in bytes. A hint: two builders store the size after them.
    pub original_size: u64,
    /// Packed operations, as stored.
    pub operations: u64,
    /// [`h8`] of the stored bytes.
    pub checksum: u64,
    /// 0 data, 1 code, 2 config, 3 media. No reader relies on it.
    pub purpose: u8,
    /// 0 init to 10 platform. Readers use the metadata's word.
    pub lifecycle: u8,
    /// Display order.
    pub priority: u8,
    /// 0 any, 1 Linux, 2 macOS, 3 Windows.
    pub platform: u8,
    /// Not used.
    pub reserved: [u8; 2],
    /// Permission bits of a single file; 0 stands for 0600.
    pub permissions: u16,
}

impl SlotDescriptor {
    /// Decodes one descriptor. Any 64 bytes are a descriptor; [`SlotDescriptor::check`] judges it.
    pub fn decode(bytes: &[u8; DESCRIPTOR_SIZE]) -> Self {
        read_fields(bytes).unwrap_or_default()
    }

    /// Checks that the stored bytes lie in the file and that the chain can be undone, and gives the
    /// chain.
    pub fn check(&self, slot: usize, data_end: u64) -> Result<OperationChain> {
        self.stored
            .check("slot", data_end)
            .map_err(|error| error.with("slot", slot))?;
        OperationChain::unpack(self.operations)
            .and_then(OperationChain::require_known)
            .map_err(|error| error.with("slot", slot))
    }

    /// Checks the SHA-256 of the stored bytes against the eight bytes kept here.
    pub fn verify_checksum(&self, slot: usize, sha256: &[u8; 32]) -> Result<()> {
        let actual = first_eight(sha256);
        if actual == self.checksum {
            return Ok(());
        }
        Err(mismatch(
            ErrorKind::VerifySlotDigest,
            "the slot's checksum in the slot table",
            format_args!("{:016x}", self.checksum),
            format_args!("{actual:016x}"),
        )
        .with("slot", slot)
        .hint("the package is damaged or was changed; get it again"))
    }
}

/// Splits a slot table into its descriptors. The bytes must be exactly those that the index names.
pub fn parse_table(table: &[u8]) -> Result<Vec<SlotDescriptor>> {
    match table.as_chunks::<DESCRIPTOR_SIZE>() {
        (descriptors, []) => Ok(descriptors.iter().map(SlotDescriptor::decode).collect()),
        (_, rest) => Err(Error::new(
            ErrorKind::FormatBadRange,
            format!("the slot table ends {} bytes into a descriptor", rest.len()),
        )
        .with("size", table.len())),
    }
}

/// The first eight bytes of a SHA-256, as the little-endian number that descriptors hold.
pub fn h8(bytes: &[u8]) -> u64 {
    first_eight(&Sha256::digest(bytes).into())
}

fn first_eight(digest: &[u8; 32]) -> u64 {
    digest
        .first_chunk()
        .map_or(0, |first| u64::from_le_bytes(*first))
}

fn read_fields(bytes: &[u8; DESCRIPTOR_SIZE]) -> Option<SlotDescriptor> {
    let mut fields = FieldReader::new(bytes);
    Some(SlotDescriptor {
        id: fields.u64()?,
        name_hash: fields.u64()?,
        stored: Section {
            offset: fields.u64()?,
            size: fields.u64()?,
        },
        original_size: fields.u64()?,
        operations: fields.u64()?,
        checksum: fields.u64()?,
        purpose: fields.u8()?,
        lifecycle: fields.u8()?,
        priority: fields.u8()?,
        platform: fields.u8()?,
        reserved: fields.bytes()?,
        permissions: fields.u16()?,
    })
}
