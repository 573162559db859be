//! The contained directory on Unix: every step is relative to an open directory and follows no link.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pspf_format::{Error, ErrorKind, Result};
use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags, RawMode, Timespec, Timestamps};
use rustix::io::Errno;

use super::unix::remove_tree_at;
use super::{ContainedTree, TreeEntry};
use crate::extract::{MemberKind, MemberPath, PERMISSION_BITS, PendingModes, Totals, unsafe_path};
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
/// How many levels of directories stay open; there are not many descriptors.
const MAX_OPEN_LEVELS: usize = 24;
/// Mode of directories that an archive uses without naming them.
const IMPLICIT_MODE: u32 = 0o755;

/// An open directory, and what is done inside it.
pub(crate) struct UnixTree {
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

impl ContainedTree for UnixTree {
    fn open(path: &Path) -> Result<Self> {
        let root =
            fs::openat(CWD, path, DIRECTORY, Mode::empty()).context("open the directory", path)?;
        Ok(Self::at(Arc::new(root), path.to_owned()))
    }

    fn share(&self) -> Self {
        Self {
            staging: self.staging.clone(),
            ..Self::at(Arc::clone(&self.root), self.path.clone())
        }
    }

    fn stage_in(&mut self, directory: &Path) {
        self.staging = Some(Arc::from(directory));
    }

    fn staging(&self) -> Option<&Path> {
        self.staging.as_deref()
    }

    fn path_of(&self, member: &MemberPath) -> PathBuf {
        if member.is_root() {
            self.path.clone()
        } else {
            self.path.join(OsStr::from_bytes(member.as_bytes()))
        }
    }

    fn replaced_something(&self) -> bool {
        self.replaced
    }

    fn totals(&self) -> Totals {
        self.totals
    }

    fn count(&mut self, written: Totals) {
        self.totals = self.totals.and(written);
    }

    fn take_pending(&mut self) -> PendingModes {
        std::mem::take(&mut self.pending)
    }

    fn create_file(&mut self, member: &MemberPath, mode: u32) -> Result<File> {
        let mode = Mode::from_raw_mode(raw(mode));
        self.create(member, |parent, name| {
            fs::openat(parent, name, NEW_FILE, mode)
        })
        .map(File::from)
    }

    fn adopt(&mut self, path: &Path, member: &MemberPath) -> Result<()> {
        let Some((directory, name)) = member.split_last() else {
            return Ok(());
        };
        let parent = self.open_directory(&directory)?;
        let name = OsStr::from_bytes(name);
        match fs::renameat(CWD, path, &parent, name) {
            Err(Errno::ISDIR) => Err(in_the_way(member)),
            renamed => renamed.context("create", self.path_of(member)),
        }
    }

    fn create_symlink(&mut self, member: &MemberPath, target: &[u8]) -> Result<()> {
        if target.is_empty() || target.contains(&0) || target.len() >= MAX_LINK_TARGET {
            return Err(unsafe_path("a link has no valid target", member.as_bytes()));
        }
        let target = OsStr::from_bytes(target);
        self.create(member, |parent, name| fs::symlinkat(target, parent, name))
    }

    fn create_hard_link(&mut self, member: &MemberPath, original: &MemberPath) -> Result<()> {
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

    fn create_directory(&mut self, member: &MemberPath, mode: u32) -> Result<()> {
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

    fn set_mode(&mut self, member: &MemberPath, mode: u32) -> Result<()> {
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

    fn finish(&mut self, modes: &PendingModes) -> Result<()> {
        self.recent.clear();
        for (member, mode) in modes.iter().rev() {
            let directory = self.open_directory(member)?;
            fs::fchmod(&directory, Mode::from_raw_mode(raw(*mode)))
                .context("set the mode of", self.path_of(member))?;
            self.recent.clear();
        }
        Ok(())
    }

    fn set_time(file: &File, seconds: u64) {
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

    fn remove(&mut self, member: &MemberPath) -> Result<()> {
        let Some((directory, name)) = member.split_last() else {
            return Ok(());
        };
        let Some(directory) = self.open_directory_if_there(&directory)? else {
            return Ok(());
        };
        self.recent.clear();
        remove_tree_at(directory.as_fd(), OsStr::from_bytes(name))
            .context("remove", self.path_of(member))
    }

    fn remove_empty_directory(&mut self, member: &MemberPath) -> Result<()> {
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

    fn open_file(&mut self, member: &MemberPath) -> Result<Option<File>> {
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

    fn read_link(&mut self, member: &MemberPath) -> Result<Option<Vec<u8>>> {
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

    fn mode_of(&mut self, member: &MemberPath) -> Result<Option<u32>> {
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

    fn entries(&mut self) -> Result<Vec<TreeEntry>> {
        let mut found = Vec::new();
        let mut todo = vec![(Arc::clone(&self.root), Vec::new())];
        while let Some((directory, prefix)) = todo.pop() {
            list(&directory, &prefix, &mut found, &mut todo)
                .context("list", self.path.join(OsStr::from_bytes(&prefix)))?;
        }
        found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }
}

impl UnixTree {
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
                    return Err(in_the_way(member));
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

/// Lists one directory; what lies in directories comes later.
fn list(
    directory: &OwnedFd,
    prefix: &[u8],
    found: &mut Vec<TreeEntry>,
    todo: &mut Vec<(Arc<OwnedFd>, Vec<u8>)>,
) -> io::Result<()> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let stat = fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        let path = [prefix, name.to_bytes()].concat();
        if kind == FileType::Directory {
            let opened = match fs::openat(directory, name, DIRECTORY, Mode::empty()) {
                // Its owner may not read it: nothing that the package has can lie in it.
                Err(Errno::ACCESS) => None,
                opened => Some(Arc::new(opened?)),
            };
            todo.extend(opened.map(|opened| (opened, [&path[..], b"/"].concat())));
        }
        found.push(TreeEntry {
            path,
            kind: match kind {
                FileType::RegularFile => Some(MemberKind::File),
                FileType::Directory => Some(MemberKind::Directory),
                FileType::Symlink => Some(MemberKind::Symlink),
                _ => None,
            },
            mode: mode_bits(stat.st_mode) & 0o7777,
            stamp: [
                i128::from(stat.st_ino),
                i128::from(stat.st_size),
                i128::from(stat.st_ctime)
                    .saturating_mul(1_000_000_000)
                    .saturating_add(i128::from(stat.st_ctime_nsec)),
            ],
        });
    }
    Ok(())
}

fn in_the_way(member: &MemberPath) -> Error {
    Error::new(
        ErrorKind::ArchiveBadEntry,
        "a directory is where a file should be",
    )
    .with("member", member.display())
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
