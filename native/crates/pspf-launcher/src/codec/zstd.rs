//! zstd as a plain stream: any number of frames, skippable frames too.

use pspf_format::{Error, ErrorKind, Result};
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use super::layers::too_much_memory;
use super::stream_reader::{Decoder, Step, corrupt};

/// Decodes zstd frames.
pub(super) struct Zstd(DCtx<'static>);

impl Zstd {
    /// A decoder at the start of a frame, with a window of so many bytes at most.
    pub(super) fn new(max_window: usize) -> Result<Self> {
        let mut context = new_context()?;
        context
            .set_parameter(DParameter::WindowLogMax(max_window.max(1 << 10).ilog2()))
            .map_err(describe)?;
        Ok(Self(context))
    }
}

/// A decompression context, or a clear error where memory is short.
pub(super) fn new_context() -> Result<DCtx<'static>> {
    DCtx::try_create()
        .ok_or_else(|| Error::new(ErrorKind::CompressTooLarge, "no memory left to decode zstd"))
}

/// The library's number, stable across its versions, for a window that is larger than we allow.
const WINDOW_TOO_LARGE: usize = 16;

/// What the library's error code means. The names that it has for them would be 3 KiB of text for people who cannot change
/// what is in a package.
pub(super) fn describe(code: usize) -> Error {
    match code.wrapping_neg() {
        WINDOW_TOO_LARGE => too_much_memory(Zstd::NAME),
        number => corrupt(Zstd::NAME, &format!("error {number} of its decoder")),
    }
}

impl Decoder for Zstd {
    const NAME: &'static str = "zstd";

    fn decode(&mut self, input: &[u8], output: &mut [u8], _last: bool) -> Result<Step> {
        let mut source = InBuffer::around(input);
        let mut target = OutBuffer::around(output);
        let left = self
            .0
            .decompress_stream(&mut target, &mut source)
            .map_err(describe)?;
        Ok(Step {
            consumed: source.pos(),
            produced: target.pos(),
            ended: left == 0,
        })
    }

    fn restart(&mut self) -> Result<()> {
        self.0
            .reset(ResetDirective::SessionOnly)
            .map_err(describe)?;
        Ok(())
    }
}
