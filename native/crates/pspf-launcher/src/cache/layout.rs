//! Names in the cache.

use std::path::PathBuf;

/// The paths that belong to one package.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
    id: String,
}

impl Layout {
    /// The paths of the package `id` below a cache root.
    pub(crate) const fn new(root: PathBuf, id: String) -> Self {
        Self { root, id }
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

    /// Where all locks lie.
    pub(crate) fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// Held by whoever fills, changes or removes the workenv.
    pub(crate) fn fill_lock(&self) -> PathBuf {
        self.locks().join(format!("{}.fill", self.id))
    }

    /// Held, shared, by every program that runs from the workenv.
    pub(crate) fn use_lock(&self) -> PathBuf {
        self.locks().join(format!("{}.use", self.id))
    }

    /// Where a removed workenv goes first, so that its name is free at once.
    pub(crate) fn trash(&self) -> PathBuf {
        let name = format!("{}{}", self.trash_prefix(), std::process::id());
        self.workenvs().join(name)
    }

    /// How the names of all such places of this package begin.
    pub(super) fn trash_prefix(&self) -> String {
        format!(".trash-{}-", self.id)
    }
}
