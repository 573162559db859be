//! What the document says about one slot.

use alloc::borrow::Cow;

use super::Lifecycle;
use super::fields::{flag, list, object, optional, required, text};
use crate::constants::DIGEST_SIZE;
use crate::error::{Error, Result};
use crate::error_kind::ErrorKind;
use crate::frames::{FrameTable, MAX_FRAMES};
use crate::hex::parse_checksum;
use crate::json_reader::JsonReader;
use crate::mode::parse_mode;

/// What the document says about one slot.
#[derive(Debug, Default)]
pub struct SlotMetadata<'a> {
    /// The number that `{slot:N}` refers to: the position, unless a builder wrote another.
    pub slot: u64,
    /// Name of the slot. Never a path.
    pub id: Cow<'a, str>,
    /// Where the content goes in the workenv.
    pub target: Cow<'a, str>,
    /// Stored length in bytes; the Python builder writes the source's.
    pub size: u64,
    /// `sha256:` and 64 digits over the stored bytes; [`SlotMetadata::digest`] reads it.
    pub checksum: Cow<'a, str>,
    /// The chain as the builder spelled it. Only the descriptor's is obeyed.
    pub operations: Cow<'a, str>,
    /// The word for when it is extracted; [`SlotMetadata::lifecycle`] reads it.
    pub lifecycle_word: Cow<'a, str>,
    /// Octal permission bits as written.
    pub permissions: Option<Cow<'a, str>>,
    /// Whether the slot stands for the package file itself and has no bytes.
    pub self_ref: bool,
    /// Where its stored bytes can be cut.
    pub frames: Option<FrameTable<'a>>,
}

impl SlotMetadata<'_> {
    /// The SHA-256 that the stored bytes must have; `None` for a slot without bytes that stands for
    /// the package.
    ///
    /// Anything else without a digest is refused: the signed digest is all that binds a slot to the
    /// signature.
    pub fn digest(&self, stored_size: u64) -> Result<Option<[u8; DIGEST_SIZE]>> {
        if self.self_ref && stored_size == 0 {
            return Ok(None);
        }
        parse_checksum(&self.checksum).map(Some).ok_or_else(|| {
            Error::new(
                ErrorKind::VerifySlotDigest,
                "a slot has no SHA-256 to check its bytes with",
            )
            .with("slot", self.slot)
            .with("checksum", &self.checksum)
        })
    }

    /// When the slot is extracted, and how long its files stay.
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle::parse(&self.lifecycle_word)
    }

    /// The 16 bits that a builder stores for the permissions, `None` where the word is no octal
    /// number.
    pub fn permission_bits(&self) -> Option<u16> {
        match self.permissions.as_deref() {
            None | Some("") => Some(0o600),
            Some(word) => parse_mode(word),
        }
    }
}

pub(super) fn parse<'a>(reader: &mut JsonReader<'a>, position: u64) -> Result<SlotMetadata<'a>> {
    let (mut id, mut target, mut checksum) = (None, None, None);
    let mut slot = SlotMetadata {
        slot: position,
        ..SlotMetadata::default()
    };
    object(reader, |reader, key| {
        match key {
            "slot" => slot.slot = optional(reader, JsonReader::integer)?.unwrap_or(position),
            "id" => id = optional(reader, JsonReader::string)?,
            "target" => target = optional(reader, JsonReader::string)?,
            "size" => slot.size = optional(reader, JsonReader::integer)?.unwrap_or_default(),
            "checksum" => checksum = optional(reader, JsonReader::string)?,
            "operations" => slot.operations = text(reader)?,
            "lifecycle" => slot.lifecycle_word = text(reader)?,
            "permissions" => slot.permissions = optional(reader, JsonReader::string)?,
            // For people and for builders: no reader acts on them.
            "source" | "purpose" | "resolution" => drop(text(reader)?),
            "self_ref" => slot.self_ref = flag(reader)?,
            "frames" => slot.frames = optional(reader, parse_frames)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    slot.id = required(reader, id, "id")?;
    slot.target = required(reader, target, "target")?;
    slot.checksum = match checksum {
        None if slot.self_ref => Cow::Borrowed(""),
        checksum => required(reader, checksum, "checksum")?,
    };
    Ok(slot)
}

fn parse_frames<'a>(reader: &mut JsonReader<'a>) -> Result<FrameTable<'a>> {
    let mut frames = FrameTable::default();
    object(reader, |reader, key| {
        match key {
            "stored" => frames.stored = list(reader, parse_frame_size)?,
            "content" => frames.content = list(reader, parse_frame_size)?,
            "digests" => frames.digests = text(reader)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(frames)
}

/// A number of a list that no document may make long.
fn parse_frame_size(reader: &mut JsonReader<'_>, position: u64) -> Result<u64> {
    if position >= MAX_FRAMES as u64 {
        return Err(reader
            .error("a slot has too many frames")
            .with("limit", MAX_FRAMES));
    }
    reader.integer()
}
