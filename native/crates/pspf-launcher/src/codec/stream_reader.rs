//! One reader for every compression: feeds a decoder, hands out what it yields.

use std::io::{self, BufRead, Read};

use pspf_format::{Error, ErrorKind, Result};

use crate::failure::into_io;
use crate::package_file::read_buffered;

/// How much a decoder yields at a time, in bytes.
const CHUNK: usize = 256 * 1024;

/// What one call of [`Decoder::decode`] did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Bytes taken from the input.
    pub(crate) consumed: usize,
    /// Bytes written to the output.
    pub(crate) produced: usize,
    /// Whether a member (a gzip member, a zstd frame…) is complete.
    pub(crate) ended: bool,
}

/// A decompressor that works from buffer to buffer.
pub(crate) trait Decoder {
    /// Name for messages.
    const NAME: &'static str;

    /// Decodes some input; `last` says that no more follows.
    fn decode(&mut self, input: &[u8], output: &mut [u8], last: bool) -> Result<Step>;

    /// Prepares for another member after one has ended.
    fn restart(&mut self) -> Result<()>;
}

/// How much memory the windows or dictionaries of all layers may take together, in bytes.
pub(super) const MAX_WINDOW: usize = 64 * 1024 * 1024;

/// A window or dictionary that is larger than it may be.
pub(super) fn too_much_memory(name: &'static str) -> Error {
    Error::new(
        ErrorKind::CompressTooLarge,
        format!("the {name} data needs too much memory to decode"),
    )
    .with("limit for all layers", MAX_WINDOW)
    .hint("compress it with a window of at most 64 MiB, and only once")
}

/// Damaged data, told in the same words for every compression.
pub(crate) fn corrupt(name: &'static str, detail: &str) -> Error {
    Error::new(
        ErrorKind::CompressCorrupt,
        format!("the {name} data is damaged: {detail}"),
    )
    .hint("download or build the package again")
}

/// Decodes a stream of one or more members.
pub(crate) struct StreamReader<D, R> {
    decoder: D,
    inner: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    between_members: bool,
    seen_member: bool,
}

impl<D: Decoder, R: BufRead> StreamReader<D, R> {
    /// Decodes what `inner` yields.
    pub(crate) fn new(decoder: D, inner: R) -> Self {
        Self {
            decoder,
            inner,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            between_members: true,
            seen_member: false,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.start = 0;
        self.end = 0;
        while self.end == 0 {
            let input = self.inner.fill_buf()?;
            let last = input.is_empty();
            if self.between_members {
                if last && self.seen_member {
                    return Ok(());
                }
                if self.seen_member {
                    self.decoder.restart().map_err(into_io)?;
                }
                self.between_members = false;
                self.seen_member = true;
            }
            let step = self
                .decoder
                .decode(input, &mut self.buffer, last)
                .map_err(into_io)?;
            self.inner.consume(step.consumed);
            self.end = step.produced;
            self.between_members = step.ended;
            if step.produced == 0 && !step.ended && (last || step.consumed == 0) {
                return Err(into_io(corrupt(D::NAME, "it ends early")));
            }
        }
        Ok(())
    }
}

impl<D: Decoder, R: BufRead> BufRead for StreamReader<D, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start >= self.end {
            self.refill()?;
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.start = self.start.saturating_add(amount).min(self.end);
    }
}

impl<D: Decoder, R: BufRead> Read for StreamReader<D, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, out)
    }
}
