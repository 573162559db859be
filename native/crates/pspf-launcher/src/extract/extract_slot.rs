//! One slot: stored bytes in, checked and decoded files out.

use std::io::{self, BufRead};

use pspf_format::{Error, ErrorKind, Operation, OperationChain, Result, Section};
use sha2::{Digest, Sha256};

use super::member_path::MemberPath;
use super::new_file::NewFile;
use super::spellings::{CASE_IS_IGNORED, Spellings};
use super::tar_reader::{Member, MemberKind, TarReader};
use super::tree::{PERMISSION_BITS, Tree};
use crate::codec::{
    BoundedReader, Compression, DigestReader, OutputLimit, decompress, is_splittable,
    with_parallel_frames,
};
use crate::failure::{IoContext, from_io};
use crate::package_file::{PackageFile, RegionReader};

/// What happens to files that are there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Existing {
    /// They make way.
    #[default]
    Replace,
    /// They stay as they are: they are the user's by now.
    Keep,
}

/// What has to be known to extract a slot.
#[derive(Clone, Debug)]
pub(crate) struct Extraction {
    /// Number of the slot, for messages.
    pub(crate) slot: usize,
    /// Name of the slot, for messages.
    pub(crate) id: String,
    /// Where the stored bytes lie.
    pub(crate) stored: Section,
    /// What was done to the content.
    pub(crate) chain: OperationChain,
    /// How large the content may be.
    pub(crate) limit: OutputLimit,
    /// SHA-256 of the stored bytes, from the signed metadata.
    pub(crate) sha256: Option<[u8; 32]>,
    /// First eight bytes of that digest, from the slot table.
    pub(crate) short_digest: Option<u64>,
    /// Where the content goes: the file itself, or for an archive the directory.
    pub(crate) target: MemberPath,
    /// Mode of a single file.
    pub(crate) mode: u32,
    /// What happens to files that are there already.
    pub(crate) existing: Existing,
}

/// Extracts a slot into `tree`. On success its digest has been checked; on failure what was written is worthless.
pub(crate) fn extract_slot(
    package: &PackageFile,
    what: &Extraction,
    tree: &mut Tree,
    threads: usize,
) -> Result<()> {
    extract(package, what, tree, threads)
        .map_err(|error| prefer_digest(error, package, what))
        .map_err(|error| error.with("slot", format!("{} ({})", what.slot, what.id)))
}

/// Changed bytes mostly fail to decode before their digest is known. That they are not the signed ones says more.
fn prefer_digest(error: Error, package: &PackageFile, what: &Extraction) -> Error {
    if error.kind() == ErrorKind::VerifySlotDigest {
        return error;
    }
    let stored = DigestReader::new(package.region(what.stored.offset, what.stored.size));
    match check_digest(stored, what) {
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
    let mut compressions = compressions(what.chain)?;
    let stored = DigestReader::new(package.region(what.stored.offset, what.stored.size));
    let splits = threads > 1
        && compressions.first() == Some(&Compression::Zstd)
        && is_splittable(&start_of(package, what.stored)?, what.stored.size);
    let stored = if splits {
        compressions.remove(0);
        let ((), stored) = with_parallel_frames(stored, threads, |content| {
            write_content(content, &compressions, what, tree)
        })?;
        stored
    } else {
        let mut stored = stored;
        write_content(&mut stored, &compressions, what, tree)?;
        stored
    };
    check_digest(stored, what)
}

/// Checks the stored bytes of a slot without decoding them. What programs may be running from has to make way only for what
/// is known to be right.
pub(crate) fn check_slot(package: &PackageFile, what: &Extraction) -> Result<()> {
    let stored = DigestReader::new(package.region(what.stored.offset, what.stored.size));
    check_digest(stored, what)
        .map_err(|error| error.with("slot", format!("{} ({})", what.slot, what.id)))
}

/// One thing that a slot puts into the workenv.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Where it lies.
    pub(crate) path: MemberPath,
    /// What it is.
    pub(crate) kind: MemberKind,
    /// Target of a link, as written.
    pub(crate) link: Vec<u8>,
    /// SHA-256 of a file's content.
    pub(crate) sha256: Option<[u8; 32]>,
}

