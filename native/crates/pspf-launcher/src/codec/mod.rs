//! From stored bytes to content: the operations of a slot, undone.

mod bounded_reader;
mod bzip2;
mod digest_reader;
mod frames;
mod gzip;
mod parallel_zstd;
mod stream_reader;
mod xz;
mod zstd;

use std::io::BufRead;

use pspf_format::{Error, ErrorKind, Result};

pub(crate) use self::bounded_reader::{BoundedReader, OutputLimit};
pub(crate) use self::bzip2::Bzip2;
pub(crate) use self::digest_reader::DigestReader;
pub(crate) use self::frames::is_splittable;
pub(crate) use self::gzip::Gzip;
pub(crate) use self::parallel_zstd::with_parallel_frames;
pub(crate) use self::stream_reader::StreamReader;
pub(crate) use self::xz::Xz;
pub(crate) use self::zstd::Zstd;

/// Largest window or dictionary that a package may ask for, in bytes.
pub(crate) const MAX_WINDOW: usize = 64 * 1024 * 1024;

/// A compression that a slot can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// RFC 1952.
    Gzip,
    /// bzip2.
    Bzip2,
    /// The xz container.
    Xz,
    /// RFC 8878.
    Zstd,
}

/// Undoes one compression.
pub(crate) fn decompress<'a>(
    compression: Compression,
    inner: Box<dyn BufRead + 'a>,
) -> Result<Box<dyn BufRead + 'a>> {
    Ok(match compression {
        Compression::Gzip => Box::new(StreamReader::new(Gzip::new(), inner)),
        Compression::Bzip2 => Box::new(StreamReader::new(Bzip2::new(), inner)),
        Compression::Xz => Box::new(StreamReader::new(Xz::new(), inner)),
        Compression::Zstd => Box::new(StreamReader::new(Zstd::new()?, inner)),
    })
}

/// A window or dictionary beyond [`MAX_WINDOW`].
fn too_much_memory(name: &'static str) -> Error {
    Error::new(
        ErrorKind::CompressTooLarge,
        format!("the {name} data needs more than 64 MiB of memory to decode"),
    )
    .hint("compress it with a window of at most 64 MiB")
}
