//! The whole file against what was signed: the launcher, every slot, and what lies between.
//!
//! Nothing is decoded and nothing is written. Parts that do not depend on each other are read at the same time.

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use pspf_format::agreement::{gaps, sections};
use pspf_format::hex::Hex;
use pspf_format::metadata::LauncherInfo;
use pspf_format::{Error, ErrorKind, Result, Section};
use sha2::{Digest, Sha256};

use crate::extract::{Extraction, check_slot};
use crate::failure::IoContext;
use crate::level::Level;
use crate::package::{Contents, Package};
use crate::plan::plan_slots;
use crate::platform::{Os, Platform};
use crate::rules::placeholders::Placeholders;

/// How much is read at a time, in bytes.
const CHUNK: usize = 128 * 1024;
/// What takes long enough to be begun early, in bytes.
const LONG: u64 = 8 * 1024 * 1024;
/// Reading on more threads than this takes memory and brings nothing.
const MAX_THREADS: usize = 8;

/// Checks everything that a package is made of. The trailer and the seal were checked before.
pub(crate) fn verify_whole(package: &Package<'_>) -> Result<()> {
    let json = package.read_metadata()?;
    let contents = package.read_contents(&json)?;
    if package.level == Level::None {
        return Ok(());
    }
    let placeholders = Placeholders::of(&contents);
    let slots = plan_slots(package, &contents, &placeholders, false)?;
    let is_long = |slot: &&Extraction| slot.stored.size >= LONG;
    let extractions = || slots.iter().map(|slot| &slot.extraction);
    // The long ones first, so that nobody waits for one of them alone at the end.
    let long_first = extractions()
        .filter(is_long)
        .chain(extractions().filter(|slot| !is_long(slot)));
    let mut parts: Vec<Part<'_>> = long_first.map(Part::Slot).collect();
    parts.push(Part::Launcher);
    parts.push(Part::Padding);
    let check = |part: &Part<'_>| match part {
        Part::Slot(slot) => check_slot(&package.file, slot),
        Part::Launcher => package.tolerate(verify_launcher(package, &contents)),
        Part::Padding => package.tolerate(verify_padding(package, &contents)),
    };
    for_each_at_once(&parts, check)
}

/// What can be checked without the others.
enum Part<'a> {
    Slot(&'a Extraction),
    Launcher,
    Padding,
}

/// Does the same with every item, on all cores; of several errors gives that of the first item.
fn for_each_at_once<T: Sync>(items: &[T], act: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    let work = || {
        loop {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(position) else {
                return;
            };
            if let Err(error) = act(item) {
                next.store(items.len(), Ordering::Relaxed);
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                if failed.as_ref().is_none_or(|(first, _)| position < *first) {
                    *failed = Some((position, error));
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..Os::cores().min(MAX_THREADS).min(items.len()) {
            // Fewer threads than wanted are slower, not wrong.
            let _ = thread::Builder::new()
                .stack_size(256 * 1024)
                .spawn_scoped(scope, work);
        }
        work();
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.map_or(Ok(()), |(_, error)| Err(error))
}

/// The digests of a slot's frames, as its table has them. The slot's own digest is checked elsewhere, and decides.
pub(crate) fn verify_frames(package: &Package<'_>, slot: &Extraction) -> Result<()> {
    let mut offset = slot.stored.offset;
    for (number, frame) in slot.frames.iter().enumerate() {
        let mut hasher = Sha256::new();
        let section = Section {
            offset,
            size: frame.stored,
        };
        read_pieces(package, section, |_, piece| {
            hasher.update(piece);
            Ok(())
        })?;
        if package.level > Level::None && !hasher.finalize().starts_with(&frame.digest) {
            return Err(Error::new(
                ErrorKind::VerifySlotDigest,
                "a frame of the slot is not what was signed",
            )
            .with("frame", number));
        }
        offset = offset.saturating_add(frame.stored);
    }
    Ok(())
}

/// The launcher's digest, as the seal and the document have it.
pub(crate) fn verify_launcher(package: &Package<'_>, contents: &Contents<'_>) -> Result<()> {
    let sealed = package.seal.as_ref().map(|seal| seal.launcher_digest);
    let described = contents
        .metadata
        .launcher
        .as_ref()
        .and_then(LauncherInfo::digest);
    if sealed.or(described).is_none() {
        return Ok(());
    }
    let mut hasher = Sha256::new();
    read_pieces(package, package.index.launcher(), |offset, piece| {
        package.undo_signature(offset, piece);
        hasher.update(piece);
        Ok(())
    })?;
    let actual: [u8; 32] = hasher.finalize().into();
    match sealed
        .into_iter()
        .chain(described)
        .find(|expected| *expected != actual)
    {
        None => Ok(()),
        Some(expected) => Err(Error::new(
            ErrorKind::VerifyLauncherDigest,
            "the launcher is not the one that was signed",
        )
        .with("expected", Hex(&expected))
        .with("actual", Hex(&actual))
        .hint("the package is damaged or was changed; get it again from its publisher")),
    }
}

/// Between the sections of a sealed package lies nothing but zeros.
pub(crate) fn verify_padding(package: &Package<'_>, contents: &Contents<'_>) -> Result<()> {
    if !package.is_sealed() {
        return Ok(());
    }
    let sections = sections(&package.index, &contents.table);
    for gap in gaps(&sections, package.index.data_end())? {
        read_pieces(package, gap, |offset, piece| {
            match piece.iter().zip(offset..).find(|(byte, _)| **byte != 0) {
                None => Ok(()),
                Some((_, at)) => Err(Error::new(
                    ErrorKind::FormatBadPadding,
                    "bytes between the sections are not zero",
                )
                .with("offset", at)
                .hint("the package was changed after it was sealed; get it again")),
            }
        })?;
    }
    Ok(())
}

/// Reads a section piece by piece, each with its offset in the file.
fn read_pieces(
    package: &Package<'_>,
    section: Section,
    mut take: impl FnMut(u64, &mut [u8]) -> Result<()>,
) -> Result<()> {
    let mut reader = package.file.region(section.offset, section.size);
    let mut chunk = vec![0; CHUNK];
    let mut offset = section.offset;
    loop {
        let count = reader.read(&mut chunk).context("read", &package.path)?;
        let Some(piece) = chunk.get_mut(..count).filter(|piece| !piece.is_empty()) else {
            return Ok(());
        };
        take(offset, piece)?;
        offset = offset.saturating_add(count as u64);
    }
}
