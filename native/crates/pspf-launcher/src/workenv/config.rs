//! Files of `config` slots: what the user made of them goes along to the next version of the application.

use std::fmt::Write as _;
use std::fs;
use std::io;

use pspf_format::Result;
use pspf_format::hex::{Hex, parse_hex};
use pspf_format::metadata::Kept;
use sha2::{Digest, Sha256};

use crate::cache::WorkenvPaths;
use crate::extract::{MemberKind, MemberPath, list_slot};
use crate::failure::IoContext;
use crate::package::Package;
use crate::plan::PlannedSlot;
use crate::platform::{ContainedTree, Tree};
use crate::report::{Detail, say};

/// What a version brought with it: the digest of each file that can be configured; `None` for a link.
pub(super) type Shipped = Vec<(MemberPath, Option<[u8; 32]>)>;

/// What the `config` slots of a package have in them.
pub(super) fn shipped_by(package: &Package<'_>, slots: &[PlannedSlot]) -> Result<Shipped> {
    let mut shipped = Shipped::new();
    for slot in slots
        .iter()
        .filter(|slot| slot.wanted && slot.policy.kept == Kept::WithApplication)
    {
        for item in list_slot(&package.file, &slot.extraction)? {
            if item.kind != MemberKind::Directory {
                shipped.push((item.path, item.sha256));
            }
        }
    }
    Ok(shipped)
}

/// One line for each file, as `sha256sum` writes them.
pub(super) fn encode(shipped: &Shipped) -> Vec<u8> {
    let mut text = Vec::new();
    for (path, digest) in shipped {
        let mut line = String::new();
        let _ = write!(line, "{}  ", Hex(&digest.unwrap_or_default()));
        text.extend_from_slice(line.as_bytes());
        text.extend_from_slice(path.as_bytes());
        text.push(b'\n');
    }
    text
}

/// Reads back what another version brought with it. What cannot be read is not known.
fn decode(text: &[u8]) -> Shipped {
    let lines = text.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| {
            let (digest, path) = line.split_at_checked(64)?;
            let digest = parse_hex(std::str::from_utf8(digest).ok()?)?;
            let path = MemberPath::parse(path.strip_prefix(b"  ")?).ok()?;
            Some((path, Some(digest)))
        })
        .collect()
}

/// Takes over what the user changed in the version before: changed files replace the new ones, and where the new version
/// brings something else than the one before did, that lies beside as `NAME.new`.
pub(super) fn take_over(
    before: &WorkenvPaths,
    tree: &mut Tree,
    shipped: &Shipped,
    paths: &WorkenvPaths,
) -> Result<()> {
    let Ok(list) = fs::read(before.shipped_config()) else {
        return Ok(());
    };
    let Ok(mut old) = Tree::open(&before.workenv()) else {
        return Ok(());
    };
    for (path, was) in decode(&list) {
        let Some(user) = content_of(&mut old, &path)? else {
            continue;
        };
        let new = content_of(tree, &path)?;
        let is_configurable = shipped.iter().any(|(shipped, _)| *shipped == path);
        if user.digest == was || new.as_ref() == Some(&user) || (new.is_some() && !is_configurable)
        {
            continue;
        }
        say(Detail::Info, || {
            format!("keeping the changed {}", path.display())
        });
        let new_digest = new.and_then(|new| new.digest);
        if is_configurable && new_digest != was {
            let beside = MemberPath::parse(&[path.as_bytes(), b".new"].concat())?;
            tree.adopt(&tree.path_of(&path), &beside)?;
        }
        copy(&mut old, &path, &user, tree, paths)?;
    }
    Ok(())
}

/// What a file holds or a link leads to.
#[derive(PartialEq, Eq)]
struct Content {
    digest: Option<[u8; 32]>,
    link: Option<Vec<u8>>,
}

fn content_of(tree: &mut Tree, path: &MemberPath) -> Result<Option<Content>> {
    if let Some(link) = tree.read_link(path)? {
        return Ok(Some(Content {
            digest: None,
            link: Some(link),
        }));
    }
    let Some(mut file) = tree.open_file(path)? else {
        return Ok(None);
    };
    let mut content = Vec::new();
    io::Read::read_to_end(&mut file, &mut content).context("read", tree.path_of(path))?;
    Ok(Some(Content {
        digest: Some(Sha256::digest(&content).into()),
        link: None,
    }))
}

/// Copies one file or link, and gives it its name when it is whole.
fn copy(
    old: &mut Tree,
    path: &MemberPath,
    user: &Content,
    tree: &mut Tree,
    paths: &WorkenvPaths,
) -> Result<()> {
    let mut staging = Tree::open(&paths.staging())?;
    let name = MemberPath::parse(b"config")?;
    let staged = staging.path_of(&name);
    if let Some(link) = &user.link {
        staging.create_symlink(&name, link)?;
    } else if let Some(mut source) = old.open_file(path)? {
        let mode = old.mode_of(path)?.unwrap_or(0o600);
        let mut file = staging.create_file(&name, mode & 0o777)?;
        io::copy(&mut source, &mut file).context("write", &staged)?;
        file.sync_all().context("write to disk", &staged)?;
    }
    tree.adopt(&staged, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_reads_what_encode_wrote() {
        let path = |name: &[u8]| MemberPath::parse(name).unwrap();
        let shipped = Shipped::from(vec![
            (path(b"etc/a b"), Some([1; 32])),
            (path(b"etc/c"), Some([0xAB; 32])),
        ]);
        assert_eq!(decode(&encode(&shipped)), shipped);
        assert!(decode(b"").is_empty());
        let mut damaged = encode(&shipped);
        damaged.truncate(30);
        assert!(decode(&damaged).is_empty());
        assert!(decode(format!("{}  ../x\n", "00".repeat(32)).as_bytes()).is_empty());
    }
}
