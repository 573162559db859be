//! The package as an open file: opened once, read by position, never by path again.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use pspf_format::{Error, ErrorKind};

use crate::failure::into_io;

/// How much of a region is read at a time, in bytes.
const CHUNK: usize = 128 * 1024;

/// An open package and its length at the moment it was opened.
#[derive(Debug)]
pub(crate) struct PackageFile {
    file: File,
    length: u64,
    /// Bytes read through regions so far, for the progress line.
    streamed: AtomicU64,
}

impl PackageFile {
    /// Takes over an open file.
    pub(crate) fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self {
            file,
            length,
            streamed: AtomicU64::new(0),
        })
    }

    /// Length in bytes.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    /// Bytes read through regions so far.
    pub(crate) fn streamed(&self) -> u64 {
        self.streamed.load(Ordering::Relaxed)
    }

    /// Fills `buffer` from `offset`; an early end is an error.
    pub(crate) fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            let count = read_at(&self.file, buffer, offset)?;
            if count == 0 {
                return Err(into_io(shortened(offset)));
            }
            buffer = buffer.get_mut(count..).unwrap_or_default();
            offset = offset.saturating_add(count as u64);
        }
        Ok(())
    }

    /// A region as a stream.
    pub(crate) fn region(&self, offset: u64, size: u64) -> RegionReader<'_> {
        RegionReader {
            package: self,
            offset,
            remaining: size,
            buffer: Vec::new(),
            start: 0,
        }
    }
}

/// The file became shorter while we were reading it.
fn shortened(offset: u64) -> Error {
    Error::new(
        ErrorKind::FormatBadSize,
        "the package became shorter while it was being read",
    )
    .with("offset", offset)
    .hint("do not replace a package in place while it starts: write a new file and rename it")
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    retry(|| std::os::unix::fs::FileExt::read_at(file, buffer, offset))
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    retry(|| std::os::windows::fs::FileExt::seek_read(file, buffer, offset))
}

fn retry(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Streams one region of the package.
#[derive(Debug)]
pub(crate) struct RegionReader<'a> {
    package: &'a PackageFile,
    offset: u64,
    remaining: u64,
    buffer: Vec<u8>,
    start: usize,
}

impl BufRead for RegionReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start >= self.buffer.len() && self.remaining > 0 {
            let count = usize::try_from(self.remaining)
                .unwrap_or(usize::MAX)
                .min(CHUNK);
            self.buffer.resize(count, 0);
            self.start = 0;
            self.package.read_exact_at(&mut self.buffer, self.offset)?;
            self.package
                .streamed
                .fetch_add(count as u64, Ordering::Relaxed);
            self.offset = self.offset.saturating_add(count as u64);
            self.remaining = self.remaining.saturating_sub(count as u64);
        }
        Ok(self.buffer.get(self.start..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.start = self.start.saturating_add(amount).min(self.buffer.len());
    }
}

impl Read for RegionReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, out)
    }
}

/// `Read::read` for anything that has a buffer.
pub(crate) fn read_buffered(source: &mut impl BufRead, out: &mut [u8]) -> io::Result<usize> {
    let available = source.fill_buf()?;
    let count = available.len().min(out.len());
    let (Some(target), Some(bytes)) = (out.get_mut(..count), available.get(..count)) else {
        return Ok(0);
    };
    target.copy_from_slice(bytes);
    source.consume(count);
    Ok(count)
}
