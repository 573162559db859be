//! What an operating system is to the launcher: [`Platform`], with one implementation for each family.
//!
//! Nothing outside of this folder asks which system it runs on.

#[cfg(any(target_env = "musl", test))]
mod arena;
#[cfg(any(target_os = "macos", test))]
mod decomposed;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(all(unix, not(target_os = "linux")))]
mod macos;
#[cfg(all(target_env = "musl", panic = "abort"))]
mod no_unwinding;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
mod unix_process;
#[cfg(unix)]
mod unix_tree;
#[cfg(windows)]
mod windows;
#[cfg(any(windows, test))]
mod windows_rules;
#[cfg(windows)]
mod windows_tree;

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use pspf_format::Result;
use pspf_format::platform_signature::Kind;

use crate::extract::{MemberKind, MemberPath, PendingModes, Totals};
use crate::program::Program;

/// The system that this launcher was built for.
#[cfg(unix)]
pub(crate) use self::unix::Unix as Os;
#[cfg(windows)]
pub(crate) use self::windows::Windows as Os;

/// The contained directory of this system.
pub(crate) type Tree = <Os as Platform>::Tree;

#[cfg(unix)]
pub(crate) use self::unix_process::arguments;

/// Everything that differs between systems.
pub(crate) trait Platform {
    /// The system in the format's words.
    const NAME: &'static str;
    /// The byte that stands for it in a slot descriptor.
    const BYTE: u8;
    /// Whether `Path` and `PATH` are one variable.
    const VARIABLES_IGNORE_CASE: bool;
    /// Whether file systems usually take names for one that differ by case, or by the form of their characters.
    const FILES_IGNORE_CASE: bool;
    /// Whether one process can become another.
    const CAN_REPLACE: bool;
    /// The executables whose signatures of the platform's tools have to be looked past.
    const SIGNED_AS: Option<Kind>;

    /// A directory that nothing can leave.
    type Tree: ContainedTree;
    /// Files get exactly the modes we ask for while this lives.
    type ExactModes;
    /// A setup command that runs.
    type SetupChild;

    /// Opens this executable, whatever its path means by now.
    fn open_self() -> Result<(File, PathBuf)>;

    /// Whether the file gives us rights that whoever started us lacks. Their environment would choose the cache, the log file
    /// and the level of checks, so such a package would be a way to those rights.
    fn has_borrowed_rights() -> bool;

    /// How many threads can run at once.
    fn cores() -> usize;

    /// Tells one start of the machine from another; `None` where the system does not say.
    fn boot_id() -> Option<[u8; 16]>;

