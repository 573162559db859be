//! Who fills a workenv, and who runs from it. The kernel lets go of a lock when its last holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::thread;

use pspf_format::{Error, ErrorKind, Result};

use crate::failure::{IoContext, io_error};
use crate::platform::{Os, Platform};
use crate::report::show_progress;

/// What to do when somebody else holds the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Wait as long as its holder lives.
    Wait,
    /// Report that it is held.
    None,
}

/// Held while something in the cache is changed; dropped, it is free.
#[derive(Debug)]
pub(crate) struct FillLock {
    _file: File,
}

impl FillLock {
    /// Takes the lock. The file is created once and never deleted: two processes must never lock two different files.
    pub(crate) fn take(path: &Path, patience: Patience) -> Result<Self> {
        let file = open_to_write(path).map_err(|error| cannot_open(error, path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if patience == Patience::Wait => {
                wait_for(&file).context("lock", path)?;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(
                    ErrorKind::CacheInUse,
                    "another process is changing this workenv",
                )
                .hint("try again when it is done"));
            }
            Err(TryLockError::Error(error)) => return Err(io_error(error, "lock", path)),
        }
        Ok(Self { _file: file })
    }

    /// Takes the lock of something that exists, waiting for it; `None` where the cache cannot be written.
    pub(crate) fn take_if_writable(path: &Path) -> Option<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path).ok()?;
        wait_for(&file).ok()?;
        Some(Self { _file: file })
    }
}

/// A shared lock on a workenv's `.use` file: the lease of a running program on its workenv, which lives as long as the program.
#[derive(Debug)]
pub(crate) struct Lease(File);

impl Lease {
    /// Takes a lease on an existing file, as a warm start does; `None` if it is missing or being removed.
    pub(crate) fn take_existing(path: &Path) -> Option<Self> {
        // Several can hold it, and for that the right to read is enough everywhere.
        let file = File::open(path).ok()?;
        file.try_lock_shared().ok()?;
        Some(Self(Os::move_lease(file)))
    }

    /// Takes a lease while the fill lock is held, so that nobody can be removing the workenv.
    pub(crate) fn take(path: &Path) -> Result<Self> {
        let file = open_to_write(path).map_err(|error| cannot_open(error, path))?;
        match file.try_lock_shared() {
            Ok(()) => Ok(Self(Os::move_lease(file))),
            Err(TryLockError::WouldBlock) => Err(Error::new(
                ErrorKind::CacheInUse,
                "the workenv is being removed",
            )
            .hint("start the program again")),
            Err(TryLockError::Error(error)) => Err(io_error(error, "lock", path)),
        }
    }

    /// Claims a workenv that no program runs from, so that none can start; `None` if one does. Only for holders of the
    /// fill lock.
    pub(crate) fn claim_unused(path: &Path) -> Result<Option<Self>> {
        let file = open_to_write(path).map_err(|error| cannot_open(error, path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(io_error(error, "lock", path)),
        }
    }

    /// Lets the program inherit the lease. If it cannot be started, dropping the lease ends it after all.
    pub(crate) fn hand_on(&self) {
        Os::hand_on_lease(&self.0);
    }
}

/// Opens a lock file to read and to write, which some file systems ask for before they lock it for one holder alone.
fn open_to_write(path: &Path) -> io::Result<File> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut options = OpenOptions::new();
            Os::open_private(options.read(true).append(true).create(true), path)
        }
        opened => opened,
    }
}

fn cannot_open(error: io::Error, path: &Path) -> Error {
    let is_protected = matches!(
        error.kind(),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
    );
    let failed = io_error(error, "open the lock", path);
    if is_protected {
        failed.hint(
            "the cache cannot be written to; set FLAVOR_CACHE to a directory that you can write to",
        )
    } else {
        failed
    }
}

/// Waits for the lock, and says so on a terminal once it takes noticeably long.
fn wait_for(file: &File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(error),
        Err(TryLockError::WouldBlock) => {}
    }
    thread::scope(|scope| {
        let line = || "waiting for another process that unpacks this package".to_owned();
        let progress = show_progress(scope, line);
        let result = file.lock();
        drop(progress);
        result
    })
}
