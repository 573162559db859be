//! An opened package, and everything that is checked about it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use pspf_format::agreement::{CheckedSlot, check_slots};
use pspf_format::constants::{APPENDED_SEARCH, MAX_METADATA, TRAILER_SIZE};
use pspf_format::metadata::Metadata;
use pspf_format::slot::parse_table;
use pspf_format::trailer::{IndexBlock, find_index};
use pspf_format::{
    Error, ErrorKind, Index, IndexChecksum, Result, Seal, SlotDescriptor, signature,
};
use sha2::{Digest, Sha256};

use crate::codec::{Gzip, StreamReader};
use crate::failure::{IoContext, from_io};
use crate::level::Level;
use crate::package_file::PackageFile;
use crate::report;
use crate::trusted_keys::check_trusted;

/// A package whose trailer is in order.
pub(crate) struct Package {
    /// The file, opened once.
    pub(crate) file: PackageFile,
    /// Where it is, for messages and records; it is never opened by this again.
    pub(crate) path: PathBuf,
    /// Where everything lies.
    pub(crate) index: Index,
    /// SHA-256 of the index block, which a launch record is bound to.
    pub(crate) index_digest: [u8; 32],
    /// The seal, if it carries one.
    pub(crate) seal: Option<Seal>,
    /// How strictly it is checked.
    pub(crate) level: Level,
}

/// What an opened package says about itself, checked.
pub(crate) struct Contents<'a> {
    /// The signed document.
    pub(crate) metadata: Metadata<'a>,
    /// The slot table.
    pub(crate) table: Vec<SlotDescriptor>,
    /// What both say about each slot.
    pub(crate) slots: Vec<CheckedSlot>,
}

impl Package {
    /// Opens a package and checks its trailer, its seal and its signer.
    pub(crate) fn open(
        file: File,
        path: PathBuf,
        level: Level,
        trusted: Option<&OsStr>,
    ) -> Result<Self> {
        let file = PackageFile::new(file).context("look at", &path)?;
        let tail = read_tail(&file, &path, TRAILER_SIZE)?;
        let block = match find_index(&tail) {
            Ok(block) => block,
            Err(error) => return Err(explain(&file, &path).unwrap_or(error)),
        };
        let (index, checksum) = Index::parse(block, file.length())?;
        if checksum == IndexChecksum::GoLarge && level > Level::Minimal {
            report::warning(
                "the index block's checksum is the one that the Go builder writes for packages from 4 GiB on",
            );
        }
        let seal = check_seal(block, &index, level)?;
        check_trusted(&index.public_key, trusted)?;
        let index_digest = Sha256::digest(block).into();
        Ok(Self {
            file,
            path,
            index,
            index_digest,
            seal,
            level,
        })
    }

    /// Whether our own builder sealed this package.
    pub(crate) const fn is_sealed(&self) -> bool {
        self.seal.is_some()
    }

    /// Reads and verifies the metadata document.
    pub(crate) fn read_metadata(&self) -> Result<Vec<u8>> {
        let section = self.index.metadata;
        let mut compressed = vec![0; usize::try_from(section.size).unwrap_or_default()];
        self.file
            .read_exact_at(&mut compressed, section.offset)
            .context("read", &self.path)?;
        let digest: [u8; 32] = Sha256::digest(&compressed).into();
        if digest != self.index.metadata_checksum {
            self.tolerate(
                Error::new(
                    ErrorKind::VerifyMetadataDigest,
                    "the metadata is not what the index block says",
                )
                .with(
                    "expected",
                    pspf_format::hex::Hex(&self.index.metadata_checksum),
                )
                .with("actual", pspf_format::hex::Hex(&digest))
                .hint("the package is damaged or was changed; get it again from its publisher"),
            )?;
        }
        let json = gunzip(&compressed, &self.path)?;
        if !signature::verify(&self.index.public_key, &json, &self.index.signature) {
            self.tolerate(
                Error::new(
                    ErrorKind::VerifySignature,
                    "the metadata's signature does not verify",
                )
                .with("key", pspf_format::hex::Hex(&self.index.public_key))
                .hint("the package is unsigned or was changed; get it again from its publisher"),
            )?;
        }
        Ok(json)
    }

