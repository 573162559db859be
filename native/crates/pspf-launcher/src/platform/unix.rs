//! Linux and macOS: owners, modes, recursive removal, durable directories.

use std::borrow::Cow;
use std::ffi::{CStr, OsStr, OsString};
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use pspf_format::Result;
use pspf_format::platform_signature::Kind;
use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

#[cfg(target_os = "linux")]
pub(super) use super::linux as kernel;
#[cfg(not(target_os = "linux"))]
pub(super) use super::macos as kernel;
use super::unix_process::{self, SetupChild};
use super::unix_tree::UnixTree;
use super::{Identity, Platform, SetupProcess, Untrusted};
use crate::program::Program;

/// Linux, or macOS.
pub(crate) struct Unix;

impl Platform for Unix {
    const NAME: &'static str = kernel::NAME;
    const BYTE: u8 = kernel::BYTE;
    const VARIABLES_IGNORE_CASE: bool = false;
    const FILES_IGNORE_CASE: bool = kernel::FILES_IGNORE_CASE;
    const CAN_REPLACE: bool = true;
    const SIGNED_AS: Option<Kind> = kernel::SIGNED_AS;

    type Tree = UnixTree;
    type ExactModes = ExactModes;
    type SetupChild = SetupChild;

    fn open_self() -> Result<(File, PathBuf)> {
        kernel::open_self()
    }

    fn has_borrowed_rights() -> bool {
        kernel::has_borrowed_rights()
    }

    fn cores() -> usize {
        kernel::cores()
    }

    fn boot_id() -> Option<[u8; 16]> {
        kernel::boot_id()
    }

    fn cache_home(variable: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
        variable("XDG_CACHE_HOME")
            .map(|cache| cache.join("flavor"))
            .or_else(|| {
                let home = variable("HOME").or_else(kernel::home_from_user_database)?;
                Some(home.join(".cache").join("flavor"))
            })
    }

    fn homeless_cache(temporary: Option<PathBuf>) -> PathBuf {
        let me = rustix::process::geteuid().as_raw();
        temporary
            .unwrap_or_else(|| PathBuf::from("/tmp"))
            .join(format!("flavor-{me}"))
    }

    fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(file, buffer, offset)
    }

    fn identity(file: &File) -> io::Result<Identity> {
        let facts = file.metadata()?;
        let time = |seconds: i64, nanoseconds: i64| {
            i128::from(seconds)
                .saturating_mul(1_000_000_000)
                .saturating_add(nanoseconds.into())
        };
        Ok(Identity {
            device: facts.dev(),
            file: facts.ino().into(),
            size: facts.len(),
            modified: time(facts.mtime(), facts.mtime_nsec()),
            changed: time(facts.ctime(), facts.ctime_nsec()),
        })
    }

    fn resolve_own(path: &Path) -> std::result::Result<PathBuf, Untrusted> {
        resolve_own(path)
    }

    fn insecurity(path: &Path) -> io::Result<Option<String>> {
        let facts = std::fs::symlink_metadata(path)?;
        let me = rustix::process::geteuid().as_raw();
        if facts.uid() != me {
            return Ok(Some(format!(
                "it belongs to user {}, not to you (user {me})",
                facts.uid()
            )));
        }
        Ok((facts.mode() & 0o022 != 0).then(|| open_to_others(&facts)))
    }

    fn forbids_programs(path: &Path) -> bool {
        kernel::forbids_programs(path)
    }

    fn remove_tree(path: &Path) -> io::Result<()> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        };
        match fs::openat(
            CWD,
            parent,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        ) {
            Ok(parent) => remove_tree_at(parent.as_fd(), name),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn create_private_directory(path: &Path) -> io::Result<()> {
        let _exact = Self::exact_modes();
        Ok(fs::mkdir(path, Mode::RWXU)?)
    }

    fn create_private_directories(path: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.exists()).collect();
        for directory in missing.into_iter().rev() {
            match Self::create_private_directory(directory) {
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => created?,
            }
        }
        Ok(())
    }

    fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        use std::os::unix::fs::OpenOptionsExt;
        let _exact = Self::exact_modes();
        options.mode(0o600).open(path)
    }

    fn make_writable(path: &Path) {
        use std::os::unix::fs::PermissionsExt;
        let Ok(metadata) = std::fs::symlink_metadata(path) else {
            return;
        };
        // What others may do with a directory that stays is the package's affair.
        let mode = metadata.permissions().mode() | 0o700;
        if metadata.is_dir() {
            let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o7777));
        }
    }

    fn make_durable(directory: &Path) -> io::Result<()> {
        kernel::make_durable(directory)
    }

    fn sync_name(path: &Path) -> io::Result<()> {
        path.parent()
            .map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    }

    fn exact_modes() -> ExactModes {
        ExactModes(rustix::process::umask(Mode::empty()))
    }

    fn set_umask(mask: u32) {
        rustix::process::umask(Mode::from_raw_mode(
            rustix::fs::RawMode::try_from(mask & 0o777).unwrap_or_default(),
        ));
    }

    fn is_same_file(one: &Path, other: &Path) -> bool {
        match (fs::stat(one), fs::stat(other)) {
            (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
            _ => false,
        }
    }

    fn is_executable(path: &Path) -> bool {
        path.is_file() && fs::access(path, fs::Access::EXEC_OK).is_ok()
    }

    fn executable_names(path: &Path) -> Vec<PathBuf> {
        vec![path.to_owned()]
    }

    fn move_lease(file: File) -> File {
        // Where so few descriptors are allowed, it stays.
        rustix::io::fcntl_dupfd_cloexec(&file, LEASE_DESCRIPTOR).map_or(file, File::from)
    }

    fn hand_on_lease(file: &File) {
        let _ = rustix::io::fcntl_setfd(file, rustix::io::FdFlags::empty());
    }

    fn replace_process(program: &Program, path: &Path) -> io::Result<i32> {
        unix_process::replace_process(program, path)
    }

    fn run_and_wait(program: &Program, path: &Path, started: &mut dyn FnMut()) -> io::Result<i32> {
        unix_process::run_and_wait(program, path, started)
    }

    fn start_setup(command: &SetupProcess<'_>) -> io::Result<(SetupChild, [File; 2])> {
        unix_process::start_setup(command)
    }

    fn end_of_setup(child: SetupChild) -> io::Result<Option<String>> {
        child.end()
    }

    fn spawn_quiet(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        unix_process::spawn_quiet(work)
    }

    fn workenv_in_shell(workenv: &OsStr) -> OsString {
        unix_process::quote_for_shell(workenv)
    }

    fn plain_path(path: PathBuf) -> PathBuf {
        path
    }

    fn refuses_name(_name: &[u8]) -> bool {
        false
    }

    fn decomposed(name: &str) -> Cow<'_, str> {
        kernel::decomposed(name)
    }
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// Lowest descriptor that a lease is moved to: programs may give meaning to the lower ones.
const LEASE_DESCRIPTOR: i32 = 100;
/// Only owners remove and rename what lies in a directory with this bit.
const STICKY: u32 = 0o1000;
/// How many links are followed on the way to one directory, as in the kernel.
const MAX_LINKS: usize = 40;

/// Restores the umask.
pub(crate) struct ExactModes(Mode);

impl Drop for ExactModes {
    fn drop(&mut self) {
        rustix::process::umask(self.0);
    }
}

fn open_to_others(facts: &Metadata) -> String {
    format!(
        "others can write to it (mode {:04o})",
        facts.mode() & 0o7777
    )
}

/// Follows a path from the root, and looks at everything on the way: whoever can change a directory there can lead us
/// elsewhere.
fn resolve_own(path: &Path) -> std::result::Result<PathBuf, Untrusted> {
    let me = rustix::process::geteuid().as_raw();
    let mut resolved = PathBuf::from("/");
    let mut links = 0_usize;
    let mut todo: Vec<OsString> = steps(path);
    look_at(&resolved, me)?;
    while let Some(step) = todo.pop() {
        if step == ".." {
            resolved.pop();
            continue;
        }
        resolved.push(&step);
        if !look_at(&resolved, me)? {
            continue;
        }
        links = links.saturating_add(1);
        if links > MAX_LINKS {
            return Err(Untrusted::Unreachable(Errno::LOOP.into()));
        }
        let target = std::fs::read_link(&resolved).map_err(Untrusted::Unreachable)?;
        resolved.pop();
        if target.is_absolute() {
            resolved = PathBuf::from("/");
        }
        todo.extend(steps(&target));
    }
    Ok(resolved)
}

/// The steps of a path, the first one last.
fn steps(path: &Path) -> Vec<OsString> {
    let steps = path.components().rev();
    steps
        .filter(|step| matches!(step, Component::Normal(_) | Component::ParentDir))
        .map(|step| step.as_os_str().to_owned())
        .collect()
}

