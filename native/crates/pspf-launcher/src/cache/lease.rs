//! The lease of a running program on its workenv: a shared lock that lives exactly as long as the program.

use std::fs::{File, TryLockError};
use std::path::Path;

use pspf_format::{Error, ErrorKind, Result};

use super::lock::open_lock_file;
use crate::failure::io_error;
use crate::platform;

/// A shared lock on a workenv's `.use` file.
#[derive(Debug)]
pub(crate) struct Lease(File);

impl Lease {
    /// Takes a lease on an existing file, as a warm start does; `None` if it is missing or being removed.
    pub(crate) fn take_existing(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        file.try_lock_shared().ok()?;
        Some(Self(platform::move_lease(file)))
    }

    /// Takes a lease while the fill lock is held, so that nobody can be removing the workenv.
    pub(crate) fn take(path: &Path) -> Result<Self> {
        let file = open_lock_file(path)?;
        match file.try_lock_shared() {
            Ok(()) => Ok(Self(platform::move_lease(file))),
            Err(TryLockError::WouldBlock) => Err(in_use()),
            Err(TryLockError::Error(error)) => Err(io_error(error, "lock", path)),
        }
    }

    /// Claims a workenv that no program runs from, so that none can start; `None` if one does. Only for holders of the
    /// fill lock.
    pub(crate) fn claim_unused(path: &Path) -> Result<Option<Self>> {
        let file = open_lock_file(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(io_error(error, "lock", path)),
        }
    }

    /// Lets the program inherit the lease. If it cannot be started, dropping the lease ends it after all.
    pub(crate) fn let_programs_inherit(&self) {
        platform::let_children_inherit(&self.0);
    }
}

fn in_use() -> Error {
    Error::new(ErrorKind::CacheInUse, "the workenv is being removed")
        .hint("start the program again")
}
