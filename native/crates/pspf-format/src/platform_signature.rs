//! Signatures of the platform (Authenticode, `codesign`) around a package.
//!
//! They are appended to the file, behind the package, and change a few fields of the launcher's header. So the package of
//! such a file ends before the file does, and the launcher's digest is taken with these fields as zero. Nobody here judges
//! the signature itself. `tests/vectors/platform_signatures.json` holds this in both languages.

use alloc::vec::Vec;

use crate::error::{Error, Result};
use crate::error_kind::ErrorKind;
use crate::section::Section;

/// How much of a file's start has to be looked at, in bytes. Headers that do not lie in it count as none.
pub const HEAD_SIZE: usize = 64 * 1024;

const DOS_MAGIC: &[u8] = b"MZ";
const PE_MAGIC: &[u8] = b"PE\0\0";
const PE32: u16 = 0x10B;
const PE32_PLUS: u16 = 0x20B;
/// The entry of the data directory that holds the security table, whose address is an offset in the file.
const SECURITY_ENTRY: u32 = 4;

const MACHO_MAGIC: [u8; 4] = 0xFEED_FACF_u32.to_le_bytes();
const FAT_MAGICS: [[u8; 4]; 4] = [
    0xCAFE_BABE_u32.to_be_bytes(),
    0xCAFE_BABF_u32.to_be_bytes(),
    0xCAFE_BABE_u32.to_le_bytes(),
    0xCAFE_BABF_u32.to_le_bytes(),
];
const SEGMENT_64: u32 = 0x19;
const CODE_SIGNATURE: u32 = 0x1D;
const LINKEDIT: [u8; 16] = *b"__LINKEDIT\0\0\0\0\0\0";

/// Which platform's signature an executable can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A program for Windows, signed by Authenticode.
    Pe,
    /// A program for macOS, signed by `codesign`.
    MachO,
}

impl Kind {
    /// What a signature is aligned to, in bytes.
    const fn alignment(self) -> u64 {
        match self {
            Self::Pe => 8,
            Self::MachO => 16,
        }
    }
}

/// What the header of an executable says about its platform's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signable {
    /// Which platform's.
    pub kind: Kind,
    /// The fields that signing rewrites, in the order of the file.
    pub rewritten: Vec<Section>,
    /// Where the signature is said to lie; empty where there is none.
    signature: Section,
    /// The segment that has to reach to the end of the file, for a program for macOS.
    last_segment: Option<Section>,
}

/// Reads the header of an executable. `head` is the start of its file, up to [`HEAD_SIZE`] bytes.
///
/// `None` where the platform has no such signatures, or the header is none that we know. A universal
/// program is refused: it holds several programs, each with a signature of its own.
pub fn examine(head: &[u8]) -> Result<Option<Signable>> {
    if head
        .first_chunk()
        .is_some_and(|magic| FAT_MAGICS.contains(magic))
    {
        return Err(Error::new(
            ErrorKind::LauncherWrongFormat,
            "the launcher is a universal (fat) program, which cannot be part of a package",
        )
        .hint("use a launcher for one architecture"));
    }
    let head = head.get(..HEAD_SIZE).unwrap_or(head);
    Ok(read_pe(head).or_else(|| read_macho(head)))
}

impl Signable {
    /// The signature, if it is the last thing in a file of this length. Whatever lies elsewhere, the signature of a launcher
    /// from before it was packed, means nothing.
    pub fn signature(&self, file_size: u64) -> Option<Section> {
        let signature = self.signature;
        let fits = signature.size > 0
            && signature.end() == Some(file_size)
            && signature.offset.checked_rem(self.kind.alignment()) == Some(0)
            && self
                .last_segment
                .is_none_or(|segment| segment.end() == Some(file_size));
        fits.then_some(signature)
    }

    /// The end of a package in front of a signature, by the bytes before it: as many zeros as the alignment asks for at most
    /// lie between. `before` ends where the signature starts.
    pub fn package_end(&self, signature: Section, before: &[u8]) -> Option<u64> {
        let zeros = before.iter().rev().take_while(|byte| **byte == 0).count();
        let zeros = u64::try_from(zeros).ok()?;
        (zeros < self.kind.alignment())
            .then(|| signature.offset.checked_sub(zeros))
            .flatten()
    }

