//! One slot: stored bytes in, checked and decoded files out.

use std::io::{self, BufRead};

use pspf_format::operation::Supported;
use pspf_format::{Error, ErrorKind, OperationChain, Result};
use sha2::{Digest, Sha256};

use super::extraction::{Existing, Extraction};
use super::member_path::MemberPath;
use super::new_file::{NewFile, staging_for};
use super::spellings::Spellings;
use super::tar_reader::{Member, MemberKind, TarReader};
use super::totals::PERMISSION_BITS;
use crate::codec::{
    BoundedReader, Compression, DigestReader, Layers, Parts, parts_of, with_parts_in_parallel,
};
use crate::failure::from_io;
use crate::package_file::{PackageFile, RegionReader};
use crate::platform::{ContainedTree, Os, Platform, Tree};

/// Extracts a slot into `tree`. On success its digest has been checked; on failure what was written is worthless.
pub(crate) fn extract_slot(
    package: &PackageFile,
    what: &Extraction,
    tree: &mut Tree,
    threads: usize,
) -> Result<()> {
    extract(package, what, tree, threads)
        .map_err(|error| prefer_digest(error, package, what))
        .map_err(|error| error.with("slot", what.name()))
}

/// Changed bytes mostly fail to decode before their digest is known. That they are not the signed ones says more.
fn prefer_digest(error: Error, package: &PackageFile, what: &Extraction) -> Error {
    if error.kind() == ErrorKind::VerifySlotDigest {
        return error;
    }
    match check_digest(stored_bytes(package, what), what) {
        Err(changed) if changed.kind() == ErrorKind::VerifySlotDigest => changed.caused_by(error),
        _ => error,
    }
}

fn extract(
    package: &PackageFile,
    what: &Extraction,
    tree: &mut Tree,
    threads: usize,
) -> Result<()> {
    let compressions = compressions(what.chain)?;
    let mut stored = stored_bytes(package, what);
    let size = what.stored.size;
    let parts = parts_of(&compressions, &what.frames, size, threads, &mut stored)?;
    let stored = if let Parts::None = parts {
        write_content(&mut stored, &compressions, what, tree)?;
        stored
    } else {
        let left = if parts.are_decoded() {
            &[]
        } else {
            compressions.as_slice()
        };
        let write = |content: &mut dyn BufRead| write_content(content, left, what, tree);
        with_parts_in_parallel(stored, parts, threads, write)?.1
    };
    check_digest(stored, what)
}

fn stored_bytes<'a>(package: &'a PackageFile, what: &Extraction) -> DigestReader<RegionReader<'a>> {
    DigestReader::new(package.region(what.stored.offset, what.stored.size))
}

/// Checks the stored bytes of a slot without decoding them. What programs may be running from has to make way only for what
/// is known to be right.
pub(crate) fn check_slot(package: &PackageFile, what: &Extraction) -> Result<()> {
    check_digest(stored_bytes(package, what), what).map_err(|error| error.with("slot", what.name()))
}

/// One thing that a slot puts into the workenv.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Where it lies.
    pub(crate) path: MemberPath,
    /// What it is.
    pub(crate) kind: MemberKind,
    /// Target of a link, as written; of a hard link, where that lies.
    pub(crate) link: Vec<u8>,
    /// Mode bits as written.
    pub(crate) mode: u32,
    /// SHA-256 of a file's content.
    pub(crate) sha256: Option<[u8; 32]>,
}

/// Lists what a slot puts into the workenv, without writing anything. The stored bytes are checked all the same.
pub(crate) fn list_slot(package: &PackageFile, what: &Extraction) -> Result<Vec<Listed>> {
    let mut stored = stored_bytes(package, what);
    let layers = compressions(what.chain)?;
    let content = Layers::of(&layers, what.limit).undo(Box::new(&mut stored))?;
    let mut content = BoundedReader::new(content, what.limit);
    let mut listed = Vec::new();
    if what.chain.is_archive() {
        let mut archive = TarReader::new(content);
        while let Some(member) = archive.next_member()? {
            let mut hasher = Sha256::new();
            archive.copy_data(|bytes| {
                hasher.update(bytes);
                Ok(())
            })?;
            let link = match member.kind {
                MemberKind::HardLink => inside(&what.target, &member.link)?.as_bytes().to_vec(),
                _ => member.link,
            };
            listed.push(Listed {
                path: inside(&what.target, &member.name)?,
                kind: member.kind,
                link,
                mode: member.mode & PERMISSION_BITS,
                sha256: (member.kind == MemberKind::File).then(|| hasher.finalize().into()),
            });
        }
        archive.finish()?;
    } else {
        let digest = DigestReader::new(&mut content)
            .finish()
            .map_err(read_failed)?;
        listed.push(Listed {
            path: what.target.clone(),
            kind: MemberKind::File,
            link: Vec::new(),
            mode: what.mode,
            sha256: Some(digest),
        });
        drop(content);
    }
    check_digest(stored, what)?;
    Ok(listed)
}

/// The compressions to undo, the outermost first. An archive can only be the innermost layer.
fn compressions(chain: OperationChain) -> Result<Vec<Compression>> {
    let mut undo = Vec::new();
    for (position, operation) in chain.iter().enumerate() {
        undo.push(match operation.supported() {
            Some(Supported::Gzip) => Compression::Gzip,
            Some(Supported::Bzip2) => Compression::Bzip2,
            Some(Supported::Xz) => Compression::Xz,
            Some(Supported::Zstd) => Compression::Zstd,
            Some(Supported::Tar) if position == 0 => continue,
            Some(Supported::Tar) | None => {
                return Err(Error::new(
                    ErrorKind::FormatBadOperations,
                    "this chain of operations cannot be undone",
                )
                .with("operation", operation)
                .with("position", position)
                .hint("tar is possible only as the first operation of a chain"));
            }
        });
    }
    undo.reverse();
    Ok(undo)
}

