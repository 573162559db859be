//! What Linux does differently from other Unix systems.

use std::borrow::Cow;
use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pspf_format::Result;
use rustix::fs;

use super::unix::each_file;
use crate::failure::{IoContext, io_error};

pub(super) const NAME: &str = "linux";
pub(super) const BYTE: u8 = 1;
pub(super) const FILES_IGNORE_CASE: bool = false;
pub(super) const SIGNED_AS: Option<pspf_format::platform_signature::Kind> = None;

const SELF: &str = "/proc/self/exe";

pub(super) fn open_self() -> Result<(File, PathBuf)> {
    let path = match std::fs::read_link(SELF) {
        Ok(path) => path,
        Err(error) => return open_named(error),
    };
    let mut file = File::open(SELF).context("open", &path)?;
    while file.as_raw_fd() <= libc::STDERR_FILENO {
        // We were started with a standard stream closed. It stays taken, by something that nobody can write to, or our
        // messages would end up in whatever is opened next. The program gets it closed, as it was.
        let _ = file.into_raw_fd();
        file = File::open(SELF).context("open", &path)?;
    }
    Ok((file, path))
}

/// Without `/proc`, as in a bare chroot: by the name that the kernel was given.
fn open_named(no_proc: io::Error) -> Result<(File, PathBuf)> {
    let named = match auxiliary(libc::AT_EXECFN) {
        0 => return Err(io_error(no_proc, "open", SELF).hint("mount /proc")),
        #[expect(unsafe_code, reason = "the kernel passes an address")]
        // SAFETY: the kernel has put a string there, which stays as long as the process.
        address => unsafe { CStr::from_ptr(std::ptr::with_exposed_provenance(address)) },
    };
    let named = Path::new(OsStr::from_bytes(named.to_bytes()));
    let opened = std::path::absolute(named).and_then(|path| Ok((File::open(&path)?, path)));
    opened.map_err(|error| {
        io_error(error, "open this executable,", named).hint(format!(
            "mount /proc ({no_proc}), or start it by its whole path"
        ))
    })
}

pub(super) fn has_borrowed_rights() -> bool {
    // Set by the kernel for set-id bits, for file capabilities, and where a security module asks for it.
    auxiliary(libc::AT_SECURE) != 0
}

/// What the kernel tells a program about itself, besides its arguments; 0 where it does not.
fn auxiliary(kind: libc::c_ulong) -> usize {
    #[expect(unsafe_code, reason = "the call has no safe interface")]
    // SAFETY: the call takes a number and only reads.
    let value = unsafe { libc::getauxval(kind) };
    usize::try_from(value).unwrap_or_default()
}

/// As many as the scheduler gives us. What a control group may grant in the end only makes some of them wait.
#[expect(unsafe_code, reason = "the call has no safe interface")]
pub(super) fn cores() -> usize {
    // SAFETY: the set is plain data of the size that is passed, and written by the call.
    let count = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of_val(&set), &raw mut set);
        libc::CPU_COUNT(&set)
    };
    usize::try_from(count).unwrap_or(1).max(1)
}

/// Lower-case hexadecimal digits in groups.
pub(super) fn boot_id() -> Option<[u8; 16]> {
    let mut text = [0; 36];
    let mut file = File::open("/proc/sys/kernel/random/boot_id").ok()?;
    file.read_exact(&mut text).ok()?;
    super::unix::parse_uuid(std::str::from_utf8(&text).ok()?)
}

pub(super) fn home_from_user_database() -> Option<PathBuf> {
    let me = rustix::process::geteuid().as_raw().to_string();
    let users = std::fs::read("/etc/passwd").ok()?;
    users.split(|byte| *byte == b'\n').find_map(|line| {
        let fields: Vec<_> = line.split(|byte| *byte == b':').collect();
        let home = fields.get(5).filter(|home| home.starts_with(b"/"))?;
        (fields.get(2) == Some(&me.as_bytes())).then(|| PathBuf::from(OsStr::from_bytes(home)))
    })
}

pub(super) fn forbids_programs(path: &Path) -> bool {
    fs::statvfs(path).is_ok_and(|stat| stat.f_flag.contains(fs::StatVfsMountFlags::NOEXEC))
}

/// File systems with one journal for everything: what was written before an entry of it is on the disk when the entry is.
const JOURNALED: [u64; 2] = [
    0xEF53,      // ext4
    0x5846_5342, // XFS
];

pub(super) fn make_durable(directory: &Path) -> io::Result<()> {
    let root = File::open(directory)?;
    let kind = u64::try_from(fs::fstatfs(&root)?.f_type).unwrap_or_default();
    if JOURNALED.contains(&kind) {
        each_file(directory, &mut |file| wait_for_content(file))?;
        // The entry that puts the sizes and the names onto the disk, too.
        return root.sync_all();
    }
    each_file(directory, &mut File::sync_all)
}

#[expect(unsafe_code, reason = "the call has no safe interface")]
fn wait_for_content(file: &File) -> io::Result<()> {
    let flags = libc::SYNC_FILE_RANGE_WAIT_BEFORE
        | libc::SYNC_FILE_RANGE_WRITE
        | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    // SAFETY: the descriptor is open.
    match unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The program does not outlive a launcher that was killed.
pub(super) fn die_with_parent(parent: u32) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // The parent may have died before the line above.
    match rustix::process::getppid() {
        Some(current) if u32::try_from(current.as_raw_nonzero().get()) == Ok(parent) => Ok(()),
        _ => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
    }
}

/// Waits for a signal; its number, and whether the terminal sent it to the whole group, the program included.
#[expect(unsafe_code, reason = "signals have no safe interface")]
pub(super) fn wait_for_signal(set: &libc::sigset_t) -> io::Result<(libc::c_int, bool)> {
    loop {
        // SAFETY: `info` is plain data that the call fills in.
        let (number, info) = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            (libc::sigwaitinfo(set, &raw mut info), info)
        };
        if number >= 0 {
            return Ok((number, info.si_code == libc::SI_KERNEL));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// What `SIGCHLD` has to mean so that children can be waited for.
pub(super) fn child_signal() -> libc::sighandler_t {
    libc::SIG_DFL
}

/// Names are bytes.
pub(super) fn decomposed(name: &str) -> Cow<'_, str> {
    Cow::Borrowed(name)
}
