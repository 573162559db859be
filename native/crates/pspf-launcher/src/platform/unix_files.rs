//! Files of Linux and macOS: recursive removal, looking at all of them, and what else both need below the interface.

use std::ffi::{CStr, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Sets the umask of this process.
pub(super) fn set_umask(mask: u32) {
    rustix::process::umask(Mode::from_raw_mode(
        fs::RawMode::try_from(mask & 0o777).unwrap_or_default(),
    ));
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