fn write_content(
    stored: &mut dyn BufRead,
    compressions: &[Compression],
    what: &Extraction,
    tree: &mut Tree,
) -> Result<()> {
    let content = Layers::of(compressions, what.limit).undo(Box::new(stored))?;
    let mut content = BoundedReader::new(content, what.limit);
    if what.chain.is_archive() {
        write_archive(content, what, tree)
    } else {
        write_file(&mut content, what, tree)
    }
}

fn write_file(content: &mut impl BufRead, what: &Extraction, tree: &mut Tree) -> Result<()> {
    if what.existing == Existing::Keep && tree.mode_of(&what.target)?.is_some() {
        return io::copy(content, &mut io::sink())
            .map(drop)
            .map_err(read_failed);
    }
    let mut file = NewFile::create(tree, &what.target, what.mode & PERMISSION_BITS, what)?;
    loop {
        let bytes = content.fill_buf().map_err(read_failed)?;
        let count = bytes.len();
        if count == 0 {
            return file.finish(tree, &what.target, 0, what);
        }
        file.write(tree, bytes)?;
        content.consume(count);
    }
}

fn write_archive(content: impl BufRead, what: &Extraction, tree: &mut Tree) -> Result<()> {
    let mut archive = TarReader::new(content);
    let mut spellings = Spellings::default();
    while let Some(member) = archive.next_member()? {
        if Os::FILES_IGNORE_CASE {
            spellings.check(&inside(&what.target, &member.name)?)?;
        }
        let shown = String::from_utf8_lossy(&member.name).into_owned();
        write_member(&mut archive, &member, what, tree).map_err(|error| {
            if has_member(&error) {
                error
            } else {
                error.with("member", format!("{shown:?}"))
            }
        })?;
    }
    archive.finish()
}

fn has_member(error: &Error) -> bool {
    error.context().iter().any(|(name, _)| *name == "member")
}

fn write_member(
    archive: &mut TarReader<impl BufRead>,
    member: &Member,
    what: &Extraction,
    tree: &mut Tree,
) -> Result<()> {
    let target = inside(&what.target, &member.name)?;
    if what.existing == Existing::Keep
        && member.kind != MemberKind::Directory
        && tree.mode_of(&target)?.is_some()
    {
        return Ok(());
    }
    match member.kind {
        MemberKind::Directory => tree.create_directory(&target, member.mode),
        MemberKind::Symlink => create_symlink(tree, &target, &member.link, what),
        MemberKind::HardLink => {
            create_hard_link(tree, &target, &inside(&what.target, &member.link)?, what)
        }
        MemberKind::File => {
            let mut file = NewFile::create(tree, &target, member.mode & PERMISSION_BITS, what)?;
            archive.copy_data(|bytes| file.write(tree, bytes))?;
            file.finish(tree, &target, member.mtime, what)
        }
    }
}

fn create_symlink(
    tree: &mut Tree,
    target: &MemberPath,
    link: &[u8],
    what: &Extraction,
) -> Result<()> {
    match staging_for(tree, what)? {
        None => tree.create_symlink(target, link),
        Some((mut staging, name)) => {
            staging.create_symlink(&name, link)?;
            tree.adopt(&staging.path_of(&name), target)
        }
    }
}

/// Where nothing may be missing for a moment, a copy stands in for the second name.
fn create_hard_link(
    tree: &mut Tree,
    target: &MemberPath,
    original: &MemberPath,
    what: &Extraction,
) -> Result<()> {
    let source = match staging_for(tree, what)? {
        Some(_) if target != original => tree.open_file(original)?,
        _ => None,
    };
    let Some(mut source) = source else {
        return tree.create_hard_link(target, original);
    };
    let mode = tree.mode_of(original)?.unwrap_or_default() & PERMISSION_BITS;
    let mut file = NewFile::create(tree, target, mode, what)?;
    let mut chunk = vec![0; 128 * 1024];
    loop {
        let count = io::Read::read(&mut source, &mut chunk).map_err(read_failed)?;
        if count == 0 {
            return file.finish(tree, target, 0, what);
        }
        file.write(tree, chunk.get(..count).unwrap_or_default())?;
    }
}

/// A member's path below the slot's target.
fn inside(target: &MemberPath, name: &[u8]) -> Result<MemberPath> {
    let member = MemberPath::parse(name)?;
    if target.is_root() {
        return Ok(member);
    }
    MemberPath::parse(&[target.as_bytes(), b"/", member.as_bytes()].concat())
}

/// Compares the digest of everything that was stored with the signed one, and with the slot table's.
fn check_digest(stored: DigestReader<RegionReader<'_>>, what: &Extraction) -> Result<()> {
    let actual = stored.finish().map_err(read_failed)?;
    let short = actual
        .first_chunk()
        .map_or(0, |first| u64::from_le_bytes(*first));
    let matches = what.sha256.is_none_or(|expected| expected == actual)
        && what.short_digest.is_none_or(|expected| expected == short);
    if matches {
        return Ok(());
    }
    let mut error = Error::new(
        ErrorKind::VerifySlotDigest,
        "the slot's content is not what was signed",
    );
    if let Some(expected) = &what.sha256 {
        error = error.with("expected", pspf_format::hex::Hex(expected));
    }
    Err(error
        .with("actual", pspf_format::hex::Hex(&actual))
        .hint("the package is damaged or was changed; get it again from its publisher"))
}

fn read_failed(error: io::Error) -> Error {
    from_io(error, "read", "the package")
}
