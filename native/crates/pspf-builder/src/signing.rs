//! Signatures of the platform: programs for macOS do not start unless each of their pages has the signed digest, so theirs is
//! written behind the package, by nobody ("ad hoc").

use std::path::Path;

use pspf_format::platform_signature::{HEAD_SIZE, examine};
use pspf_format::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};

const MACHO_MAGIC: [u8; 4] = 0xfeed_facf_u32.to_le_bytes();
const MACHO_HEADER: usize = 32;
const SEGMENT_64: u32 = 0x19;
const CODE_SIGNATURE: u32 = 0x1d;
const COMMAND_SIZE: usize = 16;
/// What the kernel checks at a time.
const PAGE: usize = 4096;
/// What a segment is rounded up to in memory.
const MEMORY_PAGE: u64 = 16 * 1024;
const ALIGNMENT: u64 = 16;
const DIRECTORY_SIZE: usize = 88;
const DIGEST_SIZE: usize = 32;

/// Makes a launcher ready for the signature of its platform: an older one is forgotten, and what signing rewrites is zero.
/// Gives whether the package has to be signed.
pub(crate) fn prepare(launcher: &mut [u8], path: &Path) -> Result<bool> {
    let size = launcher.len().min(HEAD_SIZE);
    let head = &mut launcher[..size];
    let is_macho = head.len() >= MACHO_HEADER && head.starts_with(&MACHO_MAGIC);
    if is_macho {
        add_command(head).map_err(|what| {
            let message = format!("Cannot pack the launcher \"{}\": {what}", path.display());
            Error::new(ErrorKind::LauncherWrongFormat, message)
                .hint("Use a launcher of ours, or link it with -headerpad 0x20")
        })?;
    }
    let Some(signable) = examine(head)? else {
        return Ok(false);
    };
    signable.clear_rewritten(0, head);
    Ok(is_macho)
}

struct Command {
    at: usize,
    kind: u32,
    size: usize,
}

fn commands(head: &[u8]) -> Option<Vec<Command>> {
    let end = MACHO_HEADER.checked_add(u32_at(head, 20)? as usize)?;
    let mut at = MACHO_HEADER;
    let mut found = Vec::new();
    for _ in 0..u32_at(head, 16)? {
        let (kind, size) = (u32_at(head, at)?, u32_at(head, at + 4)? as usize);
        // Shorter ones would make this loop long.
        if size < 8 || size % 8 != 0 || at + size > end || end > head.len() {
            return None;
        }
        found.push(Command { at, kind, size });
        at += size;
    }
    Some(found)
}

/// Adds the load command that says where the signature is. Linkers leave room for it between the commands and the first section.
fn add_command(head: &mut [u8]) -> std::result::Result<(), &'static str> {
    const DAMAGED: &str = "its header is damaged";
    let commands = commands(head).ok_or(DAMAGED)?;
    if commands.iter().any(|one| one.kind == CODE_SIGNATURE) {
        return Ok(());
    }
    let end = commands
        .last()
        .map_or(MACHO_HEADER, |last| last.at + last.size);
    let mut first = usize::MAX;
    for segment in commands.iter().filter(|one| one.kind == SEGMENT_64) {
        for index in 0..u32_at(head, segment.at + 64).ok_or(DAMAGED)? as usize {
            let at = segment.at + 72 + 80 * index + 48;
            let offset = u32_at(head, at).ok_or(DAMAGED)? as usize;
            if offset > 0 {
                first = first.min(offset);
            }
        }
    }
    if first < end + COMMAND_SIZE {
        return Err("its header has no room for a signature");
    }
    if end + COMMAND_SIZE > head.len() {
        return Err(DAMAGED);
    }
    put_u32(head, 16, commands.len() as u32 + 1);
    put_u32(head, 20, (end + COMMAND_SIZE - MACHO_HEADER) as u32);
    put_u32(head, end, CODE_SIGNATURE);
    put_u32(head, end + 4, COMMAND_SIZE as u32);
    Ok(())
}

/// Hashes the pages of a package on its way out.
pub(crate) struct Signer {
    identifier: Vec<u8>,
    /// The start of the file, as far as headers can reach.
    start: Vec<u8>,
    page: Vec<u8>,
    digests: Vec<[u8; DIGEST_SIZE]>,
    size: u64,
}

/// What finishes a file that was signed.
pub(crate) struct Signature {
    /// The bytes behind the package, zeros of alignment included.
    pub(crate) tail: Vec<u8>,
    /// The first bytes of the file, which say where these are.
    pub(crate) head: Vec<u8>,
}

