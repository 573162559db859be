//! The contained directory on Unix: every step is relative to an open directory and follows no link.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pspf_format::{Error, ErrorKind, Result};
use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags, RawMode, Timespec, Timestamps};
use rustix::io::Errno;

use super::MemberPath;
use super::member_path::unsafe_path;
use super::tree::{PERMISSION_BITS, PendingModes, Totals};
use crate::failure::{IoContext, io_error};

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// From this length on the system refuses a link's target, in bytes.
const MAX_LINK_TARGET: usize = 4096;
/// What the owner needs to fill a directory.
const OWNER_ALL: u32 = 0o700;
/// From this size on, a piece of a file is sent to the disk at once, in bytes.
const WORTH_WRITING_BACK: usize = 1024 * 1024;
/// How many levels of directories stay open; there are not many descriptors.
const MAX_OPEN_LEVELS: usize = 24;
/// Mode of directories that an archive uses without naming them.
const IMPLICIT_MODE: u32 = 0o755;

/// An open directory, and what is done inside it.
pub(crate) struct Tree {
    root: Arc<OwnedFd>,
    path: PathBuf,
    /// The way to the directory used last, from the top: members of an archive come in directory order.
    recent: Vec<(Vec<u8>, Arc<OwnedFd>)>,
    /// Directory modes still to be set.
    pending: PendingModes,
    /// Something that was there already had to make way.
    replaced: bool,
    /// What was written.
    totals: Totals,
    /// Where files are written that may get their names only when they are whole.
    staging: Option<Arc<Path>>,
}

