//! Stops a decoder that yields more than its package declared.

use std::io::{self, BufRead, Read};

use pspf_format::{Error, ErrorKind};

use crate::failure::into_io;
use crate::package_file::read_buffered;

/// Content up to this size is let through whatever its ratio, in bytes.
const FREE_SIZE: u64 = 64 * 1024 * 1024;
/// Largest expansion that an undeclared size may have.
const MAX_RATIO: u64 = 200;

/// How much a slot may decode to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputLimit {
    /// Exactly this many bytes: the size is signed.
    Exact(u64),
    /// At most this many bytes.
    AtMost(u64),
}

impl OutputLimit {
    /// The limit for a package that declares no size we can rely on.
    pub(crate) fn by_ratio(stored: u64) -> Self {
        Self::AtMost(stored.saturating_mul(MAX_RATIO).max(FREE_SIZE))
    }

    /// The limit for a compressed form of such content: no encoder makes it much longer.
    pub(super) fn of_compressed(self) -> Self {
        let bytes = self.bytes();
        Self::AtMost(bytes.saturating_add(bytes / 8).saturating_add(1 << 20))
    }

    const fn bytes(self) -> u64 {
        match self {
            Self::Exact(bytes) | Self::AtMost(bytes) => bytes,
        }
    }
}

/// Passes content through and counts it.
pub(crate) struct BoundedReader<R> {
    inner: R,
    limit: OutputLimit,
    seen: u64,
}

impl<R: BufRead> BoundedReader<R> {
    /// Bounds what `inner` yields.
    pub(crate) const fn new(inner: R, limit: OutputLimit) -> Self {
        Self {
            inner,
            limit,
            seen: 0,
        }
    }
}

impl<R: BufRead> BufRead for BoundedReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let allowed = self.limit.bytes().saturating_sub(self.seen);
        let available = self.inner.fill_buf()?;
        if available.len() as u64 > allowed {
            return Err(into_io(too_long(self.limit)));
        }
        if available.is_empty() && allowed > 0 && matches!(self.limit, OutputLimit::Exact(_)) {
            return Err(into_io(too_short(self.limit, self.seen)));
        }
        Ok(available)
    }

    fn consume(&mut self, amount: usize) {
        self.seen = self.seen.saturating_add(amount as u64);
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for BoundedReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, out)
    }
}

fn too_long(limit: OutputLimit) -> Error {
    let error = Error::new(
        ErrorKind::CompressTooLarge,
        "the content is larger than the package allows",
    );
    match limit {
        OutputLimit::Exact(bytes) => error.with("declared", bytes),
        OutputLimit::AtMost(bytes) => error.with("limit", bytes),
    }
}

fn too_short(limit: OutputLimit, seen: u64) -> Error {
    Error::new(
        ErrorKind::CompressCorrupt,
        "the content is shorter than the package declares",
    )
    .with("declared", limit.bytes())
    .with("actual", seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &[u8], limit: OutputLimit) -> io::Result<usize> {
        BoundedReader::new(data, limit).read_to_end(&mut Vec::new())
    }

    #[test]
    fn bounded_reader_accepts_exactly_the_declared_size() {
        assert_eq!(read(b"12345", OutputLimit::Exact(5)).unwrap(), 5);
        assert!(read(b"12345", OutputLimit::Exact(4)).is_err());
        assert!(read(b"12345", OutputLimit::Exact(6)).is_err());
    }

    #[test]
    fn bounded_reader_allows_a_ratio_of_200_above_64_mebibytes() {
        assert_eq!(OutputLimit::by_ratio(1), OutputLimit::AtMost(64 << 20));
        assert_eq!(
            OutputLimit::by_ratio(1 << 20),
            OutputLimit::AtMost(200 << 20)
        );
    }
}
