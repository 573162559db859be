//! The program of a package: which file it is, and handing over to it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use pspf_format::{Error, ErrorKind, Result};

use crate::platform;

/// Everything that a program is started with.
#[derive(Debug)]
pub(crate) struct Program {
    /// Program and arguments; the program as the package names it.
    pub(crate) argv: Vec<OsString>,
    /// Its whole environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Its working directory, if not ours.
    pub(crate) cwd: Option<PathBuf>,
    /// Its umask, if not ours.
    pub(crate) umask: Option<u16>,
    /// The package itself, which must never be mistaken for its program.
    pub(crate) package: PathBuf,
    /// The workenv.
    pub(crate) workenv: PathBuf,
}

/// What became of a start.
#[derive(Debug)]
pub(crate) enum Started {
    /// The program ran and ended with this code.
    Exited(u8),
    /// The program should be in the workenv and is not: it has to be filled again.
    Missing(Error),
}

impl Program {
    /// Replaces this process by the program (or waits for it, with `wait`).
    pub(crate) fn start(mut self, wait: bool) -> Result<Started> {
        if let Some(cwd) = &self.cwd
            && let Err(error) = std::env::set_current_dir(cwd)
        {
            let missing =
                error.kind() == std::io::ErrorKind::NotFound && cwd.starts_with(&self.workenv);
            let failed =
                cannot(cwd.as_os_str(), "its working directory cannot be entered").caused_by(error);
            return if missing {
                Ok(Started::Missing(failed))
            } else {
                Err(failed)
            };
        }
        let named = self.argv.first().cloned().unwrap_or_default();
        let path = self
            .environment
            .iter()
            .find(|(name, _)| name == "PATH")
            .map(|(_, value)| value.as_os_str());
        let Some(program) = find_program(&named, path, &self.package) else {
            let error = cannot(&named, "there is no such program in PATH")
                .hint("install it, or pack it into the package");
            return Err(error);
        };
        if let Some(first) = self.argv.first_mut() {
            first.clone_from(&program.clone().into_os_string());
        }
        if let Some(umask) = self.umask {
            platform::set_umask(u32::from(umask));
        }
        let result = if wait {
            platform::run_and_wait(&self, &program)
        } else {
            platform::replace_process(&self, &program)
        };
        match result {
            Ok(code) => Ok(Started::Exited(code)),
            Err(error) if is_missing(&error) && program.starts_with(&self.workenv) && !program.exists() => {
                Ok(Started::Missing(cannot(program.as_os_str(), "it is not in the workenv").caused_by(error)))
            }
            Err(error) if is_missing(&error) && program.exists() => Err(cannot(
                program.as_os_str(),
                "the interpreter in its first line, or the loader it was linked for, does not exist",
            )
            .caused_by(error)),
            Err(error) => Err(cannot(program.as_os_str(), "the system refuses it").caused_by(error)),
        }
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
    )
}

fn cannot(program: &OsStr, why: &str) -> Error {
    Error::new(
        ErrorKind::RunCannotExecute,
        format!("cannot start {}: {why}", Path::new(program).display()),
    )
}

/// The file that a program name means: itself where it names a directory, else the first match in `PATH`.
///
/// The package itself is passed over: a package called like the program that it needs would start itself for ever. So are
/// empty elements of `PATH`, which would mean whatever directory the user stands in.
pub(crate) fn find_program(name: &OsStr, path: Option<&OsStr>, package: &Path) -> Option<PathBuf> {
    let named = Path::new(name);
    if named.components().count() != 1 || named.is_absolute() || named.has_root() {
        return Some(named.to_owned());
    }
    if named.components().next() != Some(std::path::Component::Normal(name)) {
        return None;
    }
    std::env::split_paths(path?)
        .filter(|directory| !directory.as_os_str().is_empty())
        .find_map(|directory| {
            platform::executable_names(&directory.join(name))
                .into_iter()
                .find(|candidate| {
                    platform::is_executable(candidate)
                        && !platform::is_same_file(candidate, package)
                })
        })
}
