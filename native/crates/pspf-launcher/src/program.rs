//! The program of a package: which file it is, and handing over to it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use pspf_format::{Error, ErrorKind, Result};

use crate::cache::FillLock;
use crate::platform::{Os, Platform};
use crate::rules::environment::NameCase;

/// Where a program's head names what has to load it, in bytes.
const HEAD: u64 = 4096;

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
    /// Held until it runs.
    pub(crate) lock: Option<FillLock>,
}

/// What became of a start.
#[derive(Debug)]
pub(crate) enum Started {
    /// The program ran and ended with this code.
    Exited(i32),
    /// Something that should be in the workenv is not: it has to be filled again.
    Missing(Error),
}

impl Program {
    /// Replaces this process by the program (or waits for it, with `wait`).
    pub(crate) fn start(mut self, wait: bool) -> Result<Started> {
        if let Some(cwd) = &self.cwd
            && let Err(error) = std::env::set_current_dir(cwd)
        {
            let is_lost = error.kind() == io::ErrorKind::NotFound && cwd.starts_with(&self.workenv);
            let failed =
                cannot(cwd.as_os_str(), "its working directory cannot be entered").caused_by(error);
            return if is_lost {
                Ok(Started::Missing(failed))
            } else {
                Err(failed)
            };
        }
        let named = self.argv.first().cloned().unwrap_or_default();
        let path = path_variable(&self.environment);
        let Some(program) = find_program(&named, path, &self.package) else {
            let error = cannot(&named, "there is no such program in PATH")
                .hint("install it, or pack it into the package");
            return Err(error);
        };
        if let Some(first) = self.argv.first_mut() {
            first.clone_from(&program.clone().into_os_string());
        }
        if let Some(umask) = self.umask {
            Os::set_umask(u32::from(umask));
        }
        let mut lock = self.lock.take();
        let result = if wait {
            Os::run_and_wait(&self, &program, &mut || drop(lock.take()))
        } else {
            Os::replace_process(&self, &program)
        };
        match result {
            Ok(code) => Ok(Started::Exited(code)),
            Err(error) => self.explain(&program, error),
        }
    }

    /// What a failed start means.
    fn explain(&self, program: &Path, error: io::Error) -> Result<Started> {
        let is_missing = matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        );
        let named = program.as_os_str();
        if !is_missing {
            return Err(cannot(named, "the system refuses it").caused_by(error));
        }
        if !program.exists() {
            let lost = cannot(named, "it is not in the workenv").caused_by(error);
            return if program.starts_with(&self.workenv) {
                Ok(Started::Missing(lost))
            } else {
                Err(lost)
            };
        }
        let why =
            "the interpreter in its first line, or the loader it was linked for, does not exist";
        let failed = cannot(named, why).caused_by(error);
        if is_loaded_from(program, &self.workenv) {
            Ok(Started::Missing(failed))
        } else {
            Err(failed)
        }
    }
}

/// Whether what loads a program lies in the workenv, by the path that stands in its head.
fn is_loaded_from(program: &Path, workenv: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(program).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    let wanted = workenv.as_os_str().as_encoded_bytes();
    read.is_ok() && head.windows(wanted.len()).any(|part| part == wanted)
}

fn cannot(program: &OsStr, why: &str) -> Error {
    Error::new(
        ErrorKind::RunCannotExecute,
        format!("cannot start {}: {why}", Path::new(program).display()),
    )
}

/// The value of `PATH`.
pub(crate) fn path_variable(environment: &[(OsString, OsString)]) -> Option<&OsStr> {
    environment
        .iter()
        .find(|(name, _)| NameCase::NATIVE.is_same(name, OsStr::new("PATH")))
        .map(|(_, value)| value.as_os_str())
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
            Os::executable_names(&directory.join(name))
                .into_iter()
                .find(|candidate| {
                    Os::is_executable(candidate) && !Os::is_same_file(candidate, package)
                })
        })
}