impl Tree {
    /// Opens an existing directory.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let root =
            fs::openat(CWD, path, DIRECTORY, Mode::empty()).context("open the directory", path)?;
        Ok(Self::at(Arc::new(root), path.to_owned()))
    }

    /// The same directory for another thread.
    pub(crate) fn share(&self) -> Self {
        Self {
            staging: self.staging.clone(),
            ..Self::at(Arc::clone(&self.root), self.path.clone())
        }
    }

    fn at(root: Arc<OwnedFd>, path: PathBuf) -> Self {
        Self {
            root,
            path,
            recent: Vec::new(),
            pending: PendingModes::new(),
            replaced: false,
            totals: Totals::default(),
            staging: None,
        }
    }

    /// Names a directory of the same file system for files that may get their names only when they are whole.
    pub(crate) fn stage_in(&mut self, directory: &Path) {
        self.staging = Some(Arc::from(directory));
    }

    /// The directory of [`Tree::stage_in`].
    pub(crate) fn staging(&self) -> Option<&Path> {
        self.staging.as_deref()
    }

    /// Where a member lies, for messages and for programs.
    pub(crate) fn path_of(&self, member: &MemberPath) -> PathBuf {
        if member.is_root() {
            self.path.clone()
        } else {
            self.path.join(OsStr::from_bytes(member.as_bytes()))
        }
    }

    /// Whether something had to make way for something else.
    pub(crate) const fn replaced_something(&self) -> bool {
        self.replaced
    }

    /// What was written so far.
    pub(crate) const fn totals(&self) -> Totals {
        self.totals
    }

    /// Appends to a file that was just created.
    pub(crate) fn write(&mut self, file: &mut File, bytes: &[u8], path: &Path) -> Result<()> {
        self.totals.bytes = self.totals.bytes.saturating_add(bytes.len() as u64);
        file.write_all(bytes).context("write", path)?;
        if bytes.len() >= WORTH_WRITING_BACK {
            crate::platform::start_writing_back(file);
        }
        Ok(())
    }

    /// Hands out the directory modes that are still to be set.
    pub(crate) fn take_pending(&mut self) -> PendingModes {
        std::mem::take(&mut self.pending)
    }

    /// Creates a file; what had its name before is unlinked first, never written to.
    pub(crate) fn create_file(&mut self, member: &MemberPath, mode: u32) -> Result<File> {
        let mode = Mode::from_raw_mode(raw(mode));
        self.totals.files = self.totals.files.saturating_add(1);
        self.create(member, |parent, name| {
            fs::openat(parent, name, NEW_FILE, mode)
        })
        .map(File::from)
    }

    /// Gives a finished file that lies elsewhere a name in here, unless something has that name already.
    pub(crate) fn adopt(&mut self, file: &Path, member: &MemberPath) -> Result<()> {
        self.totals.files = self.totals.files.saturating_add(1);
        let Some((directory, name)) = member.split_last() else {
            return Ok(());
        };
        let parent = self.open_directory(&directory)?;
        let name = OsStr::from_bytes(name);
        match fs::linkat(CWD, file, &parent, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::EXIST) => fs::unlinkat(CWD, file, AtFlags::empty()),
            // No hard links here. Whoever extracts has looked that nothing has the name, and holds the lock.
            Err(_) => fs::renameat(CWD, file, &parent, name),
        }
        .context("create", self.path_of(member))
    }

    /// Creates a symbolic link. Its target is kept as it is: nothing is ever written through it.
    pub(crate) fn create_symlink(&mut self, member: &MemberPath, target: &[u8]) -> Result<()> {
        if target.is_empty() || target.contains(&0) || target.len() >= MAX_LINK_TARGET {
            return Err(unsafe_path("a link has no valid target", member.as_bytes()));
        }
        let target = OsStr::from_bytes(target);
        self.create(member, |parent, name| fs::symlinkat(target, parent, name))
    }

    /// Gives an earlier regular file another name; where the file system cannot, copies it.
    pub(crate) fn create_hard_link(
        &mut self,
        member: &MemberPath,
        original: &MemberPath,
    ) -> Result<()> {
        let Some((directory, original_name)) = original.split_last() else {
            return Err(unsafe_path(
                "a hard link to the directory itself is not allowed",
                member.as_bytes(),
            ));
        };
        let source = self.open_directory(&directory)?;
        let stat = match fs::statat(
            &source,
            OsStr::from_bytes(original_name),
            AtFlags::SYMLINK_NOFOLLOW,
        ) {
            Err(Errno::NOENT) => {
                return Err(unsafe_path(
                    "a hard link to a file that is not before it is not allowed",
                    member.as_bytes(),
                ));
            }
            found => found.context("find the target of a hard link", self.path_of(original))?,
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(unsafe_path(
                "a hard link to something other than a regular file is not allowed",
                member.as_bytes(),
            ));
        }
        if member == original {
            return Ok(());
        }
        let linked = self.create(member, |parent, name| {
            match fs::linkat(
                &source,
                OsStr::from_bytes(original_name),
                parent,
                name,
                AtFlags::empty(),
            ) {
                Ok(()) => Ok(true),
                Err(Errno::XDEV | Errno::PERM | Errno::MLINK | Errno::OPNOTSUPP) => Ok(false),
                Err(error) => Err(error),
            }
        })?;
        if linked {
            Ok(())
        } else {
            self.copy_file(&source, original_name, mode_bits(stat.st_mode), member)
        }
    }

    fn copy_file(
        &mut self,
        directory: &Arc<OwnedFd>,
        name: &[u8],
        mode: u32,
        member: &MemberPath,
    ) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let source = fs::openat(directory, OsStr::from_bytes(name), flags, Mode::empty());
        let mut source = File::from(source.context("open", self.path_of(member))?);
        let mut target = self.create_file(member, mode & PERMISSION_BITS)?;
        io::copy(&mut source, &mut target).context("write", self.path_of(member))?;
        Ok(())
    }

    /// Creates a directory, or takes the one that is there, and remembers its mode for the end.
    pub(crate) fn create_directory(&mut self, member: &MemberPath, mode: u32) -> Result<()> {
        let mode = mode & PERMISSION_BITS;
        if member.is_root() {
            return Ok(()); // the root's mode is ours
        }
        let Some((parent, name)) = member.split_last() else {
            return Ok(());
        };
        let parent = self.open_directory(&parent)?;
        let name = OsStr::from_bytes(name);
        match fs::mkdirat(&parent, name, Mode::from_raw_mode(raw(mode | OWNER_ALL))) {
            Ok(()) if mode & OWNER_ALL == OWNER_ALL => return Ok(()),
            Ok(()) => {}
            Err(Errno::EXIST) => {
                if !is_directory(parent.as_fd(), name) {
                    self.replaced = true;
                    fs::unlinkat(&parent, name, AtFlags::empty())
                        .context("replace", self.path_of(member))?;
                    fs::mkdirat(&parent, name, Mode::from_raw_mode(raw(mode | OWNER_ALL)))
                        .context("create the directory", self.path_of(member))?;
                } else if mode & OWNER_ALL != OWNER_ALL {
                    // Left by an earlier fill, it may not even let its owner write.
                    let directory = fs::openat(&parent, name, DIRECTORY, Mode::empty())
                        .context("open the directory", self.path_of(member))?;
                    fs::fchmod(&directory, Mode::from_raw_mode(raw(mode | OWNER_ALL)))
                        .context("set the mode of", self.path_of(member))?;
                }
            }
            Err(error) => {
                return Err(io_error(
                    error.into(),
                    "create the directory",
                    self.path_of(member),
                ));
            }
        }
        self.pending.insert(member.clone(), mode);
        Ok(())
    }

    /// Sets the mode of a file or directory, never that of a link or of what it leads to.
    pub(crate) fn set_mode(&mut self, member: &MemberPath, mode: u32) -> Result<()> {
        let Some((directory, name)) = member.split_last() else {
            return Ok(());
        };
        let missing = || {
            io_error(
                io::ErrorKind::NotFound.into(),
                "set the mode of",
                self.path.join(OsStr::from_bytes(member.as_bytes())),
            )
        };
        let directory = self
            .open_directory_if_there(&directory)?
            .ok_or_else(missing)?;
        let name = OsStr::from_bytes(name);
        let stat = fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .context("set the mode of", self.path_of(member))?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            return Err(unsafe_path(
                "the mode of a link cannot be set",
                member.as_bytes(),
            ));
        }
        let mode = Mode::from_raw_mode(raw(mode & PERMISSION_BITS));
        fs::chmodat(&directory, name, mode, AtFlags::SYMLINK_NOFOLLOW)
            .or_else(|error| match error {
                // Linux before 6.6 has no call that refuses links; the directory is ours alone, so nobody swaps one in.
                Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL => {
                    fs::chmodat(&directory, name, mode, AtFlags::empty())
                }
                other => Err(other),
            })
            .context("set the mode of", self.path_of(member))
    }

    /// Sets the modes of directories, the deepest first, since a mode can close the way to what lies below.
    pub(crate) fn apply_modes(&mut self, modes: &PendingModes) -> Result<()> {
        self.recent.clear();
        for (member, mode) in modes.iter().rev() {
            let directory = self.open_directory(member)?;
            fs::fchmod(&directory, Mode::from_raw_mode(raw(*mode)))
                .context("set the mode of", self.path_of(member))?;
            self.recent.clear();
        }
        Ok(())
    }

    /// Sets the time of last change of a file that was just written.
    pub(crate) fn set_time(file: &File, seconds: u64) {
        let time = Timespec {
            tv_sec: i64::try_from(seconds).unwrap_or(0),
            tv_nsec: 0,
        };
        // A file system without times is no reason to fail.
        let _ = fs::futimens(
            file,
            &Timestamps {
                last_access: time,
                last_modification: time,
            },
        );
    }

    /// Removes a file or a link, or a directory with all that is in it; what is not there is fine.
    pub(crate) fn remove(&mut self, member: &MemberPath) -> Result<()> {
        let Some((directory, name)) = member.split_last() else {
            return Ok(());
        };
        let Some(directory) = self.open_directory_if_there(&directory)? else {
            return Ok(());
        };
        self.recent.clear();
        crate::platform::remove_tree_at(directory.as_fd(), OsStr::from_bytes(name))
            .context("remove", self.path_of(member))
    }

    /// Removes a directory if nothing is in it.
    pub(crate) fn remove_empty_directory(&mut self, member: &MemberPath) -> Result<()> {
        let Some((directory, name)) = member.split_last() else {
            return Ok(());
        };
        let Some(directory) = self.open_directory_if_there(&directory)? else {
            return Ok(());
        };
        self.recent.clear();
        match fs::unlinkat(&directory, OsStr::from_bytes(name), AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Ok(()),
            Err(error) => Err(io_error(error.into(), "remove", self.path_of(member))),
        }
    }

    /// Removes the directories above a member, up to the first that something else is in.
    pub(crate) fn remove_empty_parents(&mut self, member: &MemberPath) -> Result<()> {
        let mut member = member.clone();
        while let Some((parent, _)) = member.split_last() {
            self.remove_empty_directory(&parent)?;
            member = parent;
        }
        Ok(())
    }

    /// Opens a regular file for reading; `None` if there is none.
    pub(crate) fn open_file(&mut self, member: &MemberPath) -> Result<Option<File>> {
        let Some((directory, name)) = member.split_last() else {
            return Ok(None);
        };
        let Some(directory) = self.open_directory_if_there(&directory)? else {
            return Ok(None);
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match fs::openat(&directory, OsStr::from_bytes(name), flags, Mode::empty()) {
            Ok(file) => Ok(Some(File::from(file))),
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(io_error(error.into(), "open", self.path_of(member))),
        }
    }

    /// Reads where a symbolic link points; `None` if there is no link.
    pub(crate) fn read_link(&mut self, member: &MemberPath) -> Result<Option<Vec<u8>>> {
        let Some((directory, name)) = member.split_last() else {
            return Ok(None);
        };
        let Some(directory) = self.open_directory_if_there(&directory)? else {
            return Ok(None);
        };
        match fs::readlinkat(&directory, OsStr::from_bytes(name), Vec::new()) {
            Ok(target) => Ok(Some(target.into_bytes())),
            Err(Errno::NOENT | Errno::INVAL | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(io_error(
                error.into(),
                "read the link",
                self.path_of(member),
            )),
        }
    }

    /// Mode bits of whatever has this name; `None` if nothing has.
    pub(crate) fn mode_of(&mut self, member: &MemberPath) -> Result<Option<u32>> {
        let Some((directory, name)) = member.split_last() else {
            return Ok(None);
        };
        let Some(directory) = self.open_directory_if_there(&directory)? else {
            return Ok(None);
        };
        match fs::statat(
            &directory,
            OsStr::from_bytes(name),
            AtFlags::SYMLINK_NOFOLLOW,
        ) {
            Ok(stat) => Ok(Some(mode_bits(stat.st_mode))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(io_error(error.into(), "look at", self.path_of(member))),
        }
    }

    fn open_directory_if_there(&self, member: &MemberPath) -> Result<Option<Arc<OwnedFd>>> {
        let mut current = Arc::clone(&self.root);
        for name in member.components() {
            match fs::openat(&current, OsStr::from_bytes(name), DIRECTORY, Mode::empty()) {
                Ok(next) => current = Arc::new(next),
                Err(Errno::NOENT) => return Ok(None),
                Err(error) => return Err(self.cannot_enter(error, member)),
            }
        }
        Ok(Some(current))
    }

    /// Runs `make` in the member's directory; on a clash unlinks what is there and runs it once more.
    fn create<T>(
        &mut self,
        member: &MemberPath,
        make: impl Fn(BorrowedFd<'_>, &OsStr) -> rustix::io::Result<T>,
    ) -> Result<T> {
        let Some((directory, name)) = member.split_last() else {
            return Err(unsafe_path(
                "only a directory can be the directory itself",
                member.as_bytes(),
            ));
        };
        let parent = self.open_directory(&directory)?;
        let name = OsStr::from_bytes(name);
        let result = match make(parent.as_fd(), name) {
            Err(Errno::EXIST) => {
                self.replaced = true;
                if is_directory(parent.as_fd(), name) {
                    return Err(Error::new(
                        ErrorKind::ArchiveBadEntry,
                        "a directory is where a file should be",
                    )
                    .with("member", member.display()));
                }
                fs::unlinkat(&parent, name, AtFlags::empty())
                    .context("replace", self.path_of(member))?;
                make(parent.as_fd(), name)
            }
            other => other,
        };
        result.context("create", self.path_of(member))
    }

    /// Opens a directory below the root, creating what is missing.
    fn open_directory(&mut self, member: &MemberPath) -> Result<Arc<OwnedFd>> {
        let shared = self
            .recent
            .iter()
            .zip(member.components())
            .take_while(|((open, _), wanted)| open == wanted)
            .count();
        self.recent.truncate(shared);
        let mut current = self
            .recent
            .last()
            .map_or_else(|| Arc::clone(&self.root), |(_, open)| Arc::clone(open));
        for component in member.components().skip(shared) {
            let name = OsStr::from_bytes(component);
            let next = match fs::openat(&current, name, DIRECTORY, Mode::empty()) {
                Ok(next) => next,
                Err(Errno::NOENT) => {
                    match fs::mkdirat(&current, name, Mode::from_raw_mode(raw(IMPLICIT_MODE))) {
                        // Another thread may have been faster.
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => {
                            return Err(io_error(
                                error.into(),
                                "create a directory for",
                                self.path_of(member),
                            ));
                        }
                    }
                    fs::openat(&current, name, DIRECTORY, Mode::empty())
                        .map_err(|error| self.cannot_enter(error, member))?
                }
                Err(error) => return Err(self.cannot_enter(error, member)),
            };
            current = Arc::new(next);
            if self.recent.len() < MAX_OPEN_LEVELS {
                self.recent.push((component.to_vec(), Arc::clone(&current)));
            }
        }
        Ok(current)
    }

    fn cannot_enter(&self, error: Errno, member: &MemberPath) -> Error {
        match error {
            Errno::LOOP | Errno::NOTDIR | Errno::MLINK => unsafe_path(
                "a path leads through something that is not a directory",
                member.as_bytes(),
            ),
            other => io_error(other.into(), "open the directory", self.path_of(member)),
        }
    }
}

fn is_directory(parent: BorrowedFd<'_>, name: &OsStr) -> bool {
    fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

/// The system's type for modes is narrower on some systems.
fn raw(mode: u32) -> RawMode {
    RawMode::try_from(mode).unwrap_or_default()
}

/// A mode as the number that it is; narrower on some systems.
#[cfg_attr(
    target_os = "linux",
    expect(clippy::useless_conversion, reason = "macOS has 16 bits here")
)]
fn mode_bits(mode: RawMode) -> u32 {
    mode.into()
}
