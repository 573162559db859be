//! Names in the cache.

use std::path::{Path, PathBuf};

/// The paths that belong to one package.
#[derive(Clone, Debug)]
pub(crate) struct WorkenvPaths {
    root: PathBuf,
    id: String,
}

impl WorkenvPaths {
    /// The paths of the package `id` below a cache root.
    pub(crate) const fn new(root: PathBuf, id: String) -> Self {
        Self { root, id }
    }

    /// The same for another package.
    pub(crate) fn of(&self, id: &str) -> Self {
        Self::new(self.root.clone(), id.to_owned())
    }

    /// Where the cache is.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The package's name in the cache: 32 hexadecimal digits.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Where all workenvs lie.
    pub(crate) fn workenvs(&self) -> PathBuf {
        self.root.join("workenv")
    }

    /// The package's content.
    pub(crate) fn workenv(&self) -> PathBuf {
        self.workenvs().join(&self.id)
    }

    /// What we keep about the package.
    pub(crate) fn records(&self) -> PathBuf {
        self.workenvs().join(format!(".{}.pspf", self.id))
    }

    /// The completion record; there is one exactly while the workenv is filled.
    pub(crate) fn launch_record(&self) -> PathBuf {
        self.records().join("launch")
    }

    /// What the `config` slots had in them when the workenv was filled. It says also that it was filled at least once, so
    /// that their files are whole.
    pub(crate) fn shipped_config(&self) -> PathBuf {
        self.records().join("config")
    }

    /// What the setup commands made of the extracted files.
    pub(crate) fn after_setup(&self) -> PathBuf {
        self.records().join("setup")
    }

    /// Where files are written that may get their names only when they are whole.
    pub(crate) fn staging(&self) -> PathBuf {
        self.records().join("staging")
    }

    /// Held by whoever fills, changes or removes the workenv.
    pub(crate) fn fill_lock(&self) -> PathBuf {
        self.lock("fill")
    }

    /// Held, shared, by every program that runs from the workenv.
    pub(crate) fn use_lock(&self) -> PathBuf {
        self.lock("use")
    }

    fn lock(&self, kind: &str) -> PathBuf {
        self.root.join("locks").join(format!("{}.{kind}", self.id))
    }

    /// Where a removed workenv goes first, so that its name is free at once.
    pub(super) fn trash(&self) -> PathBuf {
        let name = format!("{}{}", self.trash_prefix(), std::process::id());
        self.workenvs().join(name)
    }

    /// How the names of all such places of this package begin.
    pub(super) fn trash_prefix(&self) -> String {
        format!(".trash-{}-", self.id)
    }
}
