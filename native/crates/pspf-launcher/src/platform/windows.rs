//! Windows: no modes, no exec; a job object ties the program to its launcher.

#![expect(
    unsafe_code,
    reason = "job objects and console events have no safe interface"
)]

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::windows::io::AsRawHandle;
use std::path::{Path, PathBuf};
use std::process::Command;

use windows_sys::Win32::Foundation::{HANDLE, HANDLE_FLAG_INHERIT, SetHandleInformation};
use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation,
    SetInformationJobObject,
};

use super::Program;

/// Removes whatever has this path; nothing there is fine. Links are removed, not followed.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    if metadata.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path).or_else(|_| fs::remove_dir(path))
    }
}

/// There is no call for a whole file system; the record's own flush orders what matters.
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
pub(crate) fn sync_file_system(_directory: &Path) -> io::Result<()> {
    Ok(())
}

/// Directories cannot be flushed.
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
pub(crate) fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Modes mean nothing here.
pub(crate) fn make_writable(_path: &Path) {}

/// Modes mean nothing here.
pub(crate) struct ExactModes;

impl ExactModes {
    /// Does nothing.
    pub(crate) const fn begin() -> Self {
        Self
    }
}

/// There is no umask.
pub(crate) fn set_umask(_mask: u32) {}

/// The user's profile is the user's alone, and so is what is created in it.
pub(crate) fn create_private_directory(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

/// Creates a directory and what is missing above it.
pub(crate) fn create_private_directories(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Opens a file of ours, which is as private as the directory it lies in.
pub(crate) fn open_private(options: &mut fs::OpenOptions, path: &Path) -> io::Result<File> {
    options.open(path)
}

/// Access lists decide; the default location is private.
pub(crate) fn insecurity(_metadata: &Metadata) -> Option<String> {
    None
}

/// Every file system runs programs.
pub(crate) fn forbids_programs(_path: &Path) -> bool {
    false
}

/// The profile directory is in the environment, or nowhere.
pub(crate) fn home_from_user_database() -> Option<PathBuf> {
    std::env::var_os("USERPROFILE").map(PathBuf::from)
}

/// Creates a link of the kind that its target asks for.
pub(crate) fn create_symlink(target: &Path, path: &Path) -> io::Result<()> {
    let leads_to_directory = path
        .parent()
        .is_some_and(|parent| parent.join(target).is_dir());
    if leads_to_directory {
        std::os::windows::fs::symlink_dir(target, path)
    } else {
        std::os::windows::fs::symlink_file(target, path)
    }
}

/// Programs are not told the numbers of handles, so none is in their way.
pub(crate) fn move_lease(file: File) -> File {
    file
}

/// Lets programs inherit the lease.
pub(crate) fn let_children_inherit(file: &File) {
    // SAFETY: the handle is open as long as `file` is.
    unsafe {
        SetHandleInformation(
            file.as_raw_handle() as HANDLE,
            HANDLE_FLAG_INHERIT,
            HANDLE_FLAG_INHERIT,
        )
    };
}

/// Opens this executable.
pub(crate) fn open_self() -> io::Result<(File, PathBuf)> {
    let path = std::env::current_exe()?;
    Ok((File::open(&path)?, path))
}

/// Whether two paths lead to one file.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Whether this is a file; its name says whether it can be executed.
pub(crate) fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// The names that a program can have on disk.
pub(crate) fn executable_names(path: &Path) -> Vec<PathBuf> {
    if path.extension().is_some() {
        return vec![path.to_owned()];
    }
    ["exe", "com", "bat", "cmd"]
        .iter()
        .map(|extension| path.with_extension(extension))
        .collect()
}

/// A process cannot be replaced here.
pub(crate) fn replace_process(program: &Program, path: &Path) -> io::Result<u8> {
    run_and_wait(program, path)
}

/// Runs the program in a job that ends with the launcher, and gives its exit code.
pub(crate) fn run_and_wait(program: &Program, path: &Path) -> io::Result<u8> {
    let mut command = Command::new(path);
    command.args(program.argv.iter().skip(1)).env_clear();
    command.envs(
        program
            .environment
            .iter()
            .map(|(name, value)| (name, value)),
    );
    // Ctrl-C reaches the program by itself; the launcher has to outlive it.
    // SAFETY: no handler is installed, the event is only ignored.
    unsafe { SetConsoleCtrlHandler(None, 1) };
    let mut child = command.spawn()?;
    tie_to_us(child.as_raw_handle() as HANDLE);
    let code = child.wait()?.code().unwrap_or(1);
    if let Ok(code) = u8::try_from(code) {
        return Ok(code);
    }
    // Codes beyond a byte are usual here, and `ExitCode` cannot hold them.
    #[expect(
        clippy::exit,
        reason = "the only way to end with the program's own code"
    )]
    std::process::exit(code)
}

/// Puts the child into a job that the system ends when the launcher's handle goes away.
fn tie_to_us(child: HANDLE) {
    // SAFETY: the structure is plain data of the size that is passed, and the handles are open. The job's handle stays open
    // on purpose until this process ends. Failure means that the program may outlive us, no more.
    unsafe {
        let job = CreateJobObjectW(std::ptr::null(), std::ptr::null());
        if job.is_null() {
            return;
        }
        let mut limits: JOBOBJECT_EXTENDED_LIMIT_INFORMATION = std::mem::zeroed();
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        let size = u32::try_from(size_of_val(&limits)).unwrap_or(0);
        SetInformationJobObject(
            job,
            JobObjectExtendedLimitInformation,
            (&raw const limits).cast(),
            size,
        );
        AssignProcessToJobObject(job, child);
    }
}

/// Files give no rights here.
pub(crate) const fn has_borrowed_rights() -> bool {
    false
}

/// Children can always be waited for.
pub(crate) struct AwaitedChildren;

impl AwaitedChildren {
    /// Changes nothing.
    pub(crate) const fn begin() -> Self {
        Self
    }
}

/// Setup commands need no preparation.
pub(crate) fn prepare_setup(_command: &mut Command, _umask: Option<u16>) {}

/// A command line for the shell.
pub(crate) fn shell_command(line: &OsStr) -> Vec<OsString> {
    vec!["cmd.exe".into(), "/d".into(), "/c".into(), line.to_owned()]
}

/// A word that the shell reads as one.
pub(crate) fn quote_for_shell(text: &OsStr) -> OsString {
    let mut quoted = OsString::from("\"");
    quoted.push(text);
    quoted.push("\"");
    quoted
}