/// Lists what a slot puts into the workenv, without writing anything. The stored bytes are checked all the same.
pub(crate) fn list_slot(package: &PackageFile, what: &Extraction) -> Result<Vec<Listed>> {
    let mut stored = DigestReader::new(package.region(what.stored.offset, what.stored.size));
    let mut content: Box<dyn BufRead + '_> = Box::new(&mut stored);
    for compression in compressions(what.chain)? {
        content = decompress(compression, content)?;
    }
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
            listed.push(Listed {
                path: inside(&what.target, &member.name)?,
                kind: member.kind,
                link: member.link,
                sha256: (member.kind == MemberKind::File).then(|| hasher.finalize().into()),
            });
        }
        archive.finish()?;
    } else {
        let digest = DigestReader::new(&mut content)
            .finish()
            .map_err(read_failed)?;
        let (kind, link) = (MemberKind::File, Vec::new());
        listed.push(Listed {
            path: what.target.clone(),
            kind,
            link,
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
    for (position, operation) in chain
        .iter()
        .enumerate()
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
    {
        undo.push(match operation {
            Operation::GZIP => Compression::Gzip,
            Operation::BZIP2 => Compression::Bzip2,
            Operation::XZ => Compression::Xz,
            Operation::ZSTD => Compression::Zstd,
            Operation::TAR if position == 0 => continue,
            other => {
                return Err(Error::new(
                    ErrorKind::FormatBadOperations,
                    "this chain of operations cannot be undone",
                )
                .with("operation", other)
                .with("position", position)
                .hint("tar is possible only as the first operation of a chain"));
            }
        });
    }
    Ok(undo)
}

fn start_of(package: &PackageFile, stored: Section) -> Result<Vec<u8>> {
    const ENOUGH: u64 = 32;
    let mut head = vec![0; usize::try_from(stored.size.min(ENOUGH)).unwrap_or_default()];
    package
        .read_exact_at(&mut head, stored.offset)
        .context("read", "the package")?;
    Ok(head)
}

fn write_content(
    stored: &mut dyn BufRead,
    compressions: &[Compression],
    what: &Extraction,
    tree: &mut Tree,
) -> Result<()> {
    let mut content: Box<dyn BufRead + '_> = Box::new(stored);
    for compression in compressions {
        content = decompress(*compression, content)?;
    }
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
            return file.finish(tree, &what.target, 0);
        }
        file.write(tree, bytes)?;
        content.consume(count);
    }
}

fn write_archive(content: impl BufRead, what: &Extraction, tree: &mut Tree) -> Result<()> {
    let mut archive = TarReader::new(content);
    let mut spellings = Spellings::default();
    while let Some(member) = archive.next_member()? {
        if CASE_IS_IGNORED {
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
        MemberKind::Symlink => tree.create_symlink(&target, &member.link),
        MemberKind::HardLink => {
            tree.create_hard_link(&target, &inside(&what.target, &member.link)?)
        }
        MemberKind::File => {
            let mut file = NewFile::create(tree, &target, member.mode & PERMISSION_BITS, what)?;
            archive.copy_data(|bytes| file.write(tree, bytes))?;
            file.finish(tree, &target, member.mtime)
        }
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
    verify_digest(&actual, what.sha256.as_ref(), what.short_digest)
}

/// Checks a digest of stored bytes.
fn verify_digest(
    actual: &[u8; 32],
    sha256: Option<&[u8; 32]>,
    short_digest: Option<u64>,
) -> Result<()> {
    let short = actual
        .first_chunk()
        .map_or(0, |first| u64::from_le_bytes(*first));
    let matches = sha256.is_none_or(|expected| expected == actual)
        && short_digest.is_none_or(|expected| expected == short);
    if matches {
        return Ok(());
    }
    let mut error = Error::new(
        ErrorKind::VerifySlotDigest,
        "the slot's content is not what was signed",
    );
    if let Some(expected) = sha256 {
        error = error.with("expected", pspf_format::hex::Hex(expected));
    }
    Err(error
        .with("actual", pspf_format::hex::Hex(actual))
        .hint("the package is damaged or was changed; get it again from its publisher"))
}

fn read_failed(error: io::Error) -> Error {
    from_io(error, "read", "the package")
}
