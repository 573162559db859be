//! The contained directory where paths are all there is (Windows): every component is looked at before it is used.
//!
//! Between the look and the use another process could put a link in the way; the cache belongs to the user alone, and who
//! can write there can replace the programs in it anyway.
//!
//! Links are made at the end, when it is known whether they lead to files or to directories, which are two kinds of links
//! here. A user without the right to make links gets copies, or second names of the same files.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::{MetadataExt, symlink_dir, symlink_file};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use pspf_format::{Error, ErrorKind, Result};

use super::windows::Windows;
use super::{ContainedTree, Platform, TreeEntry};
use crate::extract::{MemberKind, MemberPath, PendingModes, Totals, unsafe_path};
use crate::failure::{IoContext, io_error};
use crate::report;

/// Stands for a mode where files have none.
const NO_MODE: u32 = u32::MAX;

/// A directory, and what is done inside it.
pub(crate) struct WindowsTree {
    root: PathBuf,
    replaced: bool,
    totals: Totals,
    /// Where files are written that may get their names only when they are whole.
    staging: Option<PathBuf>,
    /// Links that are still to be made, with their targets.
    links: Arc<Mutex<Vec<(MemberPath, String)>>>,
}

impl ContainedTree for WindowsTree {
    fn open(path: &Path) -> Result<Self> {
        let metadata = fs::symlink_metadata(path).context("open the directory", path)?;
        if !metadata.is_dir() {
            let error = io::ErrorKind::NotADirectory.into();
            return Err(io_error(error, "open the directory", path));
        }
        Ok(Self {
            root: path.to_owned(),
            replaced: false,
            totals: Totals::default(),
            staging: None,
            links: Arc::default(),
        })
    }

    fn share(&self) -> Self {
        Self {
            root: self.root.clone(),
            replaced: false,
            totals: Totals::default(),
            staging: self.staging.clone(),
            links: Arc::clone(&self.links),
        }
    }

    fn stage_in(&mut self, directory: &Path) {
        self.staging = Some(directory.to_owned());
    }

    fn staging(&self) -> Option<&Path> {
        self.staging.as_deref()
    }

