//! Archives: ustar, with PAX headers only where ustar cannot hold a name or a link; cut into frames as they are written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use pspf_format::write::cut::{TarMember, UNIT, fnv1a32, tar_cuts};
use pspf_format::{Error, ErrorKind, Result};

use crate::encode::{Emit, take_memory};
use crate::failure::from_io;
use crate::secrets::MAX_SIZE;
use crate::slot::Guard;
use crate::tree::{Kind, Member};

const BLOCK: usize = 512;
const NAME_SIZE: usize = 100;
const PREFIX_SIZE: usize = 155;
/// An archive of fewer bytes has fewer frames than are allowed.
const SMALL: u64 = 8 << 30;

/// How much content a frame of this archive has, in bytes.
pub(crate) fn unit_of(members: &BTreeMap<String, Member>) -> u64 {
    // Frames have a quarter of the unit at least, but for those around large members: so much cannot have too many.
    let most = |(path, member): (&String, &Member)| size_of(member) + 16 * 1024 + path.len() as u64;
    if members.iter().map(most).sum::<u64>() < SMALL {
        return UNIT;
    }
    let members: Vec<_> = members
        .iter()
        .map(|(path, member)| TarMember {
            path: path.as_bytes(),
            head: encode_head(path, member, 0).len() as u64,
            size: size_of(member),
        })
        .collect();
    tar_cuts(&members.iter().copied()).unit
}

const fn size_of(member: &Member) -> u64 {
    match member.kind {
        Kind::File { size, .. } => size,
        _ => 0,
    }
}

/// Writes an archive, frame by frame.
pub(crate) fn write(
    members: &BTreeMap<String, Member>,
    unit: u64,
    mtime: u64,
    guard: Option<&Guard>,
    emit: &mut Emit<'_>,
) -> Result<()> {
    let unit = unit as usize;
    let mut frame = Frame {
        bytes: Vec::new(),
        unit,
    };
    for (path, member) in members {
        let size = size_of(member) as usize;
        let filled = frame.bytes.len();
        let is_chosen = || filled >= unit / 4 && fnv1a32(path.as_bytes()) >> 30 == 0;
        if filled > 0 && (size >= unit || filled >= unit || is_chosen()) {
            frame.hand_over(emit)?;
        }
        if frame.bytes.capacity() == 0 {
            frame.bytes = take_memory(unit + unit / 4);
        }
        frame
            .bytes
            .extend_from_slice(&encode_head(path, member, mtime));
        if let Kind::File { source, .. } = &member.kind {
            frame.append_file(source, size, emit)?;
            if let Some(guard) = guard.filter(|_| size <= MAX_SIZE.min(frame.bytes.len())) {
                guard.check(source, &frame.bytes[frame.bytes.len() - size..])?;
            }
        }
        frame.append_zeros(padding(size));
    }
    frame.append_zeros(2 * BLOCK);
    frame.hand_over(emit)
}

struct Frame {
    bytes: Vec<u8>,
    unit: usize,
}

impl Frame {
    fn hand_over(&mut self, emit: &mut Emit<'_>) -> Result<()> {
        emit(std::mem::take(&mut self.bytes))
    }

    fn append_zeros(&mut self, count: usize) {
        self.bytes.resize(self.bytes.len() + count, 0);
    }

    /// Reads a file to where it belongs, and cuts a large one wherever a frame is full.
    fn append_file(&mut self, source: &Path, size: usize, emit: &mut Emit<'_>) -> Result<()> {
        if size == 0 {
            return Ok(());
        }
        let failed = |error: &std::io::Error| from_io(error, "read", source);
        let mut file = File::open(source).map_err(|error| failed(&error))?;
        let limit = if size >= self.unit {
            self.unit
        } else {
            usize::MAX
        };
        let mut done = 0;
        while done < size {
            if self.bytes.len() == limit {
                self.hand_over(emit)?;
            }
            let part = (size - done).min(limit - self.bytes.len());
            let start = self.bytes.len();
            // One byte more at the end, which must not be there.
            let is_last = done + part == size;
            self.bytes.resize(start + part + usize::from(is_last), 0);
            let count = file
                .read(&mut self.bytes[start..])
                .map_err(|error| failed(&error))?;
            if count == 0 {
                return Err(changed(source, size, done));
            }
            if count > part {
                return Err(changed(source, size, size + 1));
            }
            self.bytes.truncate(start + count);
            done += count;
        }
        Ok(())
    }
}

