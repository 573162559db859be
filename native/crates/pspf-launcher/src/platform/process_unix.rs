//! Becoming the program, or waiting for it.

#![expect(
    unsafe_code,
    reason = "execve, signals and what a child does before it becomes its program have no safe interface"
)]

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::ptr;

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

/// Replaces this process; returns only if that fails.
pub(crate) fn replace_process(program: &Program, path: &Path) -> io::Result<u8> {
    let argv = program
        .argv
        .iter()
        .map(|argument| c_string(argument.as_bytes()))
        .collect::<io::Result<Vec<_>>>()?;
    let environment = program
        .environment
        .iter()
        .map(|(name, value)| c_string(&[name.as_bytes(), b"=", value.as_bytes()].concat()))
        .collect::<io::Result<Vec<_>>>()?;
    let path = c_string(path.as_os_str().as_bytes())?;
    // The standard library's own `main` ignores this signal, and programs would inherit that. On Linux `main` is ours.
    #[cfg(not(target_os = "linux"))]
    // SAFETY: no handler is installed, and nothing else runs at this point.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL)
    };
    execve(&path, &argv, &environment);
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::ENOEXEC) {
        // A script without a first line that names its interpreter is the shell's, as with execvp.
        let shell = c"/bin/sh".to_owned();
        let mut words = vec![shell.clone(), path];
        words.extend(argv.into_iter().skip(1));
        execve(&shell, &words, &environment);
    }
    Err(error)
}

fn c_string(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(io::Error::from)
}

fn execve(path: &CString, argv: &[CString], environment: &[CString]) {
    let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
        strings
            .iter()
            .map(|string| string.as_ptr())
            .chain([ptr::null()])
            .collect()
    };
    let (argv, environment) = (pointers(argv), pointers(environment));
    // SAFETY: both arrays end with a null pointer, and every string in them outlives the call.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), environment.as_ptr()) };
}

/// Runs the program as a child, hands signals on to it, and gives its exit code: 128 + n for a signal.
pub(crate) fn run_and_wait(program: &Program, path: &Path) -> io::Result<u8> {
    let signals = WaitedSignals::block()?;
    let previous = signals.previous;
    let children = AwaitedChildren::begin();
    let inherited = children.0;
    let parent = std::process::id();
    let spawn = |mut command: Command| {
        command.args(program.argv.iter().skip(1)).env_clear();
        command.envs(
            program
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        );
        // SAFETY: the closure only makes system calls that are safe between fork and exec.
        unsafe {
            command.pre_exec(move || {
                libc::signal(libc::SIGCHLD, inherited);
                libc::sigprocmask(libc::SIG_SETMASK, &raw const previous, ptr::null_mut());
                die_with_parent(parent)
            });
        }
        command.spawn()
    };
    let mut child = match spawn(Command::new(path)) {
        Err(error) if error.raw_os_error() == Some(libc::ENOEXEC) => {
            let mut shell = Command::new("/bin/sh");
            shell.arg(path);
            spawn(shell)?
        }
        started => started?,
    };
    loop {
        let signal = signals.wait()?;
        if signal.number == libc::SIGCHLD {
            if let Some(status) = child.try_wait()? {
                return Ok(exit_code(status));
            }
            continue;
        }
        if !signal.from_terminal {
            send(&child, signal.number);
        }
        if signal.number == libc::SIGTSTP {
            // SAFETY: stops this process until somebody continues it; nothing is shared.
            unsafe { libc::raise(libc::SIGSTOP) };
        }
    }
}

fn exit_code(status: std::process::ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| signal.saturating_add(128)));
    code.and_then(|code| u8::try_from(code & 0xFF).ok())
        .unwrap_or(1)
}

fn send(child: &Child, signal: libc::c_int) {
    if let Ok(id) = libc::pid_t::try_from(child.id()) {
        // SAFETY: the child was not waited for yet, so its id is still its own.
        unsafe { libc::kill(id, signal) };
    }
}

/// The program does not outlive a launcher that was killed.
#[cfg(target_os = "linux")]
fn die_with_parent(parent: u32) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // The parent may have died before the line above.
    match rustix::process::getppid() {
        Some(current) if u32::try_from(current.as_raw_nonzero().get()) == Ok(parent) => Ok(()),
        _ => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
    }
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Linux")]
fn die_with_parent(_parent: u32) -> io::Result<()> {
    Ok(())
}

/// A signal that was waited for.
struct Signal {
    number: libc::c_int,
    /// The terminal sent it to the whole group, the program included.
    from_terminal: bool,
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

    #[cfg(target_os = "linux")]
    fn wait(&self) -> io::Result<Signal> {
        loop {
            // SAFETY: `info` is plain data that the call fills in.
            let (number, info) = unsafe {
                let mut info: libc::siginfo_t = std::mem::zeroed();
                (libc::sigwaitinfo(&raw const self.set, &raw mut info), info)
            };
            if number >= 0 {
                return Ok(Signal {
                    number,
                    from_terminal: info.si_code == libc::SI_KERNEL,
                });
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn wait(&self) -> io::Result<Signal> {
        let mut number = 0;
        // SAFETY: `number` is written by the call.
        match unsafe { libc::sigwait(&raw const self.set, &raw mut number) } {
            // The terminal's own signals cannot be told apart here, and reach the program without us.
            0 => Ok(Signal {
                number,
                from_terminal: matches!(number, libc::SIGINT | libc::SIGQUIT | libc::SIGTSTP),
            }),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }
}

/// While this lives, children can be waited for, even if whoever started us wanted to hear nothing of its own.
pub(crate) struct AwaitedChildren(libc::sighandler_t);

impl AwaitedChildren {
    /// Gives `SIGCHLD` its default meaning: where it is ignored, no child leaves an exit code.
    pub(crate) fn begin() -> Self {
        // SAFETY: no handler is installed.
        Self(unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) })
    }
}

impl Drop for AwaitedChildren {
    fn drop(&mut self) {
        // SAFETY: this is the disposition that we were started with.
        unsafe { libc::signal(libc::SIGCHLD, self.0) };
    }
}

/// Prepares a setup command: the program's umask, and no life after ours.
pub(crate) fn prepare_setup(command: &mut Command, umask: Option<u16>) {
    let parent = std::process::id();
    // SAFETY: the closure only makes system calls that are safe between fork and exec.
    unsafe {
        command.pre_exec(move || {
            if let Some(umask) = umask {
                super::set_umask(u32::from(umask));
            }
            die_with_parent(parent)
        });
    }
}

/// A command line for the shell.
pub(crate) fn shell_command(line: &OsStr) -> Vec<OsString> {
    vec!["/bin/sh".into(), "-c".into(), line.to_owned()]
}

/// A word that the shell reads as exactly this text.
pub(crate) fn quote_for_shell(text: &OsStr) -> OsString {
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
#[cfg(target_os = "linux")]
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

/// Begins to write a file to the disk without waiting for it, so that the sync at the end of a fill finds little left.
#[cfg(target_os = "linux")]
pub(crate) fn start_writing_back(file: &std::fs::File) {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is open. A file system that cannot do this loses nothing.
    unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
}

/// Only Linux has a call for this.
#[cfg(not(target_os = "linux"))]
pub(crate) fn start_writing_back(_file: &std::fs::File) {}