    fn path_of(&self, member: &MemberPath) -> PathBuf {
        let mut path = self.root.clone();
        // `MemberPath` lets only UTF-8 through here.
        path.extend(member.components().map(text));
        path
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

    /// Directories have no modes here.
    fn take_pending(&mut self) -> PendingModes {
        PendingModes::new()
    }

    fn create_file(&mut self, member: &MemberPath, _mode: u32) -> Result<File> {
        let path = self.make_way(member)?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .context("create", &path)
    }

    fn adopt(&mut self, file: &Path, member: &MemberPath) -> Result<()> {
        self.create_parents(member)?;
        let path = self.path_of(member);
        if fs::symlink_metadata(&path).is_ok_and(|facts| facts.is_dir()) {
            return Err(in_the_way(member));
        }
        fs::rename(file, &path).context("create", &path)
    }

    fn create_symlink(&mut self, member: &MemberPath, target: &[u8]) -> Result<()> {
        let target = std::str::from_utf8(target)
            .ok()
            .filter(|target| !target.is_empty() && !target.contains('\0'))
            .ok_or_else(|| unsafe_path("a link has no valid target", member.as_bytes()))?;
        self.make_way(member)?;
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.push((member.clone(), target.to_owned()));
        Ok(())
    }

    fn create_hard_link(&mut self, member: &MemberPath, original: &MemberPath) -> Result<()> {
        self.check_parents(original)?;
        let source = self.path_of(original);
        match fs::symlink_metadata(&source) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(unsafe_path(
                    "a hard link to a file that is not before it is not allowed",
                    member.as_bytes(),
                ));
            }
            facts if facts.as_ref().is_ok_and(Metadata::is_file) => {}
            facts => {
                facts.context("find the target of a hard link", &source)?;
                return Err(unsafe_path(
                    "a hard link to something other than a regular file is not allowed",
                    member.as_bytes(),
                ));
            }
        }
        if member == original {
            return Ok(());
        }
        let path = self.make_way(member)?;
        second_name(&source, &path).context("create", &path)
    }

    fn create_directory(&mut self, member: &MemberPath, _mode: u32) -> Result<()> {
        self.create_parents(member)?;
        let path = self.path_of(member);
        match fs::symlink_metadata(&path) {
            Ok(facts) if facts.is_dir() => return Ok(()),
            Ok(_) => {
                self.replaced = true;
                Windows::remove_tree(&path).context("replace", &path)?;
            }
            Err(_) => {}
        }
        create_directory(&path).context("create the directory", &path)
    }

    /// Modes mean nothing here; what does not exist is still an error.
    fn set_mode(&mut self, member: &MemberPath, _mode: u32) -> Result<()> {
        let path = self.path_of(member);
        let facts = fs::symlink_metadata(&path).context("set the mode of", &path)?;
        if facts.is_symlink() {
            return Err(unsafe_path(
                "the mode of a link cannot be set",
                member.as_bytes(),
            ));
        }
        Ok(())
    }

    /// Makes the links. One that leads to another one has to wait for that.
    fn finish(&mut self, _modes: &PendingModes) -> Result<()> {
        let links = self
            .links
            .lock()
            .map(|mut links| std::mem::take(&mut *links));
        let mut left = links.unwrap_or_default();
        loop {
            let before = left.len();
            let mut waiting = Vec::new();
            for (member, target) in left {
                if !self.make_link(&member, &target)? {
                    waiting.push((member, target));
                }
            }
            left = waiting;
            if left.len() == before {
                break;
            }
        }
        for (member, target) in left {
            self.make_lost_link(&member, &target)?;
        }
        Ok(())
    }

    fn set_time(file: &File, seconds: u64) {
        if let Some(time) = UNIX_EPOCH.checked_add(Duration::from_secs(seconds)) {
            // A file system without times is no reason to fail.
            let _ = file.set_modified(time);
        }
    }

    fn remove(&mut self, member: &MemberPath) -> Result<()> {
        self.check_parents(member)?;
        let path = self.path_of(member);
        Windows::remove_tree(&path).context("remove", &path)
    }

    fn remove_empty_directory(&mut self, member: &MemberPath) -> Result<()> {
        if !member.is_root() {
            // A directory with something in it stays, which is the point.
            let _ = fs::remove_dir(self.path_of(member));
        }
        Ok(())
    }

    fn open_file(&mut self, member: &MemberPath) -> Result<Option<File>> {
        self.check_parents(member)?;
        let path = self.path_of(member);
        match fs::symlink_metadata(&path) {
            Ok(facts) if facts.is_file() => File::open(&path).map(Some).context("open", &path),
            _ => Ok(None),
        }
    }

    fn read_link(&mut self, member: &MemberPath) -> Result<Option<Vec<u8>>> {
        self.check_parents(member)?;
        let target = fs::read_link(self.path_of(member)).ok();
        Ok(target.map(|target| target.to_string_lossy().replace('\\', "/").into_bytes()))
    }

    fn mode_of(&mut self, member: &MemberPath) -> Result<Option<u32>> {
        self.check_parents(member)?;
        let facts = fs::symlink_metadata(self.path_of(member)).ok();
        Ok(facts.map(|_| NO_MODE))
    }

    fn entries(&mut self) -> Result<Vec<TreeEntry>> {
        let mut found = Vec::new();
        let mut todo = vec![(self.root.clone(), Vec::new())];
        while let Some((directory, prefix)) = todo.pop() {
            for entry in fs::read_dir(&directory).context("list", &directory)? {
                let entry = entry.context("list", &directory)?;
                let facts = entry.metadata().context("look at", entry.path())?;
                let path = [&prefix, entry.file_name().as_encoded_bytes()].concat();
                if facts.is_dir() {
                    todo.push((entry.path(), [&path[..], b"/"].concat()));
                }
                found.push(TreeEntry {
                    kind: kind_of(&facts),
                    mode: NO_MODE,
                    stamp: [
                        facts.creation_time().into(),
                        facts.file_size().into(),
                        facts.last_write_time().into(),
                    ],
                    path,
                });
            }
        }
        found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }
}

impl WindowsTree {
    /// Makes the parents, and removes a file or link that has the name already.
    fn make_way(&mut self, member: &MemberPath) -> Result<PathBuf> {
        if member.is_root() {
            let what = "only a directory can be the directory itself";
            return Err(unsafe_path(what, member.as_bytes()));
        }
        self.create_parents(member)?;
        let path = self.path_of(member);
        match fs::symlink_metadata(&path) {
            Err(_) => {}
            Ok(facts) if facts.is_dir() => return Err(in_the_way(member)),
            Ok(_) => {
                self.replaced = true;
                Windows::remove_tree(&path).context("replace", &path)?;
            }
        }
        Ok(path)
    }

    fn create_parents(&self, member: &MemberPath) -> Result<()> {
        self.each_parent(member, |path| {
            create_directory(path).context("create the directory", path)
        })
    }

