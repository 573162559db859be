//! Where zstd frames begin and end, found from their headers without decoding them.

use std::io::{self, BufRead};

use pspf_format::Result;

use super::stream_reader::corrupt;
use super::zstd::Zstd;
use crate::codec::stream_reader::Decoder;
use crate::failure::from_io;

/// Largest frame that is decoded on its own, in bytes of content.
pub(super) const MAX_FRAME: usize = 8 * 1024 * 1024;

const FRAME_MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// The magic and the descriptor, which tells the length of the rest of the header.
const PREFIX: usize = 5;
const BLOCK_HEADER: usize = 3;
const CHECKSUM: usize = 4;
const RLE_BLOCK: u32 = 1;
const RESERVED_BLOCK: u32 = 3;
/// No block may be longer, stored or decoded.
const MAX_BLOCK: usize = 128 * 1024;

/// What a frame header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Length of the header itself.
    pub(super) length: usize,
    /// Content size in bytes.
    pub(super) content: usize,
    has_checksum: bool,
}

/// Reads a header that allows decoding the frame on its own, if this is one.
pub(super) fn parse_header(bytes: &[u8]) -> Option<FrameHeader> {
    let rest = bytes.strip_prefix(&FRAME_MAGIC)?;
    let (&descriptor, rest) = rest.split_first()?;
    let single_segment = descriptor & 0x20 != 0;
    if descriptor & 0x0B != 0 {
        return None; // a dictionary, or the reserved bit: left to the full decoder and its messages
    }
    let window_bytes = usize::from(!single_segment);
    let rest = rest.get(window_bytes..)?;
    let (size_bytes, content) = match descriptor >> 6 {
        0 if single_segment => (1, u64::from(*rest.first()?)),
        1 => (
            2,
            u64::from(u16::from_le_bytes(*rest.first_chunk()?)).saturating_add(256),
        ),
        2 => (4, u64::from(u32::from_le_bytes(*rest.first_chunk()?))),
        3 => (8, u64::from_le_bytes(*rest.first_chunk()?)),
        _ => return None,
    };
    let content = usize::try_from(content)
        .ok()
        .filter(|size| *size <= MAX_FRAME)?;
    let length = PREFIX
        .saturating_add(window_bytes)
        .saturating_add(size_bytes);
    Some(FrameHeader {
        length,
        content,
        has_checksum: descriptor & 0x04 != 0,
    })
}

/// Length of the header fields behind the descriptor, where no dictionary is used.
const fn fields_length(descriptor: u8) -> usize {
    let single_segment = descriptor & 0x20 != 0;
    let size_bytes = match descriptor >> 6 {
        0 if single_segment => 1,
        0 => 0,
        1 => 2,
        2 => 4,
        _ => 8,
    };
    if single_segment {
        size_bytes
    } else {
        size_bytes.saturating_add(1)
    }
}

/// What comes next in a slot.
pub(super) enum Unit {
    /// A whole frame in the buffer, with this much content.
    Frame(usize),
    /// Something the plain decoder has to read; the buffer holds its first bytes.
    Other,
    /// The end.
    End,
}

/// Reads the next frame into `buffer`.
pub(super) fn read_frame(source: &mut impl BufRead, buffer: &mut Vec<u8>) -> Result<Unit> {
    buffer.clear();
    // Never read beyond the frame: what follows belongs to the next one.
    take(source, buffer, PREFIX)?;
    let Some(&descriptor) = buffer.get(PREFIX - 1) else {
        return Ok(if buffer.is_empty() {
            Unit::End
        } else {
            Unit::Other
        });
    };
    take(source, buffer, fields_length(descriptor))?;
    let Some(header) = parse_header(buffer) else {
        return Ok(Unit::Other);
    };
    let longest = compressed_bound(header.content);
    let mut end = header.length;
    loop {
        let block_at = end;
        end = end.saturating_add(BLOCK_HEADER);
        fill_to(source, buffer, end)?;
        let Some(&[a, b, c]) = buffer.get(block_at..end).and_then(<[u8]>::first_chunk) else {
            return Err(corrupt(Zstd::NAME, "a frame ends early"));
        };
        let word = u32::from_le_bytes([a, b, c, 0]);
        let (is_last, kind) = (word & 1 == 1, (word >> 1) & 3);
        let size = usize::try_from(word >> 3).unwrap_or(usize::MAX);
        let stored = if kind == RLE_BLOCK { 1 } else { size };
        if kind == RESERVED_BLOCK || size > MAX_BLOCK {
            return Err(corrupt(Zstd::NAME, "a block header is not valid"));
        }
        end = end.saturating_add(stored);
        if is_last {
            break;
        }
        if end > longest {
            return Ok(Unit::Other); // valid perhaps, but not worth more memory than its content
        }
    }
    end = end.saturating_add(if header.has_checksum { CHECKSUM } else { 0 });
    fill_to(source, buffer, end)?;
    Ok(Unit::Frame(header.content))
}

/// More than any encoder needs for this much content, empty blocks included.
pub(super) const fn compressed_bound(content: usize) -> usize {
    content
        .saturating_add(content / 128)
        .saturating_add(MAX_BLOCK)
}

/// Extends `buffer` to `end`.
fn fill_to(source: &mut impl BufRead, buffer: &mut Vec<u8>, end: usize) -> Result<()> {
    let missing = end.saturating_sub(buffer.len());
    take(source, buffer, missing)?;
    if buffer.len() < end {
        Err(corrupt(Zstd::NAME, "a frame ends early"))
    } else {
        Ok(())
    }
}

/// Appends up to `count` bytes.
pub(super) fn take(
    source: &mut impl BufRead,
    buffer: &mut Vec<u8>,
    mut count: usize,
) -> Result<()> {
    while count > 0 {
        let available = fill(source)?;
        let part = available
            .get(..available.len().min(count))
            .unwrap_or_default();
        if part.is_empty() {
            break;
        }
        let taken = part.len();
        buffer.extend_from_slice(part);
        source.consume(taken);
        count = count.saturating_sub(taken);
    }
    Ok(())
}

fn fill(source: &mut impl BufRead) -> Result<&[u8]> {
    let read = source.fill_buf();
    read.map_err(|error: io::Error| from_io(error, "read", "the package"))
}
