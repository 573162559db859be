//! A file on its way into a tree: under its name at once, or, where a half-written one would be seen by a program or count as
//! the user's later, only when it is whole.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use pspf_format::Result;

use super::MemberPath;
use super::extraction::{Existing, Extraction};
use super::totals::Totals;
use crate::failure::IoContext;
use crate::platform::{ContainedTree, Tree};

/// A file that is being written.
pub(super) struct NewFile {
    file: File,
    /// Where it is being written.
    path: PathBuf,
    /// It has to be given its name.
    staged: bool,
}

/// A place beside the tree for one member of a slot.
pub(super) fn staging_for(tree: &Tree, what: &Extraction) -> Result<Option<(Tree, MemberPath)>> {
    let Some(directory) = tree
        .staging()
        .filter(|_| what.existing != Existing::Replace)
    else {
        return Ok(None);
    };
    // One member of a slot is written at a time.
    let name = MemberPath::parse(format!("slot-{}", what.slot).as_bytes())?;
    Ok(Some((Tree::open(directory)?, name)))
}

impl NewFile {
    /// Creates the file of a slot.
    pub(super) fn create(
        tree: &mut Tree,
        target: &MemberPath,
        mode: u32,
        what: &Extraction,
    ) -> Result<Self> {
        let staging = staging_for(tree, what)?;
        let staged = staging.is_some();
        let (path, file) = match staging {
            None => (tree.path_of(target), tree.create_file(target, mode)?),
            Some((mut staging, name)) => {
                (staging.path_of(&name), staging.create_file(&name, mode)?)
            }
        };
        Ok(Self { file, path, staged })
    }

    /// Appends to it.
    pub(super) fn write(&mut self, tree: &mut Tree, bytes: &[u8]) -> Result<()> {
        tree.count(Totals {
            files: 0,
            bytes: bytes.len() as u64,
        });
        self.file.write_all(bytes).context("write", &self.path)
    }

    /// Ends it, with the time of its last change if there is one.
    pub(super) fn finish(
        self,
        tree: &mut Tree,
        target: &MemberPath,
        mtime: u64,
        what: &Extraction,
    ) -> Result<()> {
        if mtime != 0 {
            Tree::set_time(&self.file, mtime);
        }
        tree.count(Totals { files: 1, bytes: 0 });
        if self.staged {
            if what.existing == Existing::Keep {
                // A name must not reach the disk before the content does: it would count as the user's.
                self.file.sync_all().context("write to disk", &self.path)?;
            }
            drop(self.file);
            tree.adopt(&self.path, target)?;
        }
        Ok(())
    }
}