    fn check_parents(&self, member: &MemberPath) -> Result<()> {
        self.each_parent(member, |_| Ok(()))
    }

    /// Refuses a way that leads through something that is not a directory.
    fn each_parent(
        &self,
        member: &MemberPath,
        missing: impl Fn(&Path) -> Result<()>,
    ) -> Result<()> {
        let mut path = self.root.clone();
        let parent = member.split_last().map(|(parent, _)| parent);
        for part in parent.iter().flat_map(MemberPath::components) {
            path.push(text(part));
            match fs::symlink_metadata(&path) {
                Ok(facts) if facts.is_dir() => {}
                Ok(_) => {
                    let what = "a path leads through something that is not a directory";
                    return Err(unsafe_path(what, member.as_bytes()));
                }
                Err(_) => missing(&path)?,
            }
        }
        Ok(())
    }

    /// Makes a link to something in the tree; false where that is not there.
    fn make_link(&mut self, member: &MemberPath, target: &str) -> Result<bool> {
        let path = self.path_of(member);
        if fs::symlink_metadata(&path).is_ok() {
            // A later member, which wins.
            return Ok(true);
        }
        let Some(leads_to) = target_in_tree(member, target) else {
            return Ok(false);
        };
        if self.check_parents(&leads_to).is_err() {
            return Ok(false);
        }
        let source = self.path_of(&leads_to);
        let Ok(facts) = fs::metadata(&source) else {
            return Ok(false);
        };
        self.create_parents(member)?;
        if try_symlink(target, &path, facts.is_dir()) {
            return Ok(true);
        }
        if !facts.is_dir() {
            second_name(&source, &path).context("create", &path)?;
        } else if path.starts_with(&source) {
            return Ok(false);
        } else {
            copy_directory(&source, &path).context("create", &path)?;
        }
        Ok(true)
    }

    /// A link that leads out of the tree, or to nothing.
    fn make_lost_link(&mut self, member: &MemberPath, target: &str) -> Result<()> {
        self.create_parents(member)?;
        let path = self.path_of(member);
        let is_directory = path.parent().is_some_and(|from| from.join(target).is_dir());
        if !try_symlink(target, &path, is_directory) {
            report::warning(&format!(
                "the link {} is left out: what it leads to, {target:?}, is not in the package, and only who may create \
                 links gets it; that is allowed in the developer mode of Windows",
                member.display()
            ));
        }
        Ok(())
    }
}

/// A link's target as a path of the tree, by its words alone; `None` where it leads out.
fn target_in_tree(member: &MemberPath, target: &str) -> Option<MemberPath> {
    let (parent, _) = member.split_last()?;
    let mut parts: Vec<&[u8]> = parent.components().collect();
    if target.starts_with('/') {
        return None;
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name.as_bytes()),
        }
    }
    MemberPath::parse(&parts.join(&b'/')).ok()
}

/// Creates a symbolic link; false where this user may not, or where the system only says that it did.
fn try_symlink(target: &str, path: &Path, is_directory: bool) -> bool {
    let target = target.replace('/', "\\");
    let created = if is_directory {
        symlink_dir(target, path)
    } else {
        symlink_file(target, path)
    };
    created.is_ok() && fs::symlink_metadata(path).is_ok()
}

fn second_name(source: &Path, path: &Path) -> io::Result<()> {
    fs::hard_link(source, path).or_else(|_| fs::copy(source, path).map(drop))
}

/// Copies a directory with all that is in it. Its files keep their content on the disk once.
fn copy_directory(source: &Path, path: &Path) -> io::Result<()> {
    let mut todo = vec![(source.to_owned(), path.to_owned())];
    while let Some((from, to)) = todo.pop() {
        fs::create_dir(&to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let copy = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                todo.push((entry.path(), copy));
            } else {
                second_name(&entry.path(), &copy)?;
            }
        }
    }
    Ok(())
}

/// Another thread may have been faster.
fn create_directory(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    }
}

fn kind_of(facts: &Metadata) -> Option<MemberKind> {
    if facts.is_symlink() {
        Some(MemberKind::Symlink)
    } else if facts.is_dir() {
        Some(MemberKind::Directory)
    } else {
        facts.is_file().then_some(MemberKind::File)
    }
}

fn text(part: &[u8]) -> String {
    String::from_utf8_lossy(part).into_owned()
}

fn in_the_way(member: &MemberPath) -> Error {
    Error::new(
        ErrorKind::ArchiveBadEntry,
        "a directory is where a file should be",
    )
    .with("member", member.display())
}
