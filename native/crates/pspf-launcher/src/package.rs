//! The package that this launcher is part of, and everything that is checked about it.

use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use pspf_format::agreement::{CheckedSlot, check_slots};
use pspf_format::constants::{APPENDED_SEARCH, MAX_METADATA, TRAILER_SIZE};
use pspf_format::hex::Hex;
use pspf_format::metadata::Metadata;
use pspf_format::platform_signature::{HEAD_SIZE, Signable, examine};
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
use crate::platform::{Os, Platform};
use crate::report;

/// A package whose trailer was found. Nothing in it was checked.
pub(crate) struct Opened {
    /// The file, opened once.
    pub(crate) file: PackageFile,
    /// Where it is, for messages and records; it is never opened by this again.
    pub(crate) path: PathBuf,
    /// Where everything is said to lie.
    pub(crate) index: Index,
    /// SHA-256 of the index block, which a launch record is bound to.
    pub(crate) index_digest: [u8; 32],
    /// How strictly it has to be checked.
    pub(crate) level: Level,
    block: Box<IndexBlock>,
    /// The fields of the launcher that its platform's signature has changed.
    signed: Option<Signable>,
}

/// A package whose trailer and seal are in order.
pub(crate) struct Package<'a> {
    opened: &'a Opened,
    /// The seal, if it carries one.
    pub(crate) seal: Option<Seal>,
}

/// What a package says about itself, checked.
pub(crate) struct Contents<'a> {
    /// The signed document.
    pub(crate) metadata: Metadata<'a>,
    /// The slot table.
    pub(crate) table: Vec<SlotDescriptor>,
    /// What both say about each slot.
    pub(crate) slots: Vec<CheckedSlot>,
}

impl Opened {
    /// Finds the trailer of a package.
    pub(crate) fn new(file: File, path: PathBuf, level: Level) -> Result<Self> {
        let mut file = PackageFile::new(file).context("look at", &path)?;
        let mut signed = None;
        let tail = read_tail(&file, &path, TRAILER_SIZE)?;
        let found = find_index(&tail).cloned().or_else(|_| {
            signed = Os::SIGNED_AS.and_then(|_| look_past_signature(&mut file, &path));
            if signed.is_some() {
                let tail = read_tail(&file, &path, TRAILER_SIZE)?;
                return find_index(&tail).cloned();
            }
            // Further back, for an error that says what happened to the end of the file.
            let tail = read_tail(&file, &path, APPENDED_SEARCH.saturating_add(TRAILER_SIZE))?;
            find_index(&tail).cloned()
        });
        let block = Box::new(found?);
        Ok(Self {
            index: Index::decode(&block)?,
            index_digest: Sha256::digest(*block).into(),
            file,
            path,
            level,
            block,
            signed,
        })
    }

