//! xz, all streams, with bounded dictionaries.

use std::io;

use lzma_rust2::{Action, Status, XzStream};
use pspf_format::{Error, ErrorKind, Result};

use super::layers::too_much_memory;
use super::stream_reader::{Decoder, Step, corrupt};

/// What the decoder needs beside the dictionary, in KiB.
const OVERHEAD_KIB: u32 = 1024;

/// Decodes xz streams.
pub(super) struct Xz(XzStream);

impl Xz {
    /// A decoder at the start of a file, with a dictionary of so many bytes at most.
    pub(super) fn new(max_window: usize) -> Self {
        let limit = u32::try_from(max_window / 1024)
            .unwrap_or(u32::MAX)
            .saturating_add(OVERHEAD_KIB);
        Self(XzStream::new_mem_limit(true, limit))
    }
}

impl Decoder for Xz {
    const NAME: &'static str = "xz";

    fn decode(&mut self, input: &[u8], output: &mut [u8], last: bool) -> Result<Step> {
        let action = if last { Action::Finish } else { Action::Run };
        let result = self
            .0
            .process(input, output, action)
            .map_err(|error| describe(&error))?;
        Ok(Step {
            consumed: result.bytes_consumed,
            produced: result.bytes_produced,
            ended: matches!(result.status, Status::StreamEnd),
        })
    }

    fn restart(&mut self) -> Result<()> {
        // The decoder reads concatenated streams by itself, so only junk can follow its end.
        Err(corrupt(Self::NAME, "something else follows its end"))
    }
}

fn describe(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::OutOfMemory => too_much_memory(Xz::NAME),
        io::ErrorKind::Unsupported => Error::new(
            ErrorKind::CompressUnsupported,
            format!("this xz data cannot be decoded: {error}"),
        ),
        _ => corrupt(Xz::NAME, &error.to_string()),
    }
}
