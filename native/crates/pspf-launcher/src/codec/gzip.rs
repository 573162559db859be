//! gzip, all members, with checksums.

use pspf_format::{Error, ErrorKind, Result};
use zlib_rs::{Inflate, InflateError, InflateFlush, Status};

use super::stream_reader::{Decoder, Step, corrupt};

/// 15 bits of window, and 16 to ask for the gzip wrapper.
const GZIP_WINDOW: u8 = 15 + 16;

/// Decodes gzip members.
pub(crate) struct Gzip(Inflate);

impl Gzip {
    /// A decoder at the start of a member.
    pub(crate) fn new() -> Self {
        Self(Inflate::new(true, GZIP_WINDOW))
    }
}

impl Decoder for Gzip {
    const NAME: &'static str = "gzip";

    fn decode(&mut self, input: &[u8], output: &mut [u8], _last: bool) -> Result<Step> {
        let (read, written) = (self.0.total_in(), self.0.total_out());
        let status = self
            .0
            .decompress(input, output, InflateFlush::NoFlush)
            .map_err(|error| match error {
                InflateError::MemError => {
                    Error::new(ErrorKind::CompressTooLarge, "no memory left to decode gzip")
                }
                _ => corrupt(Self::NAME, self.0.error_message().unwrap_or(error.as_str())),
            })?;
        Ok(Step {
            consumed: distance(read, self.0.total_in()),
            produced: distance(written, self.0.total_out()),
            ended: matches!(status, Status::StreamEnd),
        })
    }

    fn restart(&mut self) -> Result<()> {
        *self = Self::new();
        Ok(())
    }
}

/// How far a counter moved within one call; a call never moves it past its buffers.
pub(super) fn distance(before: u64, after: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX)
}
