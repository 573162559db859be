//! Becoming the program, or waiting for it.

#![expect(
    unsafe_code,
    reason = "execve, signals and what a child does before it becomes its program have no safe interface"
)]

use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::ptr;
use std::thread;

use super::unix::{Unix, kernel};
use super::{Platform, Run, SetupProcess};
use crate::program::Program;

/// Signals that somebody sends to the launcher and means for the program.
const FORWARDED: [libc::c_int; 10] = [
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGWINCH,
    libc::SIGCONT,
    libc::SIGTSTP,
];

/// What a program is started with, as the kernel takes it.
struct Image {
    path: CString,
    argv: Vec<CString>,
    environment: Vec<CString>,
}

impl Image {
    fn new(
        path: &Path,
        argv: &[OsString],
        environment: &[(OsString, OsString)],
    ) -> io::Result<Self> {
        let argv = argv.iter().map(|argument| c_string(argument.as_bytes()));
        let environment = environment
            .iter()
            .map(|(name, value)| c_string(&[name.as_bytes(), b"=", value.as_bytes()].concat()));
        Ok(Self {
            path: c_string(path.as_os_str().as_bytes())?,
            argv: argv.collect::<io::Result<_>>()?,
            environment: environment.collect::<io::Result<_>>()?,
        })
    }

    /// The pointers that `execve` takes; they point into this.
    fn pointers(&self) -> Pointers {
        let end = [ptr::null()];
        let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
            let strings = strings.iter().map(|string| string.as_ptr());
            strings.chain(end).collect()
        };
        // A script without a first line that names its interpreter is the shell's, as with execvp.
        let mut for_shell = vec![SHELL.as_ptr(), self.path.as_ptr()];
        for_shell.extend(pointers(self.argv.get(1..).unwrap_or_default()));
        Pointers {
            path: self.path.as_ptr(),
            argv: pointers(&self.argv),
            for_shell,
            environment: pointers(&self.environment),
        }
    }
}

const SHELL: &CStr = c"/bin/sh";

/// Arrays that end with a null pointer.
struct Pointers {
    path: *const libc::c_char,
    argv: Vec<*const libc::c_char>,
    for_shell: Vec<*const libc::c_char>,
    environment: Vec<*const libc::c_char>,
}

impl Pointers {
    /// Becomes the program; returns only if that fails. Takes no memory.
    ///
    /// # Safety
    ///
    /// The strings that all of this points to still live.
    unsafe fn exec(&self) -> io::Error {
        let environment = self.environment.as_ptr();
        // SAFETY: the arrays end with a null pointer, and the caller answers for the strings.
        unsafe {
            libc::execve(self.path, self.argv.as_ptr(), environment);
            let error = io::Error::last_os_error();
            if error.raw_os_error() == Some(libc::ENOEXEC) {
                libc::execve(SHELL.as_ptr(), self.for_shell.as_ptr(), environment);
            }
            error
        }
    }
}

/// Replaces this process; returns only if that fails.
pub(super) fn replace_process(program: &Program, path: &Path) -> io::Result<i32> {
    let image = Image::new(path, &program.argv, &program.environment)?;
    // SAFETY: the image lives until then.
    Err(unsafe { image.pointers().exec() })
}

fn c_string(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(io::Error::from)
}

/// Starts a child. `prepare` is called in it, before it becomes its program: it may make system calls, and nothing else.
fn start(image: &Image, prepare: &dyn Fn() -> io::Result<()>) -> io::Result<Child> {
    let pointers = image.pointers();
    let (report, told) = pipe()?;
    // SAFETY: nothing holds a lock that the child could want, since all it does are system calls.
    let id = match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {
            let error = match prepare() {
                Err(error) => error,
                // SAFETY: the child has a copy of the strings.
                Ok(()) => unsafe { pointers.exec() },
            };
            let code = error.raw_os_error().unwrap_or(libc::EINVAL).to_ne_bytes();
            // SAFETY: the descriptor is open, and this ends the child and nothing else.
            unsafe {
                libc::write(told.as_raw_fd(), code.as_ptr().cast(), code.len());
                libc::_exit(127)
            }
        }
        id => id,
    };
    drop(told);
    let child = Child { id };
    let mut code = [0; 4];
    // Closed without a word where the child has become its program.
    if File::from(report).read_exact(&mut code).is_err() {
        return Ok(child);
    }
    child.wait(0)?;
    Err(io::Error::from_raw_os_error(i32::from_ne_bytes(code)))
}

