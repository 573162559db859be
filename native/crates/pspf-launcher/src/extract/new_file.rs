//! A file on its way into a tree: under its name at once, or, where a half-written one would count as the user's later, only
//! when it is whole.

use std::fs::File;
use std::path::PathBuf;

use pspf_format::Result;

use super::MemberPath;
use super::extract_slot::{Existing, Extraction};
use super::tree::Tree;
use crate::failure::IoContext;

/// A file that is being written.
pub(super) struct NewFile {
    file: File,
    /// Where it is being written.
    path: PathBuf,
    /// It has to be given its name.
    staged: bool,
}

impl NewFile {
    /// Creates the file of a slot.
    pub(super) fn create(
        tree: &mut Tree,
        target: &MemberPath,
        mode: u32,
        what: &Extraction,
    ) -> Result<Self> {
        let staging = tree
            .staging()
            .filter(|_| what.existing == Existing::Keep)
            .map(Tree::open);
        let Some(staging) = staging else {
            return Ok(Self {
                path: tree.path_of(target),
                file: tree.create_file(target, mode)?,
                staged: false,
            });
        };
        let mut staging = staging?;
        // One file of a slot is written at a time.
        let name = MemberPath::parse(format!("slot-{}", what.slot).as_bytes())?;
        Ok(Self {
            path: staging.path_of(&name),
            file: staging.create_file(&name, mode)?,
            staged: true,
        })
    }

    /// Appends to it.
    pub(super) fn write(&mut self, tree: &mut Tree, bytes: &[u8]) -> Result<()> {
        tree.write(&mut self.file, bytes, &self.path)
    }

    /// Ends it, with the time of its last change if there is one.
    pub(super) fn finish(self, tree: &mut Tree, target: &MemberPath, mtime: u64) -> Result<()> {
        if mtime != 0 {
            Tree::set_time(&self.file, mtime);
        }
        if self.staged {
            // A name must not reach the disk before the content does.
            self.file.sync_all().context("write to disk", &self.path)?;
            tree.adopt(&self.path, target)?;
        }
        Ok(())
    }
}
