//! Reads back what was written, before it gets its name.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use pspf_format::platform_signature::examine;
use pspf_format::trailer::find_index;
use pspf_format::{Error, ErrorKind, Index, Result, Seal, Section, signature};
use sha2::{Digest, Sha256};

use crate::encode::short_digest;
use crate::launcher::Launcher;
use crate::package::Written;

/// Checks everything that binds the bytes of a package to its key.
pub(crate) fn check(
    path: &Path,
    written: &Written,
    launcher: &Launcher,
    jobs: usize,
) -> Result<()> {
    let checked = File::open(path)
        .map_err(|error| failed(&error))
        .and_then(|mut file| look(&mut file, written, launcher))
        .and_then(|()| check_pieces(path, written, jobs));
    checked.map_err(|error| {
        let message = format!("The package that was written does not verify: {error}");
        let failure = Error::new(ErrorKind::BuildVerificationFailed, message);
        failure.hint("Check the disk and the memory of this machine, then build again")
    })
}

fn look(file: &mut File, written: &Written, launcher: &Launcher) -> Result<()> {
    let tail_size = pspf_format::constants::TRAILER_SIZE as u64;
    let tail = read(
        file,
        Section {
            offset: written.size.saturating_sub(tail_size),
            size: tail_size,
        },
    )?;
    let block = find_index(&tail)?;
    let (index, _) = Index::parse(block, written.size)?;
    let bad = |what: &'static str| Error::new(ErrorKind::VerifySeal, what);
    let seal = Seal::parse(block)?.ok_or_else(|| bad("there is no seal"))?;
    seal.verify(block, &index.public_key)?;
    let table = read(file, index.slot_table)?;
    seal.verify_slot_table(&table)?;
    let metadata = read(file, index.metadata)?;
    if <[u8; 32]>::from(Sha256::digest(&metadata)) != index.metadata_checksum {
        return Err(bad("the metadata differs"));
    }
    let document = inflate(&metadata)?;
    if !signature::verify(&index.public_key, &document, &index.signature) {
        return Err(bad("the metadata signature differs"));
    }
    check_launcher(file, launcher)?;
    for slot in written.slots.iter().filter(|slot| slot.pieces.is_empty()) {
        check_digest(file, slot.stored, &slot.digest, "a slot differs")?;
    }
    Ok(())
}

/// Reads what was written in pieces on all cores; their digests were taken before.
fn check_pieces(path: &Path, written: &Written, jobs: usize) -> Result<()> {
    let mut pieces = Vec::new();
    for slot in &written.slots {
        let mut offset = slot.stored.offset;
        for (size, digest) in &slot.pieces {
            pieces.push((
                Section {
                    offset,
                    size: *size,
                },
                *digest,
            ));
            offset += size;
        }
    }
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        let mut file = File::open(path).map_err(|error| failed(&error))?;
        let mut bytes = Vec::new();
        while let Some((section, digest)) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            seek(&mut file, section.offset)?;
            bytes.resize(usize::try_from(section.size).unwrap_or(usize::MAX), 0);
            file.read_exact(&mut bytes)
                .map_err(|error| failed(&error))?;
            if short_digest(&bytes) != *digest {
                return Err(Error::new(ErrorKind::VerifySlotDigest, "a slot differs"));
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (1..jobs).map(|_| scope.spawn(work)).collect();
        let own = work();
        workers.into_iter().fold(own, |result, worker| {
            let bug = || Error::new(ErrorKind::InternalBug, "a thread has ended");
            result.and(worker.join().unwrap_or_else(|_| Err(bug())))
        })
    })
}

/// Without the fields that signing rewrites.
fn check_launcher(file: &mut File, launcher: &Launcher) -> Result<()> {
    let size = launcher.bytes.len() as u64;
    let mut bytes = read(file, Section { offset: 0, size })?;
    if let Some(signable) = examine(&bytes)? {
        signable.clear_rewritten(0, &mut bytes);
    }
    if <[u8; 32]>::from(Sha256::digest(&bytes)) == launcher.digest {
        return Ok(());
    }
    Err(Error::new(ErrorKind::VerifySeal, "the launcher differs"))
}

fn check_digest(
    file: &mut File,
    section: Section,
    expected: &[u8; 32],
    what: &'static str,
) -> Result<()> {
    let mut hash = Sha256::new();
    seek(file, section.offset)?;
    let mut part = vec![0; 1 << 20];
    let mut left = section.size;
    while left > 0 {
        let want = part.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = file
            .read(&mut part[..want])
            .map_err(|error| failed(&error))?;
        if count == 0 {
            break;
        }
        hash.update(&part[..count]);
        left -= count as u64;
    }
    if left == 0 && <[u8; 32]>::from(hash.finalize()) == *expected {
        return Ok(());
    }
    Err(Error::new(ErrorKind::VerifySlotDigest, what))
}

fn read(file: &mut File, section: Section) -> Result<Vec<u8>> {
    seek(file, section.offset)?;
    let mut bytes = Vec::new();
    Read::by_ref(file)
        .take(section.size)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(&error))?;
    Ok(bytes)
}

fn seek(file: &mut File, offset: u64) -> Result<()> {
    file.seek(SeekFrom::Start(offset))
        .map(|_| ())
        .map_err(|error| failed(&error))
}

fn failed(error: &std::io::Error) -> Error {
    Error::new(
        ErrorKind::IoFailed,
        format!("it cannot be read back: {error}"),
    )
}

fn inflate(metadata: &[u8]) -> Result<Vec<u8>> {
    let mut inflate = zlib_rs::Inflate::new(true, 15 + 16);
    let mut document = Vec::new();
    let mut part = vec![0; 1 << 20];
    let mut rest = metadata;
    loop {
        let (read, written) = (inflate.total_in(), inflate.total_out());
        let status = inflate
            .decompress(rest, &mut part, zlib_rs::InflateFlush::NoFlush)
            .map_err(|error| Error::new(ErrorKind::CompressCorrupt, error.as_str()))?;
        let produced = (inflate.total_out() - written) as usize;
        rest = &rest[(inflate.total_in() - read) as usize..];
        document.extend_from_slice(&part[..produced]);
        if matches!(status, zlib_rs::Status::StreamEnd) || produced == 0 {
            return Ok(document);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode;

    #[test]
    fn inflate_undoes_gzip() {
        let document = vec![b'x'; 3_000_000];
        assert_eq!(
            inflate(&encode::gzip(&document).unwrap()).unwrap(),
            document
        );
    }
}
