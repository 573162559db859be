//! Unix: owners, modes, recursive removal, durable directories.

use std::ffi::{CStr, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Removes whatever has this path, directories with all they hold; nothing there is fine.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
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

/// A directory that lies deeper is moved up before it is removed: each level keeps a descriptor open.
const MAX_LEVELS: usize = 8;

/// One directory on the way down.
struct Level {
    directory: OwnedFd,
    name: OsString,
    /// Sub-directories still to be removed.
    todo: Vec<OsString>,
}

/// [`remove_tree`] below an open directory. Follows no link, and does not recurse, however deep the tree is.
pub(crate) fn remove_tree_at(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
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

/// Writes everything that belongs to the file system of `directory` to the disk, at once.
pub(crate) fn sync_file_system(directory: &Path) -> io::Result<()> {
    let directory = File::open(directory)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fs::syncfs(&directory)?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        fs::sync();
        directory.sync_all()?;
    }
    Ok(())
}

/// Files get exactly the modes we ask for while this lives.
pub(crate) struct ExactModes(Mode);

impl ExactModes {
    /// Clears the umask.
    pub(crate) fn begin() -> Self {
        Self(rustix::process::umask(Mode::empty()))
    }
}

impl Drop for ExactModes {
    fn drop(&mut self) {
        rustix::process::umask(self.0);
    }
}

/// Sets the umask that the program inherits.
pub(crate) fn set_umask(mask: u32) {
    rustix::process::umask(Mode::from_raw_mode(
        rustix::fs::RawMode::try_from(mask & 0o777).unwrap_or_default(),
    ));
}

/// Creates a directory that only its owner can use, whatever the umask.
pub(crate) fn create_private_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let _exact = ExactModes::begin();
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

/// [`create_private_directory`] with its parents, as far as they are missing.
pub(crate) fn create_private_directories(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let _exact = ExactModes::begin();
    std::fs::DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(path)
}

/// Opens a file; if it has to be created, only its owner can use it, whatever the umask.
pub(crate) fn open_private(options: &mut std::fs::OpenOptions, path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let _exact = ExactModes::begin();
    options.mode(0o600).open(path)
}

/// Why a directory cannot be trusted with programs, if it cannot.
pub(crate) fn insecurity(metadata: &std::fs::Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let me = rustix::process::geteuid().as_raw();
    if metadata.uid() != me {
        return Some(format!(
            "it belongs to user {}, not to you (user {me})",
            metadata.uid()
        ));
    }
    (metadata.mode() & 0o022 != 0).then(|| {
        format!(
            "others can write to it (mode {:04o})",
            metadata.mode() & 0o7777
        )
    })
}

/// Whether the file gives us rights that whoever started us lacks. Their environment would choose the cache, the log file and
/// the level of checks, so such a package would be a way to those rights.
pub(crate) fn has_borrowed_rights() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    getuid() != geteuid() || getgid() != getegid()
}

/// Whether programs cannot be started from this file system.
pub(crate) fn forbids_programs(path: &Path) -> bool {
    // Of the flags, only Linux names this one; elsewhere the start of the program tells.
    #[cfg(target_os = "linux")]
    let forbids =
        fs::statvfs(path).is_ok_and(|stat| stat.f_flag.contains(fs::StatVfsMountFlags::NOEXEC));
    #[cfg(not(target_os = "linux"))]
    let forbids = !path.exists();
    forbids
}

/// The home directory that the system's user database names.
pub(crate) fn home_from_user_database() -> Option<PathBuf> {
    let me = rustix::process::geteuid().as_raw().to_string();
    let users = std::fs::read("/etc/passwd").ok()?;
    users.split(|byte| *byte == b'\n').find_map(|line| {
        let fields: Vec<_> = line.split(|byte| *byte == b':').collect();
        let home = fields.get(5).filter(|home| home.starts_with(b"/"))?;
        (fields.get(2) == Some(&me.as_bytes())).then(|| PathBuf::from(OsStr::from_bytes(home)))
    })
}

/// Lowest descriptor that a lease is moved to: programs may give meaning to the lower ones.
const LEASE_DESCRIPTOR: i32 = 100;

/// Moves a lease out of the way of programs; where so few descriptors are allowed, it stays.
pub(crate) fn move_lease(file: File) -> File {
    rustix::io::fcntl_dupfd_cloexec(&file, LEASE_DESCRIPTOR).map_or(file, File::from)
}

/// Lets programs inherit a lease.
pub(crate) fn let_children_inherit(file: &File) {
    let _ = rustix::io::fcntl_setfd(file, rustix::io::FdFlags::empty());
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Lets the owner change a directory again; a failure shows when it is changed.
pub(crate) fn make_writable(path: &Path) {
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

/// Whether two paths lead to one file.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    match (fs::stat(one), fs::stat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        _ => false,
    }
}

/// Whether this is a file that we may execute.
pub(crate) fn is_executable(path: &Path) -> bool {
    path.is_file() && fs::access(path, fs::Access::EXEC_OK).is_ok()
}

/// The names that a program can have on disk.
pub(crate) fn executable_names(path: &Path) -> Vec<PathBuf> {
    vec![path.to_owned()]
}

/// Opens this executable, whatever its path means by now.
pub(crate) fn open_self() -> io::Result<(File, PathBuf)> {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::{AsRawFd, IntoRawFd};
        let mut file = File::open("/proc/self/exe")?;
        while file.as_raw_fd() <= libc::STDERR_FILENO {
            // We were started with a standard stream closed. It stays taken, by something that nobody can write to, or our
            // messages would end up in whatever is opened next. The program gets it closed, as it was.
            let _ = file.into_raw_fd();
            file = File::open("/proc/self/exe")?;
        }
        let path = std::fs::read_link("/proc/self/exe")?;
        Ok((file, path))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let path = std::env::current_exe()?;
        Ok((File::open(&path)?, path))
    }
}
