//! What macOS does differently from other Unix systems.

use std::borrow::Cow;
use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pspf_format::Result;

use super::unix::{each_file, parse_uuid};
use crate::failure::IoContext;

pub(super) const NAME: &str = "darwin";
pub(super) const BYTE: u8 = 2;
pub(super) const FILES_IGNORE_CASE: bool = true;
pub(super) const SIGNED_AS: Option<pspf_format::platform_signature::Kind> =
    Some(pspf_format::platform_signature::Kind::MachO);

pub(super) fn open_self() -> Result<(File, PathBuf)> {
    let path = std::env::current_exe().context("find", "this executable")?;
    let file = File::open(&path).context("open", &path)?;
    Ok((file, path))
}

pub(super) fn has_borrowed_rights() -> bool {
    #[expect(unsafe_code, reason = "the call has no safe interface")]
    // SAFETY: the call takes nothing and only reads.
    let tainted = unsafe { issetugid() };
    tainted != 0
}

#[expect(unsafe_code, reason = "the C library's")]
unsafe extern "C" {
    fn issetugid() -> libc::c_int;
}

pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[expect(unsafe_code, reason = "the call has no safe interface")]
pub(super) fn boot_id() -> Option<[u8; 16]> {
    let mut text = [0_u8; 37];
    let mut length = text.len();
    // SAFETY: the name ends with a NUL byte, and the call writes `length` bytes at most.
    let result = unsafe {
        libc::sysctlbyname(
            c"kern.bootsessionuuid".as_ptr(),
            text.as_mut_ptr().cast(),
            &raw mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    let text = CStr::from_bytes_until_nul(&text).ok()?.to_str().ok()?;
    (result == 0).then(|| parse_uuid(text))?
}

/// The users of macOS do not stand in `/etc/passwd`.
#[expect(unsafe_code, reason = "the call has no safe interface")]
pub(super) fn home_from_user_database() -> Option<PathBuf> {
    let mut buffer = [0; 4096];
    // SAFETY: the entry is plain data, and its strings lie in the buffer, which outlives them.
    let home = unsafe {
        let mut entry: libc::passwd = std::mem::zeroed();
        let mut found = std::ptr::null_mut();
        let me = libc::geteuid();
        let result = libc::getpwuid_r(
            me,
            &raw mut entry,
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut found,
        );
        if result != 0 || found.is_null() || entry.pw_dir.is_null() {
            return None;
        }
        CStr::from_ptr(entry.pw_dir)
    };
    let home = PathBuf::from(OsStr::from_bytes(home.to_bytes()));
    home.is_absolute().then_some(home)
}

pub(super) fn forbids_programs(path: &Path) -> bool {
    /// `MNT_NOEXEC`.
    const NO_PROGRAMS: u32 = 0x4;
    rustix::fs::statfs(path).is_ok_and(|stat| stat.f_flags & NO_PROGRAMS != 0)
}

pub(super) fn make_durable(directory: &Path) -> io::Result<()> {
    // To the disk; and from its own memory once, for all of them.
    each_file(directory, &mut |file| Ok(rustix::fs::fsync(file)?))?;
    File::open(directory)?.sync_all()
}

#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Linux")]
pub(super) fn die_with_parent(_parent: u32) -> io::Result<()> {
    Ok(())
}

#[expect(unsafe_code, reason = "signals have no safe interface")]
pub(super) fn wait_for_signal(set: &libc::sigset_t) -> io::Result<(libc::c_int, bool)> {
    let mut number = 0;
    // SAFETY: `number` is written by the call.
    match unsafe { libc::sigwait(set, &raw mut number) } {
        // The terminal's own signals cannot be told apart here, and reach the program without us.
        0 => Ok((
            number,
            matches!(number, libc::SIGINT | libc::SIGQUIT | libc::SIGTSTP),
        )),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

extern "C" fn nothing(_signal: libc::c_int) {}

/// What `SIGCHLD` has to mean so that children can be waited for: a signal whose default is to be ignored never arrives.
pub(super) fn child_signal() -> libc::sighandler_t {
    nothing as *const () as libc::sighandler_t
}

/// One character, or a letter and what stands above it, are one name.
pub(super) fn decomposed(name: &str) -> Cow<'_, str> {
    Cow::Owned(super::decomposed::decomposed(name))
}