    /// Checks the trailer and the seal.
    pub(crate) fn check(&self) -> Result<Package<'_>> {
        let (_, checksum) = Index::parse(&self.block, self.file.length())?;
        if checksum == IndexChecksum::GoLarge && self.level > Level::Minimal {
            report::warning(
                "the index block's checksum is the one that the Go builder writes for packages from 4 GiB on",
            );
        }
        Ok(Package {
            seal: self.check_seal()?,
            opened: self,
        })
    }

    fn check_seal(&self) -> Result<Option<Seal>> {
        if self.level == Level::None {
            report::warning("FLAVOR_VALIDATION=none: neither signatures nor digests are checked");
            return Ok(Seal::parse(&self.block).unwrap_or_default());
        }
        let seal = Seal::parse(&self.block)?;
        match &seal {
            Some(seal) => self.tolerate(seal.verify(&self.block, &self.index.public_key))?,
            None if self.level == Level::Strict => {
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

    /// Refuses, warns or passes over what proves something and failed, as the level says.
    pub(crate) fn tolerate(&self, proof: Result<()>) -> Result<()> {
        match proof {
            Err(error) if self.level >= Level::Standard => Err(error),
            Err(error) => {
                if self.level == Level::Relaxed {
                    report::warning(&format!("{error} [{}]", error.code()));
                }
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Reads a whole section into memory.
    fn read_section(&self, section: pspf_format::Section) -> Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(section.size).unwrap_or_default()];
        self.file
            .read_exact_at(&mut bytes, section.offset)
            .context("read", &self.path)?;
        Ok(bytes)
    }
}

impl Deref for Package<'_> {
    type Target = Opened;

    fn deref(&self) -> &Opened {
        self.opened
    }
}

impl Package<'_> {
    /// Whether our own builder sealed this package.
    pub(crate) const fn is_sealed(&self) -> bool {
        self.seal.is_some()
    }

    /// Reads and verifies the metadata document.
    pub(crate) fn read_metadata(&self) -> Result<Vec<u8>> {
        let compressed = self.read_section(self.index.metadata)?;
        let digest: [u8; 32] = Sha256::digest(&compressed).into();
        let damage = (digest != self.index.metadata_checksum).then(|| {
            Error::new(
                ErrorKind::VerifyMetadataDigest,
                "the metadata is not what the index block says",
            )
            .with("expected", Hex(&self.index.metadata_checksum))
            .with("actual", Hex(&digest))
            .hint("the package is damaged or was changed; get it again from its publisher")
        });
        let json = match (gunzip(&compressed, &self.path), damage) {
            (Ok(json), None) => json,
            (Ok(json), Some(damage)) => {
                self.tolerate(Err(damage))?;
                json
            }
            // What is damaged cannot be read: its digest says why, at every level.
            (Err(error), Some(damage)) => return Err(damage.caused_by(error)),
            (Err(error), None) => return Err(error),
        };
        let is_signed = signature::verify(&self.index.public_key, &json, &self.index.signature);
        self.tolerate(is_signed.then_some(()).ok_or_else(|| {
            Error::new(
                ErrorKind::VerifySignature,
                "the metadata's signature does not verify",
            )
            .with("key", Hex(&self.index.public_key))
            .hint("the package is unsigned or was changed; get it again from its publisher")
        }))?;
        Ok(json)
    }

    /// Parses the document and holds it against the slot table.
    pub(crate) fn read_contents<'j>(&self, json: &'j [u8]) -> Result<Contents<'j>> {
        let metadata = Metadata::parse(json)?;
        // Only the seal signs the index block, so whoever takes it away could change the index as well.
        if metadata.claims_seal && !self.is_sealed() {
            self.tolerate(Err(Error::new(
                ErrorKind::VerifyUnsealed,
                "the signed metadata says that the package is sealed, and it carries no seal",
            )
            .hint(
                "the seal was taken away; get the package again from its publisher",
            )))?;
        }
        let table = self.read_section(self.index.slot_table)?;
        if let Some(seal) = &self.seal {
            self.tolerate(seal.verify_slot_table(&table))?;
        }
        let table = parse_table(&table)?;
        let slots = check_slots(&self.index, &table, &metadata, self.is_sealed())?;
        Ok(Contents {
            metadata,
            table,
            slots,
        })
    }

    /// Sets what the platform's signature has changed in the launcher to what it was. `bytes` begin at `offset`.
    pub(crate) fn undo_signature(&self, offset: u64, bytes: &mut [u8]) {
        if let Some(signed) = &self.signed {
            signed.clear_rewritten(offset, bytes);
        }
    }
}

/// Looks for a platform's signature at the end of the file, and lets the package end before it.
fn look_past_signature(file: &mut PackageFile, path: &Path) -> Option<Signable> {
    let length = file.length();
    let mut head = vec![0; usize::try_from(length.min(HEAD_SIZE as u64)).ok()?];
    file.read_exact_at(&mut head, 0).ok()?;
    let signable = examine(&head).ok()??;
    if Some(signable.kind) != Os::SIGNED_AS {
        return None;
    }
    let signature = signable.signature(length)?;
    file.end_at(signature.offset);
    let before = read_tail(file, path, 64).ok()?;
    let Some(end) = signable.package_end(signature, &before) else {
        file.end_at(length);
        return None;
    };
    file.end_at(end);
    Some(signable)
}

fn read_tail(file: &PackageFile, path: &Path, size: usize) -> Result<Vec<u8>> {
    let length = file.length().min(size as u64);
    let mut tail = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read_exact_at(&mut tail, file.length().saturating_sub(length))
        .context("read", path)?;
    Ok(tail)
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
