//! The package as an open file: opened once, read by position, never by path again.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pspf_format::{Error, ErrorKind};

use crate::failure::into_io;
use crate::platform::{Identity, Os, Platform};

/// In nanoseconds.
const SECOND: i128 = 1_000_000_000;
/// Longer than the beat of any clock that stamps changes, in nanoseconds.
const BEAT: i128 = 20_000_000;
/// How much of a region is read at a time, in bytes.
const CHUNK: usize = 128 * 1024;

/// An open package and what it was when it was opened.
#[derive(Debug)]
pub(crate) struct PackageFile {
    file: File,
    identity: Identity,
    /// Where the package ends, which a platform's signature can follow.
    length: u64,
    /// Bytes read through regions so far, for the progress line.
    streamed: AtomicU64,
}

impl PackageFile {
    /// Takes over an open file, all of which is the package.
    pub(crate) fn new(file: File) -> io::Result<Self> {
        let identity = Os::identity(&file)?;
        Ok(Self {
            file,
            identity,
            length: identity.size,
            streamed: AtomicU64::new(0),
        })
    }

    /// What the file was when it was opened.
    pub(crate) const fn identity(&self) -> Identity {
        self.identity
    }

    /// Waits until every later change of the file shows in its identity: the clock that stamps changes has a beat. False
    /// where no wait is long enough.
    pub(crate) fn settle(&self) -> bool {
        let changed = self.identity.changed;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let Some(age) = now
            .ok()
            .and_then(|now| i128::try_from(now.as_nanos()).ok())
            .and_then(|now| now.checked_sub(changed))
        else {
            return false;
        };
        // Some file systems keep whole seconds.
        if changed.checked_rem(SECOND) == Some(0) {
            return age > SECOND.saturating_mul(2);
        }
        let missing = u64::try_from(BEAT.saturating_sub(age)).unwrap_or_default();
        thread::sleep(Duration::from_nanos(missing));
        age >= 0
    }

    /// The identity, if the file is still the one that was opened.
    pub(crate) fn unchanged_identity(&self) -> Option<Identity> {
        Os::identity(&self.file)
            .ok()
            .filter(|now| *now == self.identity)
    }

    /// Says that the package ends before its file does.
    pub(crate) fn end_at(&mut self, length: u64) {
        self.length = length;
    }

    /// Length of the package in bytes.
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
            let count = match Os::read_at(&self.file, buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
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