    /// The directory for caches that the system has, as its variables name it, and else the user's home.
    fn cache_home(variable: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf>;

    /// A directory for whoever has no home, in the place for temporary files, and nobody else's.
    fn homeless_cache(temporary: Option<PathBuf>) -> PathBuf;

    /// Reads at a position; may read less than asked for.
    fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// What tells an unchanged file from a changed or another one.
    fn identity(file: &File) -> io::Result<Identity>;

    /// Resolves all links in the path of a directory. An error where it does not exist, or where somebody else could put
    /// another one in its place: then with the directory and the reason.
    fn resolve_own(path: &Path) -> std::result::Result<PathBuf, Untrusted>;

    /// Why a directory of ours cannot be trusted with programs, if it cannot.
    fn insecurity(path: &Path) -> io::Result<Option<String>>;

    /// Whether programs cannot be started from this directory.
    fn forbids_programs(path: &Path) -> bool;

    /// Removes whatever has this path, directories with all they hold; nothing there is fine. Follows no link.
    fn remove_tree(path: &Path) -> io::Result<()>;

    /// Creates a directory that only its owner can use.
    fn create_private_directory(path: &Path) -> io::Result<()>;

    /// [`Platform::create_private_directory`] with its parents, as far as they are missing.
    fn create_private_directories(path: &Path) -> io::Result<()>;

    /// Opens a file; if it has to be created, only its owner can use it.
    fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File>;

    /// Lets the owner change a directory again; a failure shows when it is changed.
    fn make_writable(path: &Path);

    /// Makes everything below a directory stay through a power cut. Waits for nothing that others have written.
    fn make_durable(directory: &Path) -> io::Result<()>;

    /// Makes the name of a file stay through a power cut.
    fn sync_name(path: &Path) -> io::Result<()>;

    /// Begins to give files exactly the modes we ask for.
    fn exact_modes() -> Self::ExactModes;

    /// Sets the umask that the program inherits.
    fn set_umask(mask: u32);

    /// Whether two paths lead to one file.
    fn is_same_file(one: &Path, other: &Path) -> bool;

    /// Whether this is a file that we may execute.
    fn is_executable(path: &Path) -> bool;

    /// The names that a program can have on disk.
    fn executable_names(path: &Path) -> Vec<PathBuf>;

    /// Moves a lease out of the way of programs.
    fn move_lease(file: File) -> File;

    /// Lets a program inherit a lease, where leases can be inherited.
    fn hand_on_lease(file: &File);

    /// Replaces this process; returns only if that fails, or where there is no such thing.
    fn replace_process(program: &Program, path: &Path) -> io::Result<i32>;

    /// Runs the program as a child, hands signals on to it, and gives its exit code. Calls `started` once it runs.
    fn run_and_wait(program: &Program, path: &Path, started: &mut dyn FnMut()) -> io::Result<i32>;

    /// Starts a setup command; gives it, and the streams that it writes its results and its messages to.
    fn start_setup(command: &SetupProcess<'_>) -> io::Result<(Self::SetupChild, [File; 2])>;

    /// Waits for the end of a setup command; how it ended, if not well.
    fn end_of_setup(child: Self::SetupChild) -> io::Result<Option<String>>;

    /// Starts a thread that no signal interrupts, so that none is lost that somebody else waits for.
    fn spawn_quiet(work: impl FnOnce() + Send + 'static) -> io::Result<()>;

    /// How a line for the shell names the workenv, so that nothing in its path can act as shell code.
    fn workenv_in_shell(workenv: &OsStr) -> OsString;

    /// A path with this system's separators, and without what only its system calls understand.
    fn plain_path(path: PathBuf) -> PathBuf;

    /// Whether no file can have this name here.
    fn refuses_name(name: &[u8]) -> bool;

    /// A name in the form in which this system's file systems compare it, but for its case.
    fn decomposed(name: &str) -> Cow<'_, str>;
}

/// A setup command.
pub(crate) struct SetupProcess<'a> {
    /// What is started.
    pub(crate) what: Run<'a>,
    /// Its whole environment.
    pub(crate) environment: &'a [(OsString, OsString)],
    /// Its working directory.
    pub(crate) cwd: &'a Path,
    /// Its umask, if not ours.
    pub(crate) umask: Option<u16>,
}

/// What a setup command starts.
pub(crate) enum Run<'a> {
    /// A file, with its arguments.
    Program(&'a Path, &'a [OsString]),
    /// A line for the shell.
    Shell(&'a OsStr),
}

/// What tells an unchanged file from a changed or another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The file system.
    pub(crate) device: u64,
    /// The file in it.
    pub(crate) file: u128,
    /// Length in bytes.
    pub(crate) size: u64,
    /// When its content was changed last, in nanoseconds since some moment.
    pub(crate) modified: i128,
    /// When anything about it was changed last; programs cannot set this. In nanoseconds since 1970.
    pub(crate) changed: i128,
}

/// Why a directory cannot be used as it is.
pub(crate) enum Untrusted {
    /// It cannot be looked at, or does not exist.
    Unreachable(io::Error),
    /// Somebody else could replace it, or what leads to it.
    Replaceable {
        /// Where.
        path: PathBuf,
        /// How.
        reason: String,
    },
}

/// A directory, and what is done inside it. Every path is relative to it, and no step follows a link.
pub(crate) trait ContainedTree: Sized + Send {
    /// Opens an existing directory.
    fn open(path: &Path) -> Result<Self>;

