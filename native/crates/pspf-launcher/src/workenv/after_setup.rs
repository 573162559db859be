//! What the setup commands made of the extracted files, so that `verify` can tell it from what was changed later.

use std::collections::BTreeMap;
use std::io;

use pspf_format::Result;
use pspf_format::hex::{Hex, parse_hex};
use sha2::{Digest, Sha256};

use crate::extract::{MemberKind, MemberPath};
use crate::failure::IoContext;
use crate::platform::{ContainedTree, Tree, TreeEntry};

/// What something in a workenv is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Something that no package contains.
    Other,
    /// Nothing: it is gone.
    Gone,
    /// Whatever the user or the program wants it to be.
    Free,
}

impl From<Option<MemberKind>> for Kind {
    fn from(kind: Option<MemberKind>) -> Self {
        match kind {
            Some(MemberKind::File | MemberKind::HardLink) => Self::File,
            Some(MemberKind::Directory) => Self::Directory,
            Some(MemberKind::Symlink) => Self::Symlink,
            None => Self::Other,
        }
    }
}

/// One thing in a workenv.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thing {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its mode bits.
    pub(crate) mode: u32,
    /// SHA-256 of its content, or of where it leads to; `None` for a directory.
    pub(crate) digest: Option<[u8; 32]>,
}

/// Things by name.
pub(crate) type Things = BTreeMap<Vec<u8>, Thing>;

/// A workenv as the setup commands found it.
pub(super) struct Before(Vec<TreeEntry>);

impl Before {
    /// Looks at everything in a workenv, but not into it.
    pub(super) fn look(tree: &mut Tree) -> Result<Self> {
        tree.entries().map(Self)
    }

    /// Notes what differs now.
    pub(super) fn compare(self, tree: &mut Tree, noted: &mut Things) -> Result<()> {
        // Both in the order of names.
        let mut before = self.0.into_iter().peekable();
        for entry in tree.entries()? {
            while let Some(gone) = before.next_if(|was| was.path < entry.path) {
                noted.insert(gone.path, Thing::just(Kind::Gone));
            }
            if before.next_if(|was| was.path == entry.path).as_ref() != Some(&entry) {
                let thing = Thing::of(&entry, tree)?;
                noted.insert(entry.path, thing);
            }
        }
        noted.extend(before.map(|gone| (gone.path, Thing::just(Kind::Gone))));
        Ok(())
    }
}

impl Thing {
    /// Something of which the kind says everything.
    pub(crate) const fn just(kind: Kind) -> Self {
        Self {
            kind,
            mode: 0,
            digest: None,
        }
    }

    /// Looks at one thing, and into it.
    pub(crate) fn of(entry: &TreeEntry, tree: &mut Tree) -> Result<Self> {
        let kind = Kind::from(entry.kind);
        // Names that no package can have can lie there all the same.
        let digest = match (MemberPath::parse(&entry.path), kind) {
            (Ok(path), Kind::File) => digest_of(tree, &path)?,
            (Ok(path), Kind::Symlink) => tree
                .read_link(&path)?
                .map(|target| Sha256::digest(target).into()),
            _ => None,
        };
        Ok(Self {
            kind,
            mode: entry.mode,
            digest,
        })
    }
}

fn digest_of(tree: &mut Tree, path: &MemberPath) -> Result<Option<[u8; 32]>> {
    let Some(mut file) = tree.open_file(path)? else {
        return Ok(None);
    };
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 128 * 1024];
    loop {
        let count = io::Read::read(&mut file, &mut chunk).context("read", tree.path_of(path))?;
        if count == 0 {
            return Ok(Some(hasher.finalize().into()));
        }
        hasher.update(chunk.get(..count).unwrap_or_default());
    }
}

/// One line for each thing: kind, mode, digest and name, with a NUL character at its end.
pub(super) fn encode(things: &Things) -> Vec<u8> {
    let mut text = Vec::new();
    for (path, thing) in things {
        let letter = match thing.kind {
            Kind::File => 'f',
            Kind::Directory => 'd',
            Kind::Symlink => 'l',
            Kind::Other | Kind::Free => '?',
            Kind::Gone => '-',
        };
        let digest = thing.digest.unwrap_or_default();
        let line = format!("{letter} {:04o} {} ", thing.mode, Hex(&digest));
        text.extend_from_slice(line.as_bytes());
        text.extend_from_slice(path);
        text.push(0);
    }
    text
}

/// Reads what [`encode`] wrote. What cannot be read is left out.
pub(crate) fn decode(text: &[u8]) -> Things {
    let lines = text.split(|byte| *byte == 0);
    lines.filter_map(parse_line).collect()
}

fn parse_line(line: &[u8]) -> Option<(Vec<u8>, Thing)> {
    let mut fields = line.splitn(4, |byte| *byte == b' ');
    let kind = match fields.next()? {
        b"f" => Kind::File,
        b"d" => Kind::Directory,
        b"l" => Kind::Symlink,
        b"?" => Kind::Other,
        b"-" => Kind::Gone,
        _ => return None,
    };
    let mode = std::str::from_utf8(fields.next()?).ok()?;
    let digest = std::str::from_utf8(fields.next()?).ok()?;
    let digest = parse_hex(digest)?;
    let thing = Thing {
        kind,
        mode: u32::from_str_radix(mode, 8).ok()?,
        digest: matches!(kind, Kind::File | Kind::Symlink).then_some(digest),
    };
    Some((fields.next()?.to_vec(), thing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_reads_what_encode_wrote() {
        let thing = |kind, mode, digest| Thing { kind, mode, digest };
        let things = Things::from([
            (b"gone".to_vec(), Thing::just(Kind::Gone)),
            (
                b"changed".to_vec(),
                thing(Kind::File, 0o4755, Some([2; 32])),
            ),
            (
                b"a b\n\xFF".to_vec(),
                thing(Kind::Symlink, 0o777, Some([3; 32])),
            ),
            (b"dir".to_vec(), thing(Kind::Directory, 0o700, None)),
            (b"pipe".to_vec(), thing(Kind::Other, 0o600, None)),
        ]);
        assert_eq!(decode(&encode(&things)), things);
        assert!(decode(b"").is_empty() && decode(b"x 1\0f zz\0").is_empty());
    }
}