/// A pipe that no program inherits: the end to read from, and the end to write to.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: the call fills in two descriptors, which are nobody else's.
    unsafe {
        if libc::pipe(ends.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let [read, write] = ends;
        for end in ends {
            libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC);
        }
        Ok((OwnedFd::from_raw_fd(read), OwnedFd::from_raw_fd(write)))
    }
}

/// A child that was not waited for.
struct Child {
    id: libc::pid_t,
}

impl Child {
    /// How it has ended; `None` if it has not, and that was asked for.
    fn wait(&self, options: libc::c_int) -> io::Result<Option<ExitStatus>> {
        loop {
            let mut status = 0;
            // SAFETY: `status` is written by the call.
            match unsafe { libc::waitpid(self.id, &raw mut status, options) } {
                0 => return Ok(None),
                -1 => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(error);
                    }
                }
                _ => return Ok(Some(ExitStatus::from_raw(status))),
            }
        }
    }
}

/// Runs the program as a child, hands signals on to it, and gives its exit code: 128 + n for a signal.
pub(super) fn run_and_wait(
    program: &Program,
    path: &Path,
    started: &mut dyn FnMut(),
) -> io::Result<i32> {
    let image = Image::new(path, &program.argv, &program.environment)?;
    let signals = WaitedSignals::block()?;
    let children = AwaitedChildren::begin();
    let parent = std::process::id();
    let child = start(&image, &|| {
        // SAFETY: these are the meaning and the mask that we were started with.
        unsafe {
            libc::signal(libc::SIGCHLD, children.0);
            libc::sigprocmask(
                libc::SIG_SETMASK,
                &raw const signals.previous,
                ptr::null_mut(),
            );
        }
        kernel::die_with_parent(parent)
    })?;
    started();
    loop {
        let (signal, from_terminal) = kernel::wait_for_signal(&signals.set)?;
        if signal == libc::SIGCHLD {
            if let Some(status) = child.wait(libc::WNOHANG)? {
                let of_signal = || status.signal().map(|signal| signal.saturating_add(128));
                return Ok(status.code().or_else(of_signal).unwrap_or(1));
            }
            continue;
        }
        if !from_terminal {
            // SAFETY: the child was not waited for yet, so its id is still its own.
            unsafe { libc::kill(child.id, signal) };
        }
        if signal == libc::SIGTSTP {
            // SAFETY: stops this process until somebody continues it; nothing is shared.
            unsafe { libc::raise(libc::SIGSTOP) };
        }
    }
}

/// A setup command that runs.
pub(crate) struct SetupChild {
    child: Child,
    _awaited: AwaitedChildren,
}

impl SetupChild {
    /// Waits for it; how it ended, if not well.
    pub(super) fn end(self) -> io::Result<Option<String>> {
        let status = self.child.wait(0)?;
        Ok(status
            .filter(|status| !status.success())
            .map(|status| status.to_string()))
    }
}

