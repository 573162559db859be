//! A tar archive as a sequence of members: ustar, PAX and GNU names, bounded.

use std::io::{self, BufRead};

use pspf_format::{Error, ErrorKind, Result};

use super::tar_header::{BLOCK, TarHeader, bad, text};
use crate::failure::from_io;

/// Longest extension (a PAX header, a GNU long name), in bytes.
const MAX_EXTENSION: u64 = 1024 * 1024;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name of an earlier file.
    HardLink,
}

/// One member, without its data.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// What it is.
    pub(super) kind: MemberKind,
    /// Its name, unchecked.
    pub(crate) name: Vec<u8>,
    /// Target of a link, unchecked.
    pub(super) link: Vec<u8>,
    /// Permission bits as written.
    pub(super) mode: u32,
    /// Seconds since 1970, 0 if not set.
    pub(super) mtime: u64,
}

/// What extension headers said about the next member.
#[derive(Default)]
struct Overrides {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    mtime: Option<u64>,
}

/// Reads an archive front to back.
pub(crate) struct TarReader<R> {
    source: R,
    /// Data of the current member that nobody has read, in bytes.
    data_left: u64,
    /// Zeros behind the data, up to the next block.
    padding: u64,
    /// Bytes read so far, for messages.
    position: u64,
}

impl<R: BufRead> TarReader<R> {
    /// Reads from the start of an archive.
    pub(crate) const fn new(source: R) -> Self {
        Self {
            source,
            data_left: 0,
            padding: 0,
            position: 0,
        }
    }

    /// The next member, or `None` at the end of the archive.
    pub(crate) fn next_member(&mut self) -> Result<Option<Member>> {
        let mut overrides = Overrides::default();
        loop {
            self.skip_data()?;
            let Some(header) = self.read_header()? else {
                return Ok(None);
            };
            match header.kind {
                b'x' => self.read_pax(header.size, &mut overrides)?,
                b'g' => self.read_pax(header.size, &mut Overrides::default())?,
                b'L' => overrides.name = Some(self.read_long_name(header.size)?),
                b'K' => overrides.link = Some(self.read_long_name(header.size)?),
                _ => return self.member(header, overrides).map(Some),
            }
        }
    }

    /// Passes the data of the current member to `take`, piece by piece.
    pub(crate) fn copy_data(&mut self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        while self.data_left > 0 {
            let available = self.source.fill_buf().map_err(read_failed)?;
            let count = usize::try_from(self.data_left)
                .unwrap_or(usize::MAX)
                .min(available.len());
            let Some(piece) = available.get(..count).filter(|piece| !piece.is_empty()) else {
                return Err(truncated(self.position));
            };
            take(piece)?;
            self.advance(count);
            self.data_left = self.data_left.saturating_sub(count as u64);
        }
        Ok(())
    }

    /// Reads what follows the end, so that all of it is checked, and refuses anything but zeros.
    pub(super) fn finish(mut self) -> Result<()> {
        loop {
            let available = self.source.fill_buf().map_err(read_failed)?;
            if available.is_empty() {
                return Ok(());
            }
            if available.iter().any(|byte| *byte != 0) {
                return Err(bad("something else follows the end of the archive")
                    .with("offset", self.position));
            }
            let count = available.len();
            self.advance(count);
        }
    }

    fn member(&mut self, header: TarHeader, overrides: Overrides) -> Result<Member> {
        let name = overrides.name.unwrap_or(header.name);
        let kind = match header.kind {
            b'5' => MemberKind::Directory,
            // Archives from before ustar mark a directory only by its name.
            b'0' | 0 | b'7' if name.ends_with(b"/") => MemberKind::Directory,
            b'0' | 0 | b'7' => MemberKind::File,
            b'1' => MemberKind::HardLink,
            b'2' => MemberKind::Symlink,
            other => return Err(unsupported(other, &name)),
        };
        let declared = overrides.size.unwrap_or(header.size);
        // Some writers give links the size of their target, without any data.
        let size = if kind == MemberKind::File {
            declared
        } else {
            0
        };
        if kind == MemberKind::Directory && declared != 0 {
            return Err(bad("a directory has data").with("member", String::from_utf8_lossy(&name)));
        }
        self.expect_data(size);
        Ok(Member {
            kind,
            name,
            link: overrides.link.unwrap_or(header.link),
            mode: header.mode,
            mtime: overrides.mtime.unwrap_or(header.mtime),
        })
    }