    /// The same directory for another thread.
    fn share(&self) -> Self;

    /// Names a directory of the same file system for files that may get their names only when they are whole.
    fn stage_in(&mut self, directory: &Path);

    /// The directory of [`ContainedTree::stage_in`].
    fn staging(&self) -> Option<&Path>;

    /// Where a member lies, for messages and for programs.
    fn path_of(&self, member: &MemberPath) -> PathBuf;

    /// Whether something had to make way for something else.
    fn replaced_something(&self) -> bool;

    /// What was written so far.
    fn totals(&self) -> Totals;

    /// Counts what was written to files of this tree.
    fn count(&mut self, written: Totals);

    /// Hands out the directory modes that are still to be set.
    fn take_pending(&mut self) -> PendingModes;

    /// Creates a file; what had its name before is removed first, never written to.
    fn create_file(&mut self, member: &MemberPath, mode: u32) -> Result<File>;

    /// Gives a finished file or link that lies elsewhere a name in here, in one step; what had the name makes way.
    fn adopt(&mut self, path: &Path, member: &MemberPath) -> Result<()>;

    /// Creates a symbolic link. Its target is kept as it is: nothing is ever written through it.
    fn create_symlink(&mut self, member: &MemberPath, target: &[u8]) -> Result<()>;

    /// Gives an earlier regular file another name; where the file system cannot, copies it.
    fn create_hard_link(&mut self, member: &MemberPath, original: &MemberPath) -> Result<()>;

    /// Creates a directory, or takes the one that is there, and remembers its mode for the end.
    fn create_directory(&mut self, member: &MemberPath, mode: u32) -> Result<()>;

    /// Sets the mode of a file or directory, never that of a link or of what it leads to.
    fn set_mode(&mut self, member: &MemberPath, mode: u32) -> Result<()>;

    /// Ends an extraction: sets the modes of directories, the deepest first, since a mode can close the way to what lies
    /// below.
    fn finish(&mut self, modes: &PendingModes) -> Result<()>;

    /// Sets the time of last change of a file that was just written.
    fn set_time(file: &File, seconds: u64);

    /// Removes a file or a link, or a directory with all that is in it; what is not there is fine.
    fn remove(&mut self, member: &MemberPath) -> Result<()>;

    /// Removes a directory if nothing is in it.
    fn remove_empty_directory(&mut self, member: &MemberPath) -> Result<()>;

    /// Opens a regular file for reading; `None` if there is none.
    fn open_file(&mut self, member: &MemberPath) -> Result<Option<File>>;

    /// Reads where a symbolic link points; `None` if there is no link.
    fn read_link(&mut self, member: &MemberPath) -> Result<Option<Vec<u8>>>;

    /// Mode bits of whatever has this name; `None` if nothing has.
    fn mode_of(&mut self, member: &MemberPath) -> Result<Option<u32>>;

    /// Everything below, in the order of names.
    fn entries(&mut self) -> Result<Vec<TreeEntry>>;

    /// Removes the directories above a member, up to the first that something else is in.
    fn remove_empty_parents(&mut self, member: &MemberPath) -> Result<()> {
        let mut member = member.clone();
        while let Some((parent, _)) = member.split_last() {
            self.remove_empty_directory(&parent)?;
            member = parent;
        }
        Ok(())
    }
}

/// One thing in a tree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    /// Where it lies, components separated by `/`.
    pub(crate) path: Vec<u8>,
    /// What it is; `None` for what no package contains.
    pub(crate) kind: Option<MemberKind>,
    /// Its mode bits, where there are any.
    pub(crate) mode: u32,
    /// Changes when anything about it does.
    pub(crate) stamp: [i128; 3],
}
