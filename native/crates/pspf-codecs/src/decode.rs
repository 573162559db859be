//! Decoders, fed piece by piece, with the rules of the launcher: every member of a stream counts, nothing else may follow, and
//! windows are bounded.

use std::io;

use bzip2::{Decompress, Status};
use lzma_rust2::{Action, Status as XzStatus, XzStream};
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

/// What a stream is compressed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// The xz container.
    Xz,
    /// bzip2.
    Bzip2,
    /// RFC 8878.
    Zstd,
}

/// Why a stream cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is damaged, or not of the kind.
    Corrupt(String),
    /// It asks for more memory than it may have.
    TooLarge,
    /// It uses a part of its format that the decoder lacks.
    Unsupported(String),
}

/// What the xz decoder needs beside the dictionary, in KiB.
const XZ_OVERHEAD_KIB: u32 = 1024;
/// The library's number, stable across its versions, for a window that is larger than we allow.
const ZSTD_WINDOW_TOO_LARGE: usize = 16;

enum Decoder {
    Xz(Box<XzStream>),
    Bzip2(Decompress),
    Zstd(DCtx<'static>),
}

/// Decodes one stream of any number of members.
pub struct StreamDecoder {
    decoder: Decoder,
    is_last: bool,
    between_members: bool,
    seen_member: bool,
}

impl StreamDecoder {
    /// A decoder at the start of a stream, with a window or dictionary of so many bytes at most.
    pub fn new(compression: Compression, max_window: usize) -> Result<Self, Failure> {
        let decoder = match compression {
            Compression::Xz => {
                let window = u32::try_from(max_window / 1024).unwrap_or(u32::MAX);
                let limit = window.saturating_add(XZ_OVERHEAD_KIB);
                Decoder::Xz(Box::new(XzStream::new_mem_limit(true, limit)))
            }
            Compression::Bzip2 => Decoder::Bzip2(Decompress::new(false)),
            Compression::Zstd => {
                let mut context = DCtx::try_create().ok_or(Failure::TooLarge)?;
                let window = DParameter::WindowLogMax(max_window.max(1 << 10).ilog2());
                context.set_parameter(window).map_err(zstd_failure)?;
                Decoder::Zstd(context)
            }
        };
        Ok(Self {
            decoder,
            is_last: false,
            between_members: true,
            seen_member: false,
        })
    }

    /// Says that what [`StreamDecoder::decode`] is given from now on is all that there is.
    pub const fn end(&mut self) {
        self.is_last = true;
    }

    /// Decodes some input. Gives the numbers of bytes taken and written; no bytes written means that more input is
    /// needed, or after [`StreamDecoder::end`] that the stream was complete.
    pub fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), Failure> {
        let mut taken = 0_usize;
        loop {
            let rest = input.get(taken..).unwrap_or_default();
            if rest.is_empty() && (!self.is_last || self.between_members && self.seen_member) {
                return Ok((taken, 0));
            }
            if self.between_members {
                if self.seen_member {
                    self.restart()?;
                }
                self.between_members = false;
                self.seen_member = true;
            }
            let (read, written, ended) = self.step(rest, output)?;
            taken = taken.saturating_add(read);
            self.between_members = ended;
            if written > 0 {
                return Ok((taken, written));
            }
            if !ended && (read == 0 || rest.is_empty()) {
                if self.is_last {
                    return Err(Failure::Corrupt("it ends early".into()));
                }
                return Ok((taken, 0));
            }
        }
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize, bool), Failure> {
        match &mut self.decoder {
            Decoder::Xz(stream) => {
                let action = if self.is_last && input.is_empty() {
                    Action::Finish
                } else {
                    Action::Run
                };
                let done = stream
                    .process(input, output, action)
                    .map_err(|error| xz_failure(&error))?;
                let ended = matches!(done.status, XzStatus::StreamEnd);
                Ok((done.bytes_consumed, done.bytes_produced, ended))
            }
            Decoder::Bzip2(decompress) => {
                let (read, written) = (decompress.total_in(), decompress.total_out());
                let status = decompress
                    .decompress(input, output)
                    .map_err(|error| Failure::Corrupt(error.to_string()))?;
                if matches!(status, Status::MemNeeded) {
                    return Err(Failure::TooLarge);
                }
                let ended = matches!(status, Status::StreamEnd);
                let read = distance(read, decompress.total_in());
                Ok((read, distance(written, decompress.total_out()), ended))
            }
            Decoder::Zstd(context) => {
                let mut source = InBuffer::around(input);
                let mut target = OutBuffer::around(output);
                let left = context
                    .decompress_stream(&mut target, &mut source)
                    .map_err(zstd_failure)?;
                Ok((source.pos(), target.pos(), left == 0))
            }
        }
    }

    fn restart(&mut self) -> Result<(), Failure> {
        match &mut self.decoder {
            // It reads concatenated streams by itself, so only junk can follow its end.
            Decoder::Xz(_) => {
                return Err(Failure::Corrupt("something else follows its end".into()));
            }
            Decoder::Bzip2(decompress) => *decompress = Decompress::new(false),
            Decoder::Zstd(context) => {
                context
                    .reset(ResetDirective::SessionOnly)
                    .map_err(zstd_failure)?;
            }
        }
        Ok(())
    }
}

fn distance(from: u64, to: u64) -> usize {
    usize::try_from(to.saturating_sub(from)).unwrap_or_default()
}

fn xz_failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::OutOfMemory => Failure::TooLarge,
        io::ErrorKind::Unsupported => Failure::Unsupported(error.to_string()),
        _ => Failure::Corrupt(error.to_string()),
    }
}

/// The names that the library has for its errors would be 3 KiB of text for people who cannot change what is in a package.
fn zstd_failure(code: usize) -> Failure {
    match code.wrapping_neg() {
        ZSTD_WINDOW_TOO_LARGE => Failure::TooLarge,
        number => Failure::Corrupt(format!("error {number} of its decoder")),
    }
}
