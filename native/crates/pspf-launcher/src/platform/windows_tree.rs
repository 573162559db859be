//! The contained directory where paths are all there is (Windows): every component is looked at before it is used.
//!
//! Between the look and the use another process could put a link in the way; the cache belongs to the user alone, and who
//! can write there can replace the programs in it anyway.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pspf_format::{Error, ErrorKind, Result};

use super::MemberPath;
use super::member_path::unsafe_path;
use super::tree::{PendingModes, Totals};
use crate::failure::{IoContext, io_error};
use crate::platform;

/// A directory, and what is done inside it.
pub(crate) struct Tree {
    root: PathBuf,
    pending: PendingModes,
    replaced: bool,
    totals: Totals,
    /// Where files are written that may get their names only when they are whole.
    staging: Option<PathBuf>,
}

impl Tree {
    /// Opens an existing directory.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let metadata = fs::symlink_metadata(path).context("open the directory", path)?;
        if !metadata.is_dir() {
            return Err(io_error(
                io::ErrorKind::NotADirectory.into(),
                "open the directory",
                path,
            ));
        }
        Ok(Self {
            root: path.to_owned(),
            pending: PendingModes::new(),
            replaced: false,
            totals: Totals::default(),
            staging: None,
        })
    }

    /// The same directory for another thread.
    pub(crate) fn share(&self) -> Self {
        Self {
            root: self.root.clone(),
            pending: PendingModes::new(),
            replaced: false,
            totals: Totals::default(),
            staging: self.staging.clone(),
        }
    }

    /// Names a directory of the same file system for files that may get their names only when they are whole.
    pub(crate) fn stage_in(&mut self, directory: &Path) {
        self.staging = Some(directory.to_owned());
    }

    /// The directory of [`Tree::stage_in`].
    pub(crate) fn staging(&self) -> Option<&Path> {
        self.staging.as_deref()
    }

    /// Where a member lies.
    pub(crate) fn path_of(&self, member: &MemberPath) -> PathBuf {
        let mut path = self.root.clone();
        // `MemberPath` lets only UTF-8 through on Windows.
        path.extend(
            member
                .components()
                .map(|part| String::from_utf8_lossy(part).into_owned()),
        );
        path
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
        file.write_all(bytes).context("write", path)
    }

    /// Hands out the directory modes that are still to be set.
    pub(crate) fn take_pending(&mut self) -> PendingModes {
        std::mem::take(&mut self.pending)
    }

    /// Creates a file; what had its name before is removed first.
    pub(crate) fn create_file(&mut self, member: &MemberPath, _mode: u32) -> Result<File> {
        self.totals.files = self.totals.files.saturating_add(1);
        let path = self.make_way(member)?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .context("create", &path)
    }

    /// Gives a finished file that lies elsewhere a name in here. Whoever extracts has looked that nothing has that name.
    pub(crate) fn adopt(&mut self, file: &Path, member: &MemberPath) -> Result<()> {
        self.totals.files = self.totals.files.saturating_add(1);
        let path = self.make_way(member)?;
        fs::rename(file, &path).context("create", &path)
    }

    /// Creates a symbolic link.
    pub(crate) fn create_symlink(&mut self, member: &MemberPath, target: &[u8]) -> Result<()> {
        let text = std::str::from_utf8(target)
            .ok()
            .filter(|text| !text.is_empty() && !text.contains('\0'));
        let text =
            text.ok_or_else(|| unsafe_path("a link has no valid target", member.as_bytes()))?;
        let path = self.make_way(member)?;
        platform::create_symlink(Path::new(text), &path).context("create the link", &path)
    }

    /// Gives an earlier regular file another name, or copies it.
    pub(crate) fn create_hard_link(
        &mut self,
        member: &MemberPath,
        original: &MemberPath,
    ) -> Result<()> {
        if member == original {
            return Ok(());
        }
        self.check_parents(original)?;
        let source = self.path_of(original);
        let metadata =
            fs::symlink_metadata(&source).context("find the target of a hard link", &source)?;
        if !metadata.is_file() {
            let what = "a hard link to something other than a regular file is not allowed";
            return Err(unsafe_path(what, member.as_bytes()));
        }
        let path = self.make_way(member)?;
        fs::hard_link(&source, &path)
            .or_else(|_| fs::copy(&source, &path).map(drop))
            .context("create", &path)
    }

    /// Creates a directory, or takes the one that is there.
    pub(crate) fn create_directory(&mut self, member: &MemberPath, _mode: u32) -> Result<()> {
        self.create_parents(member)?;
        let path = self.path_of(member);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => {
                self.replaced = true;
                fs::remove_file(&path).context("replace", &path)?;
                fs::create_dir(&path).context("create the directory", &path)
            }
            Err(_) => fs::create_dir(&path).context("create the directory", &path),
        }
    }

    /// Modes mean nothing here; what does not exist is still an error.
    pub(crate) fn set_mode(&mut self, member: &MemberPath, _mode: u32) -> Result<()> {
        let path = self.path_of(member);
        fs::symlink_metadata(&path)
            .context("set the mode of", &path)
            .map(drop)
    }

    /// Modes mean nothing here.
    pub(crate) fn apply_modes(&mut self, _modes: &PendingModes) -> Result<()> {
        Ok(())
    }

    /// Sets the time of last change of a file that was just written.
    pub(crate) fn set_time(file: &File, seconds: u64) {
        let time = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(seconds));
        if let Some(time) = time {
            // A file system without times is no reason to fail.
            let _ = file.set_modified(time);
        }
    }

    /// Removes whatever has this name; nothing there is fine.
    pub(crate) fn remove(&mut self, member: &MemberPath) -> Result<()> {
        self.check_parents(member)?;
        let path = self.path_of(member);
        platform::remove_tree(&path).context("remove", &path)
    }

    /// Removes a directory if nothing is in it.
    pub(crate) fn remove_empty_directory(&mut self, member: &MemberPath) -> Result<()> {
        if !member.is_root() {
            // A directory with something in it stays, which is the point.
            let _ = fs::remove_dir(self.path_of(member));
        }
        Ok(())
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
        self.check_parents(member)?;
        let path = self.path_of(member);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                File::open(&path).map(Some).context("open", &path)
            }
            _ => Ok(None),
        }
    }

    /// Reads where a symbolic link points; `None` if there is no link.
    pub(crate) fn read_link(&mut self, member: &MemberPath) -> Result<Option<Vec<u8>>> {
        self.check_parents(member)?;
        let target = fs::read_link(self.path_of(member)).ok();
        Ok(target.map(|target| target.to_string_lossy().replace('\\', "/").into_bytes()))
    }

    /// Something other than `None` if anything has this name.
    pub(crate) fn mode_of(&mut self, member: &MemberPath) -> Result<Option<u32>> {
        self.check_parents(member)?;
        Ok(fs::symlink_metadata(self.path_of(member)).ok().map(|_| 0))
    }

    /// Makes the parents, and removes a file or link that has the name already.
    fn make_way(&mut self, member: &MemberPath) -> Result<PathBuf> {
        let Some((parent, _)) = member.split_last() else {
            return Err(unsafe_path(
                "only a directory can be the directory itself",
                member.as_bytes(),
            ));
        };
        self.create_parents(member)?;
        let _ = parent;
        let path = self.path_of(member);
        match fs::symlink_metadata(&path) {
            Err(_) => {}
            Ok(metadata) if metadata.is_dir() => {
                return Err(Error::new(
                    ErrorKind::ArchiveBadEntry,
                    "a directory is where a file should be",
                )
                .with("member", member.display()));
            }
            Ok(_) => {
                self.replaced = true;
                fs::remove_file(&path).context("replace", &path)?;
            }
        }
        Ok(path)
    }

    fn create_parents(&self, member: &MemberPath) -> Result<()> {
        let mut path = self.root.clone();
        let Some((parent, _)) = member.split_last() else {
            return Ok(());
        };
        for part in parent.components() {
            path.push(String::from_utf8_lossy(part).as_ref());
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => return Err(leads_through(member)),
                Err(_) => match fs::create_dir(&path) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    other => other.context("create the directory", &path)?,
                },
            }
        }
        Ok(())
    }

    fn check_parents(&self, member: &MemberPath) -> Result<()> {
        let mut path = self.root.clone();
        let Some((parent, _)) = member.split_last() else {
            return Ok(());
        };
        for part in parent.components() {
            path.push(String::from_utf8_lossy(part).as_ref());
            if fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_dir()) {
                return Err(leads_through(member));
            }
        }
        Ok(())
    }
}

fn leads_through(member: &MemberPath) -> Error {
    unsafe_path(
        "a path leads through something that is not a directory",
        member.as_bytes(),
    )
}
