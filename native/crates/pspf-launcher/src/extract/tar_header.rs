//! One 512-byte header of a tar archive.

use pspf_format::{Error, ErrorKind, Result};

/// Length of a header and unit of everything, in bytes.
pub(super) const BLOCK: usize = 512;

/// The fields we use of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TarHeader {
    /// Name, with the ustar prefix where there is one.
    pub(super) name: Vec<u8>,
    /// Target of a link.
    pub(super) link: Vec<u8>,
    /// What the member is.
    pub(super) kind: u8,
    /// Permission bits as written, setuid and friends included.
    pub(super) mode: u32,
    /// Length of the data, in bytes.
    pub(super) size: u64,
    /// Seconds since 1970.
    pub(super) mtime: u64,
}

impl TarHeader {
    /// Reads a header; `None` for a block of zeros, which ends an archive.
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Option<Self>> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        check_sum(block)?;
        let magic = field(block, 257, 6);
        let is_ustar = magic == b"ustar\0";
        if !is_ustar && magic != b"ustar " {
            return Err(bad("a header has no `ustar` magic"));
        }
        let mut name = text(field(block, 0, 100)).to_vec();
        let prefix = text(field(block, 345, 155));
        if is_ustar && !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
        Ok(Some(Self {
            name,
            link: text(field(block, 157, 100)).to_vec(),
            kind: block.get(156).copied().unwrap_or_default(),
            mode: u32::try_from(number(field(block, 100, 8))? & 0o7777).unwrap_or_default(),
            size: number(field(block, 124, 12))?,
            // Times before 1970 and beyond 2554 are nobody's: they become "not set" instead of an error.
            mtime: number(field(block, 136, 12)).unwrap_or_default(),
        }))
    }
}

/// A malformed archive.
pub(super) fn bad(what: &'static str) -> Error {
    Error::new(ErrorKind::ArchiveBadEntry, what)
}

fn field(block: &[u8; BLOCK], at: usize, length: usize) -> &[u8] {
    block.get(at..at.saturating_add(length)).unwrap_or_default()
}

/// Up to the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// An octal number, or a base-256 one where the first bit is set.
fn number(field: &[u8]) -> Result<u64> {
    match field.split_first() {
        Some((0x80, rest)) => base_256(rest),
        Some((first, _)) if first & 0x80 != 0 => {
            Err(bad("a number in a header is negative or too large"))
        }
        _ => octal(field),
    }
}

fn base_256(bytes: &[u8]) -> Result<u64> {
    bytes.iter().try_fold(0_u64, |value, byte| {
        let shifted = value
            .checked_mul(256)
            .ok_or_else(|| bad("a number in a header is too large"))?;
        Ok(shifted | u64::from(*byte))
    })
}

fn octal(field: &[u8]) -> Result<u64> {
    let digits = field.trim_ascii_start();
    let end = digits
        .iter()
        .position(|byte| matches!(byte, 0 | b' '))
        .unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end).unwrap_or_default();
    if rest.iter().any(|byte| !matches!(byte, 0 | b' ')) {
        return Err(bad("a number in a header is not octal"));
    }
    digits.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'7' => {
            let shifted = value
                .checked_mul(8)
                .ok_or_else(|| bad("a number in a header is too large"))?;
            Ok(shifted | u64::from(byte & 7))
        }
        _ => Err(bad("a number in a header is not octal")),
    })
}

/// The sum of all bytes, with the checksum field taken as spaces; old archives summed signed bytes.
fn check_sum(block: &[u8; BLOCK]) -> Result<()> {
    let stored = octal(field(block, 148, 8))?;
    let (mut unsigned, mut signed) = (0_u64, 0_i64);
    for (at, byte) in block.iter().enumerate() {
        let byte = if (148..156).contains(&at) {
            b' '
        } else {
            *byte
        };
        unsigned = unsigned.saturating_add(u64::from(byte));
        signed = signed.saturating_add(i64::from(byte.cast_signed()));
    }
    if stored == unsigned || i64::try_from(stored) == Ok(signed) {
        Ok(())
    } else {
        Err(bad("a header's checksum does not match")
            .with("expected", stored)
            .with("actual", unsigned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_reads_octal_and_base_256() {
        assert_eq!(number(b"0000644\0").unwrap(), 0o644);
        assert_eq!(number(b"   644 \0").unwrap(), 0o644);
        assert_eq!(number(b"\0\0\0\0").unwrap(), 0);
        assert_eq!(number(&[0x80, 0, 0, 0, 2, 0, 0, 0, 0]).unwrap(), 1 << 33);
        assert_eq!(
            number(&[0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]).unwrap(),
            1 << 56
        );
    }

    #[test]
    fn number_refuses_what_it_cannot_hold() {
        assert!(number(&[0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(number(&[0xFF; 12]).is_err());
        assert!(number(b"00009\0").is_err());
        assert!(number(b"12 7\0").is_err());
    }

    #[test]
    fn parse_takes_a_zero_block_for_the_end() {
        assert_eq!(TarHeader::parse(&[0; BLOCK]).unwrap(), None);
    }

    #[test]
    fn parse_refuses_a_wrong_checksum() {
        let mut block = [0; BLOCK];
        block[..4].copy_from_slice(b"name");
        assert_eq!(
            TarHeader::parse(&block).unwrap_err().code(),
            "archive/bad-entry"
        );
    }
}
