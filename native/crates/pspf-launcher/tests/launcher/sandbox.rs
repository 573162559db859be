//! A directory of its own for each test, with a cache and a home in it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::builder::PackageBuilder;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A directory that goes away with the test.
pub(crate) struct Sandbox {
    pub(crate) root: PathBuf,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let root =
            std::env::temp_dir().join(format!("pspf launcher {}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("home")).unwrap();
        fs::create_dir_all(root.join("cwd")).unwrap();
        let root = root.canonicalize().unwrap();
        Self { root }
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join("my cache")
    }

    /// Writes a package and makes it executable.
    pub(crate) fn package(&self, name: &str, builder: PackageBuilder) -> Installed<'_> {
        self.install(name, &builder.build())
    }

    pub(crate) fn install(&self, name: &str, bytes: &[u8]) -> Installed<'_> {
        let path = self.root.join(name);
        // Written elsewhere and renamed, so that a package that runs can be replaced. By another process, because a test
        // that forks at the same time would hold the file open for writing, and Linux does not start such a file.
        let bytes_only = self.root.join(format!("{name}.bytes"));
        let temporary = self.root.join(format!("{name}.new"));
        fs::write(&bytes_only, bytes).unwrap();
        let copied = Command::new("cp").args([&bytes_only, &temporary]).status();
        assert!(copied.unwrap().success());
        fs::remove_file(&bytes_only).unwrap();
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(&temporary, &path).unwrap();
        Installed {
            sandbox: self,
            path,
        }
    }

    /// The one workenv in the cache.
    pub(crate) fn workenv(&self) -> PathBuf {
        let entries = fs::read_dir(self.cache().join("workenv"))
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let found: Vec<_> = entries.filter(|path| !is_hidden(path)).collect();
        assert_eq!(found.len(), 1, "workenvs: {found:?}");
        found[0].clone()
    }

    /// Ids of the workenvs in the cache.
    pub(crate) fn ids(&self) -> Vec<String> {
        let entries = fs::read_dir(self.cache().join("workenv")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut ids: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
        ids.sort();
        ids
    }

    /// Whether anything was unpacked.
    pub(crate) fn workenv_exists(&self) -> bool {
        fs::read_dir(self.cache().join("workenv")).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// The records of the one workenv in the cache.
    pub(crate) fn records(&self) -> PathBuf {
        let workenv = self.workenv();
        workenv.with_file_name(format!(
            ".{}.pspf",
            workenv.file_name().unwrap().to_str().unwrap()
        ))
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .unwrap()
        .as_encoded_bytes()
        .starts_with(b".")
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = Command::new("chmod")
            .args(["-R", "u+rwx"])
            .arg(&self.root)
            .output();
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// A package in a sandbox.
pub(crate) struct Installed<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) path: PathBuf,
}

impl Installed<'_> {
    /// A command that starts the package with a clean environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.sandbox.root.join("home"));
        command
            .env("FLAVOR_CACHE", self.sandbox.cache())
            .current_dir(self.sandbox.root.join("cwd"));
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    pub(crate) fn run_with(&self, environment: &[(&str, &str)]) -> Output {
        self.command()
            .envs(environment.iter().copied())
            .output()
            .unwrap()
    }
}

/// What a process wrote to its standard output.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a process wrote to its standard error.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts that a process ended with this code, and shows what it wrote if not.
#[track_caller]
pub(crate) fn assert_code(output: &Output, code: i32) {
    assert_eq!(
        output.status.code(),
        Some(code),
        "stdout: {}\nstderr: {}",
        stdout(output),
        stderr(output)
    );
}

/// Asserts that a launcher refused with this exit code and error code, and ran nothing.
#[track_caller]
pub(crate) fn assert_refused(output: &Output, exit: i32, code: &str) {
    assert_code(output, exit);
    assert!(
        stderr(output).contains(&format!("[{code}]")),
        "{}",
        stderr(output)
    );
    assert_eq!(stdout(output), "");
}

/// Waits for the end of a process, which must not take long, and shows what it wrote.
pub(crate) fn ends_soon(mut child: Child) -> Output {
    for _ in 0..600 {
        if child.try_wait().unwrap().is_some() {
            return child.wait_with_output().unwrap();
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "still running: {output:?}");
    output
}