    /// Sets the fields that signing rewrites to zero. `bytes` begin at `offset` in the file.
    pub fn clear_rewritten(&self, offset: u64, bytes: &mut [u8]) {
        for field in &self.rewritten {
            for (byte, at) in bytes.iter_mut().zip(offset..) {
                if at >= field.offset && field.end().is_some_and(|end| at < end) {
                    *byte = 0;
                }
            }
        }
    }
}

fn read_pe(head: &[u8]) -> Option<Signable> {
    head.starts_with(DOS_MAGIC).then_some(())?;
    let header = usize::try_from(u32_at(head, 0x3C)?).ok()?;
    let coff = head.get(header..)?.strip_prefix(PE_MAGIC)?;
    let optional_size = usize::from(u16_at(coff, 16)?);
    let optional = coff.get(20..)?.get(..optional_size)?;
    let directories = match u16_at(optional, 0)? {
        PE32 => 96_usize,
        PE32_PLUS => 112,
        _ => return None,
    };
    let optional_at = header.checked_add(24)?;
    let checksum = section(optional_at, 64, 4)?;
    let count = u32_at(optional, directories.checked_sub(4)?)?;
    (count > SECURITY_ENTRY).then_some(())?;
    let entry = directories.checked_add(32)?;
    let signature = Section {
        offset: u32_at(optional, entry)?.into(),
        size: u32_at(optional, entry.checked_add(4)?)?.into(),
    };
    Some(Signable {
        kind: Kind::Pe,
        rewritten: alloc::vec![checksum, section(optional_at, entry, 8)?],
        signature,
        last_segment: None,
    })
}

fn read_macho(head: &[u8]) -> Option<Signable> {
    head.starts_with(&MACHO_MAGIC).then_some(())?;
    let count = u32_at(head, 16)?;
    let size = usize::try_from(u32_at(head, 20)?).ok()?;
    let commands = head.get(32..)?.get(..size)?;
    let (mut signature, mut linkedit) = (None, None);
    let mut at = 0_usize;
    for _ in 0..count {
        let command = commands.get(at..)?;
        let length = usize::try_from(u32_at(command, 4)?).ok()?;
        // Shorter ones would make this loop long, and lengths are multiples of eight.
        (length >= 8 && length.checked_rem(8)? == 0).then_some(())?;
        let command = command.get(..length)?;
        let place = at.checked_add(32)?;
        match u32_at(command, 0)? {
            CODE_SIGNATURE => {
                let found = Section {
                    offset: u32_at(command, 8)?.into(),
                    size: u32_at(command, 12)?.into(),
                };
                // Of two, each reader could take another.
                signature
                    .replace((found, section(place, 8, 8)?))
                    .is_none()
                    .then_some(())?;
            }
            SEGMENT_64 if command.get(8..24)? == LINKEDIT => {
                let found = Section {
                    offset: u64_at(command, 40)?,
                    size: u64_at(command, 48)?,
                };
                linkedit
                    .replace((found, section(place, 32, 8)?, section(place, 48, 8)?))
                    .is_none()
                    .then_some(())?;
            }
            _ => {}
        }
        at = at.checked_add(length)?;
    }
    let (signature, position) = signature?;
    let (segment, memory_size, file_size) = linkedit?;
    let mut rewritten = alloc::vec![position, memory_size, file_size];
    rewritten.sort_unstable_by_key(|field| field.offset);
    Some(Signable {
        kind: Kind::MachO,
        rewritten,
        signature,
        last_segment: Some(segment),
    })
}

/// A field in the file, by where its structure starts.
fn section(base: usize, offset: usize, size: u64) -> Option<Section> {
    Some(Section {
        offset: u64::try_from(base.checked_add(offset)?).ok()?,
        size,
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|field| u16::from_le_bytes(*field))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|field| u32::from_le_bytes(*field))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|field| u64::from_le_bytes(*field))
}