impl Signer {
    /// Signs as a program of some name.
    pub(crate) fn new(identifier: &str) -> Self {
        Self {
            identifier: [identifier.as_bytes(), b"\0"].concat(),
            start: Vec::new(),
            page: Vec::new(),
            digests: Vec::new(),
            size: 0,
        }
    }

    /// Takes the next bytes of the file.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        let room = HEAD_SIZE.saturating_sub(self.start.len()).min(bytes.len());
        self.start.extend_from_slice(&bytes[..room]);
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            let (part, rest) = bytes.split_at(bytes.len().min(PAGE - self.page.len()));
            bytes = rest;
            if part.len() == PAGE {
                self.digests.push(Sha256::digest(part).into());
                continue;
            }
            self.page.extend_from_slice(part);
            if self.page.len() == PAGE {
                self.end_page();
            }
        }
    }

    fn end_page(&mut self) {
        self.digests.push(Sha256::digest(&self.page).into());
        self.page.clear();
    }

    pub(crate) fn finish(mut self) -> Result<Signature> {
        let offset = self.size.next_multiple_of(ALIGNMENT);
        let mut tail = vec![0; (offset - self.size) as usize];
        self.update(&tail.clone());
        if !self.page.is_empty() {
            self.end_page();
        }
        let digests = DIGEST_SIZE * self.digests.len();
        let length = 20 + DIRECTORY_SIZE + self.identifier.len() + digests;
        let size = length.next_multiple_of(ALIGNMENT as usize);
        let place = u32::try_from(offset + size as u64)
            .ok()
            .and_then(|_| Some((u32::try_from(offset).ok()?, u32::try_from(size).ok()?)));
        let Some((offset, size)) = place else {
            let message = format!(
                "Cannot pack for macOS: the package has {offset} bytes, and a program there must be smaller than 4 GiB"
            );
            return Err(Error::new(ErrorKind::BuildLimit, message));
        };
        let mut head = std::mem::take(&mut self.start);
        let text = write_places(&mut head, offset, size).unwrap_or_default();
        // The pages of the header know by now where the signature is.
        for (page, digest) in head.chunks(PAGE).zip(&mut self.digests) {
            *digest = Sha256::digest(page).into();
        }
        tail.extend_from_slice(&self.encode(offset, size, text));
        Ok(Signature { tail, head })
    }

    fn encode(&self, limit: u32, size: u32, (text_at, text_size): (u64, u64)) -> Vec<u8> {
        let hashes_at = DIRECTORY_SIZE + self.identifier.len();
        let length = hashes_at + DIGEST_SIZE * self.digests.len();
        let words = [
            // A blob of blobs with one entry, the code directory, right behind.
            0xfade_0cc0,
            20 + length as u32,
            1,
            0,
            20,
            0xfade_0c02,
            length as u32,
            // The first version that tells which part of the file is the program.
            0x20400,
            // No identity behind it, and made by a linker: `codesign` replaces it unasked.
            0x2_0002,
            hashes_at as u32,
            DIRECTORY_SIZE as u32,
            0,
            self.digests.len() as u32,
            limit,
        ];
        let mut out: Vec<u8> = words.into_iter().flat_map(u32::to_be_bytes).collect();
        // Digests of 32 bytes, SHA-256, for every platform, of pages of 2^12.
        out.extend_from_slice(&[32, 2, 0, 12]);
        out.resize(20 + 64, 0);
        for word in [text_at, text_size, 1] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        out.extend_from_slice(&self.identifier);
        out.extend(self.digests.iter().flatten());
        out.resize(size as usize, 0);
        out
    }
}

/// Writes where the signature is, and gives where the program is.
fn write_places(head: &mut [u8], offset: u32, size: u32) -> Option<(u64, u64)> {
    let mut text = (0, 0);
    for Command {
        at,
        kind,
        size: length,
    } in commands(head)?
    {
        let name = head.get(at + 8..at + 24).unwrap_or_default();
        let is = |text: &[u8]| name.starts_with(text) && name[text.len()..].iter().all(|b| *b == 0);
        if kind == CODE_SIGNATURE {
            put_u32(head, at + 8, offset);
            put_u32(head, at + 12, size);
        } else if kind == SEGMENT_64 && length >= 72 && is(b"__LINKEDIT") {
            let start = u64_at(head, at + 40)?;
            let file_size = (u64::from(offset) + u64::from(size)).saturating_sub(start);
            put_u64(head, at + 32, file_size.next_multiple_of(MEMORY_PAGE));
            put_u64(head, at + 48, file_size);
        } else if kind == SEGMENT_64 && is(b"__TEXT") {
            text = (u64_at(head, at + 40)?, u64_at(head, at + 48)?);
        }
    }
    Some(text)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*field))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*field))
}

fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn put_u64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}