/// Something writes to a source.
pub(crate) fn changed(source: &Path, expected: usize, actual: usize) -> Error {
    let message = format!(
        "Cannot pack \"{}\": it had {expected} bytes when it was listed and gives {actual}",
        source.display()
    );
    Error::new(ErrorKind::BuildSourceChanged, message)
        .hint("Something writes to the source; wait until it is done and pack again")
}

const fn padding(size: usize) -> usize {
    size.next_multiple_of(BLOCK) - size
}

/// The header of a member, with a PAX header before it where ustar cannot hold its name or its target.
fn encode_head(path: &str, member: &Member, mtime: u64) -> Vec<u8> {
    let (name, kind, link) = match &member.kind {
        Kind::Directory => (format!("{path}/"), b'5', ""),
        Kind::File { .. } => (path.to_owned(), b'0', ""),
        Kind::Link { target } => (path.to_owned(), b'2', target.as_str()),
    };
    let split = split_path(&name);
    let mut records = Vec::new();
    if !fits(link) {
        append_record(&mut records, "linkpath", link);
    }
    if split.is_none() {
        append_record(&mut records, "path", &name);
    }
    let mut head = Vec::new();
    if !records.is_empty() {
        let base = name
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default();
        let pax_name = shorten(&format!("PaxHeaders/{base}"));
        write_header(
            &mut head,
            &Header {
                prefix: b"",
                name: &pax_name,
                link: b"",
                kind: b'x',
                mode: 0o644,
                size: records.len() as u64,
                mtime,
            },
        );
        let padding = padding(records.len());
        head.append(&mut records);
        head.resize(head.len() + padding, 0);
    }
    let short = shorten(&name);
    let (prefix, short_name) = split.unwrap_or(("", ""));
    write_header(
        &mut head,
        &Header {
            prefix: prefix.as_bytes(),
            name: if split.is_some() {
                short_name.as_bytes()
            } else {
                &short
            },
            link: &shorten(link),
            kind,
            mode: member.mode,
            size: size_of(member),
            mtime,
        },
    );
    head
}

/// `LENGTH KEY=VALUE` and a newline, where the length counts itself.
fn append_record(records: &mut Vec<u8>, key: &str, value: &str) {
    let body = format!(" {key}={value}\n");
    let mut digits = body.len().to_string().len();
    // One digit more can make the length itself one digit longer.
    if (body.len() + digits).to_string().len() > digits {
        digits += 1;
    }
    records.extend_from_slice((digits + body.len()).to_string().as_bytes());
    records.extend_from_slice(body.as_bytes());
}

fn fits(text: &str) -> bool {
    text.is_ascii() && text.len() <= NAME_SIZE
}

/// Finds the slash that lets a path fit into prefix and name, if any.
fn split_path(path: &str) -> Option<(&str, &str)> {
    if fits(path) {
        return Some(("", path));
    }
    if !path.is_ascii() {
        return None;
    }
    let from = path.len() - NAME_SIZE - 1;
    let slash = from + path[from..].find('/')?;
    let (prefix, name) = (&path[..slash], &path[slash + 1..]);
    // A trailing slash belongs to the name: it would be empty otherwise.
    (slash > 0 && slash <= PREFIX_SIZE && !name.is_empty()).then_some((prefix, name))
}

/// What a reader without PAX would show: cut, and ASCII only.
fn shorten(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| if c.is_ascii() { c as u8 } else { b'_' })
        .take(NAME_SIZE)
        .collect()
}

struct Header<'a> {
    prefix: &'a [u8],
    name: &'a [u8],
    link: &'a [u8],
    kind: u8,
    mode: u16,
    size: u64,
    mtime: u64,
}

/// Owner and group are 0 and have no names.
fn write_header(out: &mut Vec<u8>, header: &Header<'_>) {
    let mut block = [0_u8; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, header.name);
    put(100, format!("{:07o}", header.mode).as_bytes());
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{:011o}", header.size).as_bytes());
    put(136, format!("{:011o}", header.mtime).as_bytes());
    put(156, &[header.kind]);
    put(157, header.link);
    put(257, b"ustar\x0000");
    put(345, header.prefix);
    // The checksum counts its own field as eight spaces.
    let sum: u32 = 8 * u32::from(b' ') + block.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
    block[155] = b' ';
    out.extend_from_slice(&block);
}
