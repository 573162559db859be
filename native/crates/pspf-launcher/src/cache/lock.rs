//! The lock that whoever fills a workenv holds. The kernel lets go of it when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use pspf_format::{Error, ErrorKind, Result};

use crate::failure::{IoContext, io_error};
use crate::platform;
use crate::report;

/// How long a wait stays silent.
const SILENCE: Duration = Duration::from_millis(300);

/// What to do when somebody else holds the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Wait as long as its holder lives.
    Wait,
    /// Report that it is held.
    None,
}

/// Held while a workenv is changed; dropped, it is free.
#[derive(Debug)]
pub(crate) struct FillLock {
    _file: File,
}

impl FillLock {
    /// Takes the lock. The file is created once and never deleted: two processes must never lock two different files.
    pub(crate) fn take(path: &Path, patience: Patience) -> Result<Self> {
        let file = open_lock_file(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) if patience == Patience::Wait => {
                wait_for(&file).context("lock", path)?;
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => Err(Error::new(
                ErrorKind::CacheInUse,
                "another process is changing this workenv",
            )
            .hint("try again when it is done")),
            Err(TryLockError::Error(error)) => Err(io_error(error, "lock", path)),
        }
    }
}

/// Opens a lock file, creating it where the cache can be written.
pub(super) fn open_lock_file(path: &Path) -> Result<File> {
    match OpenOptions::new().read(true).open(path) {
        Ok(file) => Ok(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => platform::open_private(
            OpenOptions::new().read(true).append(true).create(true),
            path,
        )
        .context("create the lock", path),
        Err(error) => Err(io_error(error, "open the lock", path)),
    }
}

/// Waits for the lock, and says so on a terminal once it takes noticeably long.
fn wait_for(file: &File) -> io::Result<()> {
    if !io::stderr().is_terminal() {
        return file.lock();
    }
    let (done, waiting) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if matches!(
                waiting.recv_timeout(SILENCE),
                Err(mpsc::RecvTimeoutError::Timeout)
            ) {
                report::notice("waiting for another process that unpacks this package");
            }
        });
        let result = file.lock();
        drop(done);
        result
    })
}