/// Whether it is a link. Refuses what somebody else could change.
fn look_at(path: &Path, me: u32) -> std::result::Result<bool, Untrusted> {
    let facts = std::fs::symlink_metadata(path).map_err(Untrusted::Unreachable)?;
    let is_link = facts.is_symlink();
    let reason = if facts.uid() != me && facts.uid() != 0 {
        format!(
            "it belongs to user {}, not to you (user {me}) or to root",
            facts.uid()
        )
    } else if is_link || facts.mode() & 0o022 == 0 || facts.mode() & STICKY != 0 {
        // The mode of a link means nothing, and what others cannot remove or rename they cannot replace.
        return Ok(is_link);
    } else {
        open_to_others(&facts)
    };
    Err(Untrusted::Replaceable {
        path: path.to_owned(),
        reason,
    })
}

/// Hexadecimal digits, in groups or not.
pub(super) fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    pspf_format::hex::parse_hex(&text.replace('-', ""))
}

/// Opens every regular file below a directory, one after the other. One that its owner may not read is passed over.
pub(super) fn each_file(
    directory: &Path,
    act: &mut dyn FnMut(&File) -> io::Result<()>,
) -> io::Result<()> {
    let mut todo = vec![directory.to_owned()];
    while let Some(directory) = todo.pop() {
        for entry in std::fs::read_dir(&directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                todo.push(entry.path());
            } else if kind.is_file() {
                match File::open(entry.path()) {
                    Ok(file) => act(&file)?,
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(())
}

/// A directory that lies deeper is moved up before it is removed: each level keeps a descriptor open.
const MAX_LEVELS: usize = 8;

/// One directory on the way down.
struct Level {
    directory: OwnedFd,
    name: OsString,
    /// Sub-directories still to be removed.
    todo: Vec<OsString>,
}

/// Removes whatever has this name in an open directory. Follows no link, and does not recurse, however deep the tree is.
pub(super) fn remove_tree_at(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    match fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM | Errno::ACCESS) => {}
        Err(error) => return Err(error.into()),
    }
    let mut levels = vec![enter(parent, name)?];
    let mut lifted = 0_u64;
    loop {
        let depth = levels.len();
        let Some(level) = levels.last_mut() else {
            return Ok(());
        };
        if let Some(name) = level.todo.pop() {
            if depth < MAX_LEVELS {
                let next = enter(level.directory.as_fd(), &name)?;
                levels.push(next);
            } else {
                lifted = lifted.saturating_add(1);
                lift(&mut levels, &name, lifted)?;
            }
            continue;
        }
        let Some(done) = levels.pop() else {
            return Ok(());
        };
        let above = levels
            .last()
            .map_or(parent, |level| level.directory.as_fd());
        match fs::unlinkat(above, &done.name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Moves a directory of the deepest level up to the first one, which removes it later.
fn lift(levels: &mut [Level], name: &OsStr, number: u64) -> io::Result<()> {
    let [first, .., deepest] = levels else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    // Only who may write to a directory may move it to another one.
    make_accessible(deepest.directory.as_fd(), name)?;
    let free = OsString::from(format!(".deep-{}-{number}", std::process::id()));
    fs::renameat(&deepest.directory, name, &first.directory, &free)?;
    first.todo.push(free);
    Ok(())
}

/// Opens a directory, unlinks the files in it, and lists the directories.
fn enter(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<Level> {
    let directory = match fs::openat(parent, name, DIRECTORY, Mode::empty()) {
        // A directory that its owner may not read: packages can contain those.
        Err(Errno::ACCESS) => {
            make_accessible(parent, name)?;
            fs::openat(parent, name, DIRECTORY, Mode::empty())?
        }
        other => other?,
    };
    let _ = fs::fchmod(&directory, Mode::RWXU);
    let mut todo = Vec::new();
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let entry_name = entry.file_name();
        if entry_name == c"." || entry_name == c".." {
            continue;
        }
        if is_directory(&directory, entry.file_type(), entry_name) {
            todo.push(OsStr::from_bytes(entry_name.to_bytes()).to_owned());
        } else {
            match fs::unlinkat(&directory, entry_name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(Level {
        directory,
        name: name.to_owned(),
        todo,
    })
}

fn is_directory(parent: &OwnedFd, kind: FileType, name: &CStr) -> bool {
    match kind {
        FileType::Unknown => fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory),
        known => known == FileType::Directory,
    }
}

/// Gives the owner access to a directory, which a link in its place could only lead to another directory of ours.
fn make_accessible(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    let stat = fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Err(Errno::NOTDIR.into());
    }
    Ok(fs::chmodat(parent, name, Mode::RWXU, AtFlags::empty())?)
}