    /// Announces `size` bytes of data and their padding.
    fn expect_data(&mut self, size: u64) {
        self.data_left = size;
        // The block length is a power of two.
        self.padding = size.wrapping_neg() & (BLOCK as u64).saturating_sub(1);
    }

    fn skip_data(&mut self) -> Result<()> {
        self.copy_data(|_| Ok(()))?;
        self.data_left = std::mem::take(&mut self.padding);
        self.copy_data(|_| Ok(()))
    }

    fn read_header(&mut self) -> Result<Option<TarHeader>> {
        let at = self.position;
        let mut block = [0; BLOCK];
        let count = self.fill(&mut block)?;
        match count {
            // An archive without its closing zeros is complete all the same.
            0 => Ok(None),
            BLOCK => TarHeader::parse(&block).map_err(|error| error.with("offset", at)),
            _ => Err(truncated(self.position)),
        }
    }

    /// Data of an extension header.
    fn read_extension(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > MAX_EXTENSION {
            let error = Error::new(
                ErrorKind::ArchiveTooLarge,
                "an extension header is larger than 1 MiB",
            );
            return Err(error.with("size", size).with("offset", self.position));
        }
        self.expect_data(size);
        let mut data = Vec::new();
        self.copy_data(|piece| {
            data.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(data)
    }

    fn read_long_name(&mut self, size: u64) -> Result<Vec<u8>> {
        let data = self.read_extension(size)?;
        Ok(text(&data).to_vec())
    }

    fn read_pax(&mut self, size: u64, overrides: &mut Overrides) -> Result<()> {
        let at = self.position;
        let data = self.read_extension(size)?;
        let mut rest = data.as_slice();
        while !rest.is_empty() {
            let (key, value, after) = pax_record(rest)
                .ok_or_else(|| bad("a PAX record is not well formed").with("offset", at))?;
            rest = after;
            match key {
                b"path" => overrides.name = Some(value.to_vec()),
                b"linkpath" => overrides.link = Some(value.to_vec()),
                b"size" => {
                    let size = decimal(value).ok_or_else(|| bad("a PAX size is not a number"))?;
                    overrides.size = Some(size);
                }
                b"mtime" => {
                    overrides.mtime = value.split(|byte| *byte == b'.').next().and_then(decimal);
                }
                _ if key.starts_with(b"GNU.sparse.") => {
                    return Err(unsupported(b'S', b"a sparse file"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Fills a buffer as far as the source goes.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut done = 0_usize;
        while let Some(target) = buffer.get_mut(done..).filter(|target| !target.is_empty()) {
            let count = self.source.read(target).map_err(read_failed)?;
            if count == 0 {
                break;
            }
            done = done.saturating_add(count);
        }
        self.position = self.position.saturating_add(done as u64);
        Ok(done)
    }

    fn advance(&mut self, count: usize) {
        self.source.consume(count);
        self.position = self.position.saturating_add(count as u64);
    }
}

/// Splits `LENGTH key=value\n` off the front.
fn pax_record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = data.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(data.get(..space)?)?).ok()?;
    let (record, rest) = data.split_at_checked(length)?;
    let body = record.get(space.checked_add(1)?..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    let (key, value) = body.split_at_checked(equals)?;
    Some((key, value.strip_prefix(b"=")?, rest))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?
        .parse()
        .ok()
}

fn unsupported(kind: u8, name: &[u8]) -> Error {
    let what = match kind {
        b'3' => "a character device",
        b'4' => "a block device",
        b'6' => "a FIFO",
        b'S' => "a sparse file",
        b'M' => "a part of a multi-volume archive",
        _ => "an unknown kind of entry",
    };
    Error::new(
        ErrorKind::ArchiveUnsupportedEntry,
        format!("the archive contains {what}, which is never extracted"),
    )
    .with("member", format!("{:?}", String::from_utf8_lossy(name)))
    .with("type", format!("{:?}", char::from(kind)))
}

fn truncated(position: u64) -> Error {
    Error::new(
        ErrorKind::ArchiveTruncated,
        "the archive ends in the middle of an entry",
    )
    .with("offset", position)
}

fn read_failed(error: io::Error) -> Error {
    from_io(error, "read", "the package")
}