    /// Parses the document and holds it against the slot table.
    pub(crate) fn read_contents<'a>(&self, json: &'a [u8]) -> Result<Contents<'a>> {
        let metadata = Metadata::parse(json)?;
        // Only the seal signs the index block, so whoever takes it away could change the index as well.
        if metadata.claims_seal && !self.is_sealed() {
            self.tolerate(
                Error::new(
                    ErrorKind::VerifyUnsealed,
                    "the signed metadata says that the package is sealed, and it carries no seal",
                )
                .hint("the seal was taken away; get the package again from its publisher"),
            )?;
        }
        let table = self.read_slot_table()?;
        let slots = check_slots(&self.index, &table, &metadata, self.is_sealed())?;
        Ok(Contents {
            metadata,
            table,
            slots,
        })
    }

    fn read_slot_table(&self) -> Result<Vec<SlotDescriptor>> {
        let section = self.index.slot_table;
        let mut table = vec![0; usize::try_from(section.size).unwrap_or_default()];
        self.file
            .read_exact_at(&mut table, section.offset)
            .context("read", &self.path)?;
        if let Some(seal) = &self.seal
            && let Err(error) = seal.verify_slot_table(&table)
        {
            self.tolerate(error)?;
        }
        parse_table(&table)
    }

    /// Refuses, warns or passes over a signature that fails, as the level says.
    fn tolerate(&self, error: Error) -> Result<()> {
        tolerate(self.level, error)
    }
}

fn tolerate(level: Level, error: Error) -> Result<()> {
    if level >= Level::Standard {
        return Err(error);
    }
    if level == Level::Relaxed {
        report::warning(&format!("{error} [{}]", error.code()));
    }
    Ok(())
}

fn check_seal(block: &IndexBlock, index: &Index, level: Level) -> Result<Option<Seal>> {
    if level == Level::None {
        report::warning("FLAVOR_VALIDATION=none: neither signatures nor digests are checked");
        return Ok(Seal::parse(block).unwrap_or_default());
    }
    let seal = Seal::parse(block)?;
    match &seal {
        Some(seal) => {
            if let Err(error) = seal.verify(block, &index.public_key) {
                tolerate(level, error)?;
            }
        }
        None if level == Level::Strict => {
            return Err(Error::new(
                ErrorKind::VerifyUnsealed,
                "the package carries no seal, which strict validation demands",
            )
            .hint("build it with flavor, or validate at the standard level"));
        }
        None => {}
    }
    Ok(seal)
}

fn read_tail(file: &PackageFile, path: &Path, size: usize) -> Result<Vec<u8>> {
    let length = file.length().min(size as u64);
    let mut tail = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read_exact_at(&mut tail, file.length().saturating_sub(length))
        .context("read", path)?;
    Ok(tail)
}

/// Looks further back, for an error that says what happened to the end of the file.
fn explain(file: &PackageFile, path: &Path) -> Option<Error> {
    let tail = read_tail(file, path, APPENDED_SEARCH.saturating_add(TRAILER_SIZE)).ok()?;
    find_index(&tail).err()
}

fn gunzip(compressed: &[u8], path: &Path) -> Result<Vec<u8>> {
    let mut json = Vec::new();
    let reader = StreamReader::new(Gzip::new(), compressed);
    let read = reader
        .take(MAX_METADATA.saturating_add(1))
        .read_to_end(&mut json);
    if let Err(error) = read {
        let cause = from_io(error, "read", path);
        return Err(Error::new(
            ErrorKind::FormatBadMetadata,
            "the metadata cannot be decompressed",
        )
        .caused_by(cause));
    }
    if json.len() as u64 > MAX_METADATA {
        return Err(Error::new(
            ErrorKind::FormatTooLarge,
            "the metadata is larger than any package needs",
        )
        .with("limit", MAX_METADATA));
    }
    Ok(json)
}
