//! Windows: access lists instead of modes, no exec; a job object ties the program to its launcher.

#![expect(
    unsafe_code,
    reason = "access lists, job objects and console events have no safe interface"
)]

use std::borrow::Cow;
use std::ffi::{OsStr, OsString, c_void};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::FileExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::ptr;
use std::thread;
use std::time::Duration;

use pspf_format::Result;
use pspf_format::platform_signature::Kind;
use windows_sys::Wdk::Storage::FileSystem::NtFlushBuffersFileEx;
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GetFileSecurityW, GetLengthSid, GetTokenInformation,
    OWNER_SECURITY_INFORMATION, SECURITY_ATTRIBUTES, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateDirectoryW, FILE_BASIC_INFO, FILE_ID_INFO, FileBasicInfo, FileIdInfo,
    GetFileInformationByHandleEx,
};
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_C_EVENT, SetConsoleCtrlHandler};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::windows_rules::{self, Reach};
use super::windows_tree::WindowsTree;
use super::{Identity, Platform, Program, Run, SetupProcess, Untrusted};
use crate::failure::IoContext;
use crate::rules::template::Template;

/// Windows.
pub(crate) struct Windows;

impl Platform for Windows {
    const NAME: &'static str = "windows";
    const BYTE: u8 = 3;
    const VARIABLES_IGNORE_CASE: bool = true;
    const FILES_IGNORE_CASE: bool = true;
    const CAN_REPLACE: bool = false;
    const MAY_LINK: bool = false;
    const SIGNED_AS: Option<Kind> = Some(Kind::Pe);
    const HOW_TO_CLOSE: &'static str = "with icacls";

    type Tree = WindowsTree;
    type ExactModes = ExactModes;
    type SetupChild = SetupChild;

    fn open_self() -> Result<(File, PathBuf)> {
        let path = std::env::current_exe().context("find", "this executable")?;
        let file = File::open(&path).context("open", &path)?;
        Ok((file, Self::plain_path(path)))
    }

    /// Files give no rights here.
    fn has_borrowed_rights() -> bool {
        false
    }

    fn cores() -> usize {
        thread::available_parallelism().map_or(1, usize::from)
    }

    /// There is a number, but it stands in the registry, which a power cut can set back: one could come twice.
    fn boot_id() -> Option<[u8; 16]> {
        None
    }

    fn cache_home(variable: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
        variable("LOCALAPPDATA")
            .map(|local| local.join("flavor").join("cache"))
            .or_else(|| {
                let home = variable("HOME").or_else(|| variable("USERPROFILE"))?;
                Some(home.join(".cache").join("flavor"))
            })
    }

    /// The place for temporary files is the user's own here.
    fn homeless_cache(_temporary: Option<PathBuf>) -> PathBuf {
        std::env::temp_dir().join("flavor")
    }

    fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        file.seek_read(buffer, offset)
    }

    fn identity(file: &File) -> io::Result<Identity> {
        /// 1970 in the time of Windows, whose unit is 100 nanoseconds.
        const EPOCH: i64 = 116_444_736_000_000_000;
        let time = |time: i64| i128::from(time.saturating_sub(EPOCH)).saturating_mul(100);
        let size = file.metadata()?.len();
        // SAFETY: both structures are plain data.
        let (basic, id) = unsafe {
            let mut basic: FILE_BASIC_INFO = std::mem::zeroed();
            let mut id: FILE_ID_INFO = std::mem::zeroed();
            facts(file, FileBasicInfo, &mut basic)?;
            // Some file systems, such as FAT, have no numbers that stay.
            let has_id = facts(file, FileIdInfo, &mut id).is_ok();
            (basic, has_id.then_some(id))
        };
        Ok(Identity {
            device: id.map_or(0, |id| id.VolumeSerialNumber),
            file: id.map_or(0, |id| u128::from_le_bytes(id.FileId.Identifier)),
            size,
            modified: time(basic.LastWriteTime),
            // A time that never comes, where the system does not know: such a file is looked at again at each start.
            changed: match (id, basic.ChangeTime) {
                (None, _) | (_, ..=0) => i128::MAX,
                (Some(_), known) => time(known),
            },
        })
    }

    fn resolve_own(path: &Path) -> std::result::Result<PathBuf, Untrusted> {
        let resolved = fs::canonicalize(path).map_err(Untrusted::Unreachable)?;
        let resolved = Self::plain_path(resolved);
        for above in resolved.ancestors().skip(1) {
            // The root of a volume cannot be replaced.
            let reach = match above.parent() {
                Some(_) => Reach::Replace,
                None => Reach::ReplaceInside,
            };
            let reason = others(above, reach).map_err(Untrusted::Unreachable)?;
            if let Some(reason) = reason {
                return Err(Untrusted::Replaceable {
                    path: above.to_owned(),
                    reason,
                });
            }
        }
        Ok(resolved)
    }

    fn insecurity(path: &Path) -> io::Result<Option<String>> {
        others(path, Reach::Write)
    }

    fn forbids_programs(_path: &Path) -> bool {
        false
    }

    fn remove_tree(path: &Path) -> io::Result<()> {
        let facts = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            facts => facts?,
        };
        if facts.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path).or_else(|_| fs::remove_dir(path))
        }
    }

    fn create_private_directory(path: &Path) -> io::Result<()> {
        let mut descriptor = windows_rules::private_descriptor(&me()?);
        let attributes = SECURITY_ATTRIBUTES {
            nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or_default(),
            lpSecurityDescriptor: descriptor.as_mut_ptr().cast(),
            bInheritHandle: 0,
        };
        // SAFETY: the path ends with a NUL character, and the descriptor lives until the call is done.
        checked(unsafe { CreateDirectoryW(wide(path).as_ptr(), &raw const attributes) })
    }

    fn create_private_directories(path: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.exists()).collect();
        for directory in missing.into_iter().rev() {
            match Self::create_private_directory(directory) {
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => created?,
            }
        }
        Ok(())
    }

    /// A file is as private as the directory it lies in.
    fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        options.open(path)
    }

    fn make_writable(_path: &Path) {}

    fn make_durable(directory: &Path) -> io::Result<()> {
        let mut todo = vec![directory.to_owned()];
        let mut last = None;
        while let Some(directory) = todo.pop() {
            for entry in fs::read_dir(&directory)? {
                let entry = entry?;
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    todo.push(entry.path());
                } else if kind.is_file() {
                    // Only who may write to a file may flush it.
                    let file = match OpenOptions::new().write(true).open(entry.path()) {
                        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => continue,
                        opened => opened?,
                    };
                    flush_to_disk(&file)?;
                    last = Some(file);
                }
            }
        }
        // From the disk's own memory once, for all of them.
        last.map_or(Ok(()), |file| file.sync_all())
    }

    /// Directories cannot be flushed. A rename that is lost leaves what was there before.
    fn sync_name(_path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn exact_modes() -> ExactModes {
        ExactModes
    }

    fn set_umask(_mask: u32) {}

    fn is_same_file(one: &Path, other: &Path) -> bool {
        let identity = |path| {
            let identity = Self::identity(&File::open(path).ok()?).ok()?;
            Some((identity.device, identity.file))
        };
        identity(one).is_some_and(|one| identity(other) == Some(one))
    }

    fn is_executable(path: &Path) -> bool {
        path.is_file()
    }

    fn executable_names(path: &Path) -> Vec<PathBuf> {
        windows_rules::executable_names(path)
    }

    fn move_lease(file: File) -> File {
        file
    }

    /// Programs cannot inherit a lock. The launcher, which waits for its program, keeps it.
    fn hand_on_lease(_file: &File) {}

    fn replace_process(program: &Program, path: &Path) -> io::Result<i32> {
        Self::run_and_wait(program, path, &mut || ())
    }

    fn run_and_wait(program: &Program, path: &Path, started: &mut dyn FnMut()) -> io::Result<i32> {
        let mut command = Command::new(whole_name(path));
        command.args(program.argv.iter().skip(1)).env_clear();
        command.envs(
            program
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        );
        // SAFETY: the handler touches nothing. It is for this process alone, and not inherited.
        unsafe { SetConsoleCtrlHandler(Some(outlive_the_program), 1) };
        let mut child = command.spawn()?;
        let _job = tie_to_us(&child);
        started();
        let status = child.wait()?;
        Ok(status.code().unwrap_or(1))
    }

    fn start_setup(command: &SetupProcess<'_>) -> io::Result<(SetupChild, [File; 2])> {
        let mut process = match command.what {
            Run::Program(path, arguments) => {
                let mut process = Command::new(whole_name(path));
                process.args(arguments);
                process
            }
            Run::Shell(line) => {
                let mut process = Command::new(shell(command.environment));
                // The line as it is, between quotes that the shell takes off.
                let mut quoted = OsString::from("\"");
                quoted.push(line);
                quoted.push("\"");
                process.args(["/d", "/s", "/v:off", "/c"]).raw_arg(quoted);
                process
            }
        };
        process
            .env_clear()
            .envs(
                command
                    .environment
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            .current_dir(command.cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self::set_umask(command.umask.map_or(0, u32::from));
        let mut child = process.spawn()?;
        let job = tie_to_us(&child);
        let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
        let results = OwnedHandle::from(child.stdout.take().ok_or_else(missing)?);
        let messages = OwnedHandle::from(child.stderr.take().ok_or_else(missing)?);
        Ok((
            SetupChild { child, _job: job },
            [File::from(results), File::from(messages)],
        ))
    }

    fn end_of_setup(mut child: SetupChild) -> io::Result<Option<String>> {
        let status: ExitStatus = child.child.wait()?;
        Ok((!status.success()).then(|| status.to_string()))
    }

    fn spawn_quiet(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let builder = thread::Builder::new().stack_size(64 * 1024);
        builder.spawn(work).map(drop)
    }

    /// The path itself comes from the environment.
    fn shell_line(line: &Template<'_>, _workenv: &OsStr) -> OsString {
        windows_rules::shell_line(line.as_marked()).into()
    }

    fn plain_path(path: PathBuf) -> PathBuf {
        match path.to_str() {
            Some(text) => PathBuf::from(windows_rules::plain_path(text)),
            None => path,
        }
    }

    fn refuses_name(name: &[u8]) -> bool {
        !windows_rules::is_possible_name(name)
    }

    fn decomposed(name: &str) -> Cow<'_, str> {
        Cow::Borrowed(name)
    }
}

/// Files have no modes here.
pub(crate) struct ExactModes;

/// A setup command that runs.
pub(crate) struct SetupChild {
    child: Child,
    _job: Option<OwnedHandle>,
}

/// The file that is meant by a program's path, which need not have its end.
fn whole_name(path: &Path) -> PathBuf {
    let names = windows_rules::executable_names(path).into_iter();
    let found = names
        .chain([path.to_owned()])
        .find(|name| name.is_file())
        .unwrap_or_else(|| path.to_owned());
    as_system_calls_take_it(&found)
}

/// More than 260 characters are taken only with a prefix.
fn as_system_calls_take_it(path: &Path) -> PathBuf {
    const USUAL: usize = 240;
    match path.to_str().filter(|text| text.len() > USUAL) {
        Some(text) => windows_rules::long_path(text).into(),
        None => path.to_owned(),
    }
}

/// A path for a system call.
fn wide(path: &Path) -> Vec<u16> {
    let path = as_system_calls_take_it(path).into_os_string();
    path.encode_wide().chain([0]).collect()
}

fn checked(result: i32) -> io::Result<()> {
    match result {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Fills in facts about an open file.
///
/// # Safety
///
/// The structure is the one that belongs to the class, and plain data.
unsafe fn facts<T>(file: &File, class: i32, into: &mut T) -> io::Result<()> {
    let size = u32::try_from(size_of::<T>()).unwrap_or_default();
    let into = (&raw mut *into).cast::<c_void>();
    // SAFETY: the handle is open, and the structure has the size that is passed.
    checked(unsafe { GetFileInformationByHandleEx(file.as_raw_handle(), class, into, size) })
}

/// Writes a file to the disk, but not from the disk's own memory.
fn flush_to_disk(file: &File) -> io::Result<()> {
    const FLUSH_FLAGS_NO_SYNC: u32 = 2;
    if is_wine() {
        return file.sync_all();
    }
    // SAFETY: the handle is open, and the status is plain data.
    let status = unsafe {
        let mut status = std::mem::zeroed();
        NtFlushBuffersFileEx(
            file.as_raw_handle(),
            FLUSH_FLAGS_NO_SYNC,
            ptr::null(),
            0,
            &raw mut status,
        )
    };
    if status < 0 { file.sync_all() } else { Ok(()) }
}

/// Wine has the names of calls that it does not have, and ends whoever calls them.
fn is_wine() -> bool {
    // SAFETY: both names end with a NUL byte, and what is found is not called.
    unsafe {
        let system = GetModuleHandleA(c"ntdll.dll".as_ptr().cast());
        GetProcAddress(system, c"wine_get_version".as_ptr().cast()).is_some()
    }
}

/// Who, besides this user and those who administer the machine, can reach a directory, in words.
fn others(path: &Path, reach: Reach) -> io::Result<Option<String>> {
    let descriptor = descriptor_of(path)?;
    Ok(windows_rules::who_else(&descriptor, &me()?, reach))
}

/// Owner and access list of a file.
fn descriptor_of(path: &Path) -> io::Result<Vec<u8>> {
    let path = wide(path);
    let wanted = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    let mut descriptor = vec![0_u8; 1024];
    loop {
        let size = u32::try_from(descriptor.len()).unwrap_or(u32::MAX);
        let mut needed = 0;
        // SAFETY: the path ends with a NUL character, and the buffer has the size that is passed.
        let result = unsafe {
            GetFileSecurityW(
                path.as_ptr(),
                wanted,
                descriptor.as_mut_ptr().cast(),
                size,
                &raw mut needed,
            )
        };
        let needed = usize::try_from(needed).unwrap_or_default();
        match checked(result) {
            Ok(()) => return Ok(descriptor),
            Err(error) if needed <= descriptor.len() => return Err(error),
            Err(_) => descriptor.resize(needed, 0),
        }
    }
}

/// The identifier of the user that this process runs as.
fn me() -> io::Result<Vec<u8>> {
    // `u64`, so that the structure at its beginning is aligned.
    let mut buffer = [0_u64; 32];
    // SAFETY: the token is ours to close; the buffer has the size that is passed, and holds what the pointer in it leads to.
    unsafe {
        let mut token: HANDLE = ptr::null_mut();
        checked(OpenProcessToken(
            GetCurrentProcess(),
            TOKEN_QUERY,
            &raw mut token,
        ))?;
        let token = OwnedHandle::from_raw_handle(token);
        let mut size = u32::try_from(size_of_val(&buffer)).unwrap_or_default();
        checked(GetTokenInformation(
            token.as_raw_handle(),
            TokenUser,
            buffer.as_mut_ptr().cast(),
            size,
            &raw mut size,
        ))?;
        let user = &*buffer.as_ptr().cast::<TOKEN_USER>();
        let length = usize::try_from(GetLengthSid(user.User.Sid)).unwrap_or_default();
        Ok(std::slice::from_raw_parts(user.User.Sid.cast(), length).to_vec())
    }
}

/// What the launcher does with console events. Ctrl-C reaches the program by itself, and the launcher gives its exit code.
unsafe extern "system" fn outlive_the_program(event: u32) -> i32 {
    if !matches!(event, CTRL_C_EVENT | CTRL_BREAK_EVENT) {
        // The window closes, or the user logs off: this process ends when this function does, and the program with it. The
        // system does not wait for ever.
        loop {
            thread::sleep(Duration::from_secs(1));
        }
    }
    1
}

/// Puts a child into a job that the system ends when the launcher's handle goes away. What the child starts itself is free:
/// background processes outlive a launcher everywhere else, too. Failure means that the program may outlive us, no more.
fn tie_to_us(child: &Child) -> Option<OwnedHandle> {
    // SAFETY: the structure is plain data of the size that is passed, and the handles are open.
    unsafe {
        let job = CreateJobObjectW(ptr::null(), ptr::null());
        if job.is_null() {
            return None;
        }
        let job = OwnedHandle::from_raw_handle(job);
        let mut limits: JOBOBJECT_EXTENDED_LIMIT_INFORMATION = std::mem::zeroed();
        limits.BasicLimitInformation.LimitFlags =
            JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
        let size = u32::try_from(size_of_val(&limits)).unwrap_or_default();
        SetInformationJobObject(
            job.as_raw_handle(),
            JobObjectExtendedLimitInformation,
            (&raw const limits).cast(),
            size,
        );
        AssignProcessToJobObject(job.as_raw_handle(), child.as_raw_handle());
        Some(job)
    }
}

/// The system's shell. Not looked for in `PATH`, where anything can have its name.
fn shell(environment: &[(OsString, OsString)]) -> PathBuf {
    let root = environment
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("SystemRoot"))
        .map(|(_, value)| value.clone());
    let root = root.unwrap_or_else(|| OsString::from("C:\\Windows"));
    PathBuf::from(root).join("System32").join("cmd.exe")
}