/// Starts a setup command with nothing to read, and with streams of ours to write to.
pub(super) fn start_setup(command: &SetupProcess<'_>) -> io::Result<(SetupChild, [File; 2])> {
    let mut argv = Vec::new();
    let path = match command.what {
        Run::Program(path, arguments) => {
            argv.push(path.as_os_str().to_owned());
            argv.extend(arguments.iter().cloned());
            path
        }
        Run::Shell(line) => {
            argv.extend(["/bin/sh", "-c"].map(OsString::from));
            argv.push(line.to_owned());
            Path::new("/bin/sh")
        }
    };
    let image = Image::new(path, &argv, command.environment)?;
    let cwd = c_string(command.cwd.as_os_str().as_bytes())?;
    let nothing = File::open("/dev/null")?;
    let (results, write_results) = pipe()?;
    let (messages, write_messages) = pipe()?;
    let streams = [
        nothing.as_raw_fd(),
        write_results.as_raw_fd(),
        write_messages.as_raw_fd(),
    ];
    let parent = std::process::id();
    let awaited = AwaitedChildren::begin();
    let child = start(&image, &|| {
        let failed = |result: libc::c_int| match result {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        };
        // SAFETY: all of this changes the child alone, and the descriptors are open in it.
        unsafe {
            for (number, stream) in (0..).zip(streams) {
                // None of ours is a standard stream: those that the caller closed were taken at the start.
                failed(libc::dup2(stream, number))?;
            }
            let mut none = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            failed(libc::chdir(cwd.as_ptr()))?;
        }
        if let Some(umask) = command.umask {
            Unix::set_umask(u32::from(umask));
        }
        kernel::die_with_parent(parent)
    })?;
    let started = SetupChild {
        child,
        _awaited: awaited,
    };
    Ok((started, [File::from(results), File::from(messages)]))
}

/// Blocks the signals that concern the child, so that none is lost before it is waited for.
struct WaitedSignals {
    set: libc::sigset_t,
    previous: libc::sigset_t,
}

impl WaitedSignals {
    fn block() -> io::Result<Self> {
        // SAFETY: a signal set is plain data, and each is initialised before it is read.
        unsafe {
            let mut set = std::mem::zeroed();
            let mut previous = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for signal in FORWARDED.into_iter().chain([libc::SIGCHLD]) {
                libc::sigaddset(&raw mut set, signal);
            }
            if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, &raw mut previous) != 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(Self { set, previous })
        }
    }
}

/// While this lives, children can be waited for, even if whoever started us wanted to hear nothing of its own.
struct AwaitedChildren(libc::sighandler_t);

impl AwaitedChildren {
    /// Gives `SIGCHLD` a meaning: where it is ignored, no child leaves an exit code.
    fn begin() -> Self {
        // SAFETY: whatever handler this installs does nothing.
        Self(unsafe { libc::signal(libc::SIGCHLD, kernel::child_signal()) })
    }
}

impl Drop for AwaitedChildren {
    fn drop(&mut self) {
        // SAFETY: this is the disposition that we were started with.
        unsafe { libc::signal(libc::SIGCHLD, self.0) };
    }
}

/// Starts a thread that no signal interrupts.
pub(super) fn spawn_quiet(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    // SAFETY: a signal set is plain data, and each is initialised before it is read. A thread inherits the mask that holds when
    // it is started.
    unsafe {
        let mut all = std::mem::zeroed();
        let mut previous = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut previous);
        let started = thread::Builder::new().stack_size(64 * 1024).spawn(work);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const previous, ptr::null_mut());
        started.map(drop)
    }
}

/// A word that the shell reads as exactly this text.
pub(super) fn quote_for_shell(text: &OsStr) -> OsString {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(byte);
    if !text.is_empty() && text.as_bytes().iter().all(is_plain) {
        return text.to_owned();
    }
    let mut quoted = vec![b'\''];
    for byte in text.as_bytes() {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            other => quoted.push(*other),
        }
    }
    quoted.push(b'\'');
    OsString::from_vec(quoted)
}

/// The arguments that the C library hands to `main`.
pub(crate) fn arguments(count: libc::c_int, words: *const *const libc::c_char) -> Vec<OsString> {
    let count = usize::try_from(count).unwrap_or_default();
    // SAFETY: `words` points to `count` strings that live as long as the process.
    let words = unsafe { std::slice::from_raw_parts(words, count) };
    // SAFETY: each of them ends with a NUL byte.
    let text = |word: &*const libc::c_char| unsafe { std::ffi::CStr::from_ptr(*word) };
    words
        .iter()
        .map(|word| OsStr::from_bytes(text(word).to_bytes()).to_owned())
        .collect()
}
