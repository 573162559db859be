//! The seal: a signature over the index block, which binds the launcher and the slot table as well.
//!
//! It lies in the `future_crypto` field, where existing launchers see reserved bytes.

use alloc::boxed::Box;

use sha2::{Digest, Sha256};

use crate::constants::{DIGEST_SIZE, INDEX_SIZE, PUBLIC_KEY_SIZE, SIGNATURE_SIZE};
use crate::error::{Error, Result, mismatch};
use crate::error_kind::ErrorKind;
use crate::fields::FieldReader;
use crate::hex::Hex;
use crate::signature;
use crate::trailer::IndexBlock;

/// Offset of the seal in the index block.
pub const SEAL_OFFSET: usize = 864;
/// Length of the seal in bytes.
pub const SEAL_SIZE: usize = 512;

pub(crate) const MAGIC: [u8; 8] = *b"PSPFSEAL";
const MESSAGE_PREFIX: [u8; 12] = *b"PSPF-SEAL-1\0";
const MESSAGE_SIZE: usize = MESSAGE_PREFIX.len() + INDEX_SIZE;
pub(crate) const VERSION: u16 = 1;
pub(crate) const ED25519: u16 = 1;
const SIGNATURE_OFFSET: usize = SEAL_OFFSET + 112;

/// A seal as it lies in the file. It proves nothing before [`Seal::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// SHA-256 of the launcher's bytes.
    pub launcher_digest: [u8; DIGEST_SIZE],
    /// SHA-256 of the slot table.
    pub slot_table_digest: [u8; DIGEST_SIZE],
    /// Ed25519 signature over [`message`], by the key that signed the metadata.
    pub signature: [u8; SIGNATURE_SIZE],
}

impl Seal {
    /// Reads the seal of a block. `None` where the field holds something else, or nothing.
    pub fn parse(block: &IndexBlock) -> Result<Option<Self>> {
        let Some((field, _)) = block
            .get(SEAL_OFFSET..)
            .and_then(|rest| rest.split_first_chunk::<SEAL_SIZE>())
        else {
            return Ok(None);
        };
        if !field.starts_with(&MAGIC) {
            return Ok(None);
        }
        decode(field).map(Some).ok_or_else(|| {
            Error::new(
                ErrorKind::FormatBadSeal,
                "the seal has an unknown version or algorithm, or reserved bytes set",
            )
            .with("offset in the index block", SEAL_OFFSET)
            .hint("a newer flavor may be able to read this package")
        })
    }

    /// Verifies the seal's signature over the block it came from.
    pub fn verify(&self, block: &IndexBlock, key: &[u8; PUBLIC_KEY_SIZE]) -> Result<()> {
        if signature::verify(key, &*message(block), &self.signature) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::VerifySeal,
            "the seal's signature does not verify",
        )
        .with("key", Hex(key))
        .hint("the package was changed after it was sealed; get it again from its publisher"))
    }

    /// Checks the slot table's bytes against the seal.
    pub fn verify_slot_table(&self, table: &[u8]) -> Result<()> {
        let actual: [u8; DIGEST_SIZE] = Sha256::digest(table).into();
        if actual == self.slot_table_digest {
            return Ok(());
        }
        Err(mismatch(
            ErrorKind::VerifySlotTableDigest,
            "the slot table's digest",
            Hex(&self.slot_table_digest),
            Hex(&actual),
        )
        .hint("the package was changed after it was sealed; get it again from its publisher"))
    }
}

/// What the seal signs: a prefix, and the index block with its Adler-32 and the seal's signature
/// zeroed.
pub fn message(block: &IndexBlock) -> Box<[u8; MESSAGE_SIZE]> {
    let mut message = Box::new([0; MESSAGE_SIZE]);
    let (prefix, body) = message.split_at_mut(MESSAGE_PREFIX.len());
    prefix.copy_from_slice(&MESSAGE_PREFIX);
    body.copy_from_slice(block);
    for unsigned in [4..8, SIGNATURE_OFFSET..SIGNATURE_OFFSET + SIGNATURE_SIZE] {
        if let Some(field) = body.get_mut(unsigned) {
            field.fill(0);
        }
    }
    message
}

fn decode(field: &[u8; SEAL_SIZE]) -> Option<Seal> {
    let mut fields = FieldReader::new(field);
    fields.skip(MAGIC.len())?;
    let known = fields.u16()? == VERSION && fields.u16()? == ED25519 && fields.u32()? == 0;
    let seal_digests = (fields.bytes()?, fields.bytes()?);
    let reserved: [u8; 32] = fields.bytes()?;
    let signature = fields.bytes()?;
    let rest: [u8; 336] = fields.bytes()?;
    let zero = reserved.iter().chain(&rest).all(|byte| *byte == 0);
    let (launcher_digest, slot_table_digest) = seal_digests;
    (known && zero).then_some(Seal {
        launcher_digest,
        slot_table_digest,
        signature,
    })
}
