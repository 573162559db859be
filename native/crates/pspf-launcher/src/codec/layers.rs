//! The compressions of a slot, one inside of the other.

use std::io::BufRead;

use pspf_format::{Error, ErrorKind, Result};

use super::bounded_reader::{BoundedReader, OutputLimit};
use super::bzip2::Bzip2;
use super::gzip::Gzip;
use super::stream_reader::StreamReader;
use super::xz::Xz;
use super::zstd::Zstd;

/// How much memory the windows or dictionaries of all layers may take together, in bytes.
pub(super) const MAX_WINDOW: usize = 64 * 1024 * 1024;

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

/// What has to be undone, and how much may come of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layers<'a> {
    compressions: &'a [Compression],
    limit: OutputLimit,
}

impl<'a> Layers<'a> {
    /// Takes the compressions, the outermost first, and the limit for the content inside of them.
    pub(crate) const fn of(compressions: &'a [Compression], limit: OutputLimit) -> Self {
        Self {
            compressions,
            limit,
        }
    }

    /// Undoes all of them. What every layer but the innermost yields is bounded here, and the memory of each.
    pub(crate) fn undo<'r>(self, stored: Box<dyn BufRead + 'r>) -> Result<Box<dyn BufRead + 'r>> {
        let window = MAX_WINDOW
            .checked_div(self.compressions.len())
            .unwrap_or(MAX_WINDOW);
        let mut content = stored;
        for (position, compression) in self.compressions.iter().enumerate() {
            if position > 0 {
                content = Box::new(BoundedReader::new(content, self.limit.of_compressed()));
            }
            content = decompress(*compression, content, window)?;
        }
        Ok(content)
    }
}

/// Undoes one compression, in a window or with a dictionary of so many bytes at most.
pub(crate) fn decompress<'a>(
    compression: Compression,
    inner: Box<dyn BufRead + 'a>,
    window: usize,
) -> Result<Box<dyn BufRead + 'a>> {
    Ok(match compression {
        Compression::Gzip => Box::new(StreamReader::new(Gzip::new(), inner)),
        Compression::Bzip2 => Box::new(StreamReader::new(Bzip2::new(), inner)),
        Compression::Xz => Box::new(StreamReader::new(Xz::new(window), inner)),
        Compression::Zstd => Box::new(StreamReader::new(Zstd::new(window)?, inner)),
    })
}

/// A window or dictionary that is larger than it may be.
pub(super) fn too_much_memory(name: &'static str) -> Error {
    Error::new(
        ErrorKind::CompressTooLarge,
        format!("the {name} data needs too much memory to decode"),
    )
    .with("limit for all layers", MAX_WINDOW)
    .hint("compress it with a window of at most 64 MiB, and only once")
}
