//! Inputs that are encoded already: stored as they are, and decoded on the way, because a file that only begins like its
//! label says would fail at every start.

use pspf_codecs::{Compression, Failure, StreamDecoder};
use pspf_format::{Error, ErrorKind, Operation, Result};
use zlib_rs::{Inflate, InflateFlush, Status};

const CHUNK: usize = 256 * 1024;
/// 15 bits of window, and 16 to ask for the gzip wrapper.
const GZIP_WINDOW: u8 = 15 + 16;
/// The memory that readers give to a window, in bytes.
const MAX_WINDOW: usize = 64 * 1024 * 1024;

/// Decodes what is pushed through all compressions of a chain, and sees what comes out.
pub(crate) struct Decoders {
    name: String,
    /// The outermost first.
    decoders: Vec<Decoder>,
    pub(crate) content: u64,
    /// The first bytes of the content.
    pub(crate) head: Vec<u8>,
}

enum Decoder {
    Gzip {
        inflate: Box<Inflate>,
        is_between: bool,
        is_begun: bool,
    },
    Other(StreamDecoder),
}

impl Decoders {
    /// For the compressions of a chain, in the order in which they were done.
    pub(crate) fn new(name: &str, operations: &[Operation]) -> Result<Self> {
        let decoder = |operation: &Operation| {
            let other =
                |compression| StreamDecoder::new(compression, MAX_WINDOW).map(Decoder::Other);
            match *operation {
                Operation::XZ => other(Compression::Xz),
                Operation::BZIP2 => other(Compression::Bzip2),
                Operation::ZSTD => other(Compression::Zstd),
                _ => Ok(Decoder::Gzip {
                    inflate: Box::new(Inflate::new(true, GZIP_WINDOW)),
                    is_between: true,
                    is_begun: false,
                }),
            }
        };
        let decoders = operations
            .iter()
            .rev()
            .map(decoder)
            .collect::<Result<_, _>>();
        let decoders = decoders.map_err(|failure| describe(name, failure))?;
        Ok(Self {
            name: name.to_owned(),
            decoders,
            content: 0,
            head: Vec::new(),
        })
    }

    /// Takes the next bytes; none is the end.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.push_at(0, bytes)
            .map_err(|failure| describe(&self.name, failure))
    }

    fn push_at(&mut self, level: usize, bytes: &[u8]) -> Result<(), Failure> {
        if level == self.decoders.len() {
            self.content += bytes.len() as u64;
            let missing = 512_usize.saturating_sub(self.head.len()).min(bytes.len());
            self.head.extend_from_slice(&bytes[..missing]);
            return Ok(());
        }
        let is_last = bytes.is_empty();
        let mut rest = bytes;
        let mut output = vec![0; CHUNK];
        loop {
            let (taken, written) = self.decoders[level].decode(rest, &mut output, is_last)?;
            rest = &rest[taken..];
            if written > 0 {
                self.push_at(level + 1, &output[..written])?;
            } else if rest.is_empty() {
                break;
            }
        }
        if is_last && level + 1 < self.decoders.len() {
            self.push_at(level + 1, &[])
        } else {
            Ok(())
        }
    }
}

impl Decoder {
    fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        is_last: bool,
    ) -> Result<(usize, usize), Failure> {
        let (inflate, is_between, is_begun) = match self {
            Self::Other(decoder) => {
                if is_last {
                    decoder.end();
                }
                return decoder.decode(input, output);
            }
            Self::Gzip {
                inflate,
                is_between,
                is_begun,
            } => (inflate, is_between, is_begun),
        };
        if input.is_empty() {
            let is_complete = !is_last || *is_between && *is_begun;
            return if is_complete {
                Ok((0, 0))
            } else {
                Err(Failure::Corrupt("it ends early".into()))
            };
        }
        if *is_between && *is_begun {
            **inflate = Inflate::new(true, GZIP_WINDOW);
        }
        (*is_between, *is_begun) = (false, true);
        let (read, written) = (inflate.total_in(), inflate.total_out());
        let status = inflate
            .decompress(input, output, InflateFlush::NoFlush)
            .map_err(|error| Failure::Corrupt(error.as_str().to_owned()))?;
        *is_between = matches!(status, Status::StreamEnd);
        Ok((
            (inflate.total_in() - read) as usize,
            (inflate.total_out() - written) as usize,
        ))
    }
}

fn describe(name: &str, failure: Failure) -> Error {
    let (kind, what) = match failure {
        Failure::Corrupt(what) => (ErrorKind::CompressCorrupt, what),
        Failure::TooLarge => (
            ErrorKind::CompressTooLarge,
            "it needs too much memory".into(),
        ),
        Failure::Unsupported(what) => (ErrorKind::CompressUnsupported, what),
    };
    Error::new(kind, format!("Cannot decompress {name}: {what}"))
        .hint("The data is damaged or was cut off; get a fresh copy")
}
