//! bzip2, all streams.

use bzip2::{Decompress, Status};
use pspf_format::{Error, ErrorKind, Result};

use super::gzip::distance;
use super::stream_reader::{Decoder, Step, corrupt};

/// Decodes bzip2 streams.
pub(super) struct Bzip2(Decompress);

impl Bzip2 {
    /// A decoder at the start of a stream.
    pub(super) fn new() -> Self {
        Self(Decompress::new(false))
    }
}

impl Decoder for Bzip2 {
    const NAME: &'static str = "bzip2";

    fn decode(&mut self, input: &[u8], output: &mut [u8], _last: bool) -> Result<Step> {
        let (read, written) = (self.0.total_in(), self.0.total_out());
        let status = self
            .0
            .decompress(input, output)
            .map_err(|error| corrupt(Self::NAME, &error.to_string()))?;
        if matches!(status, Status::MemNeeded) {
            return Err(Error::new(
                ErrorKind::CompressTooLarge,
                "no memory left to decode bzip2",
            ));
        }
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
