//! Setup commands and declared directories: what makes a workenv out of extracted files.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pspf_format::metadata::{Metadata, SetupCommand};
use pspf_format::mode::parse_mode;
use pspf_format::{Error, ErrorKind, Result};

use crate::extract::MemberPath;
use crate::failure::IoContext;
use crate::platform::{ContainedTree, Os, Platform, Run, SetupProcess, Tree};
use crate::program::{find_program, path_variable};
use crate::rules::glob::{is_pattern, matches_path};
use crate::rules::placeholders::Placeholders;
use crate::rules::template::{Template, WORKENV_MARK};
use crate::rules::words::split_words;

/// How much of a failing command's output is shown, in bytes.
const MAX_OUTPUT: usize = 16 * 1024;
/// How long the output of a command that failed may take to arrive.
const GRACE: Duration = Duration::from_secs(1);
/// Mode of a directory that does not name one.
const DIRECTORY_MODE: u16 = 0o700;
/// Mode of a written file that does not name one.
const FILE_MODE: u16 = 0o644;

/// What setup commands need.
pub(crate) struct SetupContext<'a> {
    /// The commands, in order.
    pub(crate) commands: &'a [SetupCommand<'a>],
    /// The placeholders.
    pub(crate) placeholders: &'a Placeholders<'a>,
    /// The package itself, which must never be mistaken for a program of the host.
    pub(crate) package: &'a Path,
    /// The workenv, which is their working directory: a module that happens to lie where the user stands is never loaded.
    pub(crate) workenv: &'a Path,
    /// The environment: the program's own.
    pub(crate) environment: &'a [(OsString, OsString)],
    /// The umask that the program will have.
    pub(crate) umask: Option<u16>,
}

/// Runs every command; the first failure ends it.
pub(crate) fn run_setup(context: &SetupContext<'_>) -> Result<()> {
    for (position, command) in context.commands.iter().enumerate() {
        context
            .run(command)
            .map_err(|error| error.with("setup command", position))?;
    }
    Ok(())
}

/// Creates the directories that the package declares, all of them in the workenv.
pub(crate) fn create_directories(
    metadata: &Metadata<'_>,
    placeholders: &Placeholders<'_>,
    tree: &mut Tree,
) -> Result<()> {
    let _exact = Os::exact_modes();
    let paths = declared_directories(metadata, placeholders)?;
    for (path, directory) in paths.into_iter().zip(&metadata.workenv.directories) {
        let mode = mode_of(directory.mode.as_deref(), DIRECTORY_MODE)?;
        tree.create_directory(&path, u32::from(mode))?;
    }
    let modes = tree.take_pending();
    tree.finish(&modes)
}

/// The directories that the package declares.
pub(crate) fn declared_directories(
    metadata: &Metadata<'_>,
    placeholders: &Placeholders<'_>,
) -> Result<Vec<MemberPath>> {
    let declared = metadata.workenv.directories.iter();
    declared
        .map(|directory| inside(placeholders, &directory.path))
        .collect()
}

/// A path of the package that must lie in the workenv.
fn inside(placeholders: &Placeholders<'_>, path: &str) -> Result<MemberPath> {
    let compiled = placeholders.compile(path)?;
    let marked = compiled.as_marked();
    let relative = match marked.strip_prefix(WORKENV_MARK) {
        Some("") => "",
        Some(rest) => rest.strip_prefix('/').ok_or_else(|| outside(path))?,
        None => marked,
    };
    if relative.contains(WORKENV_MARK) {
        return Err(outside(path));
    }
    MemberPath::parse(relative.as_bytes()).map_err(|error| error.with("path", path))
}

fn outside(path: &str) -> Error {
    Error::new(
        ErrorKind::ArchiveUnsafePath,
        "a path of the package does not lie in its workenv",
    )
    .with("path", path)
}

fn mode_of(word: Option<&str>, default: u16) -> Result<u16> {
    match word.filter(|word| !word.is_empty()) {
        None => Ok(default),
        Some(word) => parse_mode(word).map(|mode| mode & 0o777).ok_or_else(|| {
            Error::new(
                ErrorKind::FormatBadMetadata,
                "a mode is not an octal number",
            )
            .with("mode", word)
        }),
    }
}

impl SetupContext<'_> {
    fn run(&self, command: &SetupCommand<'_>) -> Result<()> {
        match command {
            SetupCommand::Execute { command } => self.execute(&self.words(command)?, command),
            SetupCommand::Shell { command } => self.run_in_shell(command),
            SetupCommand::EnumerateAndExecute {
                command,
                path,
                pattern,
                batch,
            } => self.enumerate(command, path, pattern, *batch),
            SetupCommand::WriteFile {
                path,
                content,
                mode,
            } => self.write_file(path, content, mode.as_deref()),
            SetupCommand::Chmod { path, mode } => self.chmod(path, mode.as_deref()),
            SetupCommand::Unknown { kind } => Err(Error::new(
                ErrorKind::RunSetupFailed,
                "a setup command is of a type that this launcher does not know",
            )
            .with("type", format!("{kind:?}"))
            .hint("use execute, shell, enumerate_and_execute, write_file or chmod")),
        }
    }

    /// Words first, placeholders second: a workenv with a blank in its path stays one word.
    fn words(&self, command: &str) -> Result<Vec<OsString>> {
        let words = split_words(command)?;
        words
            .iter()
            .map(|word| Ok(self.expand(&self.placeholders.compile(word)?)))
            .collect()
    }

    /// The shell gets the workenv's path as one word, so that nothing in it can act as shell code.
    fn run_in_shell(&self, line: &str) -> Result<()> {
        let compiled = self.placeholders.compile(line)?;
        let workenv = Os::workenv_in_shell(self.workenv.as_os_str());
        self.await_success(Run::Shell(&compiled.expand(&workenv)), line)
    }

    fn expand(&self, template: &Template<'_>) -> OsString {
        template.expand(self.workenv.as_os_str())
    }

    fn execute(&self, words: &[OsString], shown: &str) -> Result<()> {
        let Some((program, arguments)) = words.split_first() else {
            return Err(Error::new(
                ErrorKind::FormatBadMetadata,
                "a setup command is empty",
            ));
        };
        let path = path_variable(self.environment);
        let program = find_program(program, path, self.package).ok_or_else(|| {
            failed(shown, "its program was not found").with("program", Path::new(program).display())
        })?;
        self.await_success(Run::Program(&program, arguments), shown)
    }

    fn await_success(&self, what: Run<'_>, shown: &str) -> Result<()> {
        let (child, [stdout, stderr]) = Os::start_setup(&SetupProcess {
            what,
            environment: self.environment,
            cwd: self.workenv,
            umask: self.umask,
        })
        .map_err(|error| failed(shown, "it cannot be started").caused_by(error))?;
        let output = (follow(stdout), follow(stderr));
        let ended = Os::end_of_setup(child)
            .map_err(|error| failed(shown, "its end cannot be awaited").caused_by(error))?;
        let Some(how) = ended else {
            return Ok(());
        };
        let mut error = failed(shown, &format!("it ended with {how}"));
        for (name, stream) in [("stdout", output.0), ("stderr", output.1)] {
            let bytes = stream.end();
            let text = String::from_utf8_lossy(&bytes);
            if !text.trim().is_empty() {
                error = error.with(name, format!("\n{}\n", text.trim_end()));
            }
        }
        Err(error)
    }

    fn enumerate(&self, command: &str, path: &str, pattern: &str, batch: bool) -> Result<()> {
        let words = self.words(command)?;
        let directory = inside(self.placeholders, path)?;
        let pattern = self.placeholders.compile(pattern)?;
        let files = self.matching(&directory, pattern.as_marked())?;
        if files.is_empty() {
            return Ok(());
        }
        if batch {
            return self.execute(&[words, files].concat(), command);
        }
        files.into_iter().try_for_each(|file| {
            let words: Vec<_> = words.iter().cloned().chain([file]).collect();
            self.execute(&words, command)
        })
    }

    /// Files below a directory that match, in the order of their names. Links to directories are not followed.
    fn matching(&self, directory: &MemberPath, pattern: &str) -> Result<Vec<OsString>> {
        let base = Tree::open(self.workenv)?.path_of(directory);
        let mut found = Vec::new();
        let mut todo = vec![(base.clone(), Vec::new())];
        while let Some((directory, prefix)) = todo.pop() {
            let entries = match std::fs::read_dir(&directory) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.context("list", &directory)?,
            };
            for entry in entries {
                let entry = entry.context("list", &directory)?;
                let mut name: Vec<u8> = prefix.clone();
                name.extend_from_slice(entry.file_name().as_encoded_bytes());
                let kind = entry.file_type().context("look at", entry.path())?;
                if kind.is_dir() {
                    name.push(b'/');
                    todo.push((entry.path(), name));
                } else if matches_path(pattern, &name) {
                    found.push((name, entry.path()));
                }
            }
        }
        found.sort();
        Ok(found
            .into_iter()
            .map(|(_, path)| path.into_os_string())
            .collect())
    }

    fn write_file(&self, path: &str, content: &str, mode: Option<&str>) -> Result<()> {
        let target = inside(self.placeholders, path)?;
        let content = self.expand(&self.placeholders.compile(content)?);
        let mode = mode_of(mode, FILE_MODE)?;
        let mut tree = Tree::open(self.workenv)?;
        let shown = tree.path_of(&target);
        let _exact = Os::exact_modes();
        let mut file = tree.create_file(&target, u32::from(mode))?;
        file.write_all(content.as_encoded_bytes())
            .context("write", shown)
    }

    fn chmod(&self, path: &str, mode: Option<&str>) -> Result<()> {
        let mode = u32::from(mode_of(mode, DIRECTORY_MODE)?);
        let mut tree = Tree::open(self.workenv)?;
        if !is_pattern(path) {
            return tree.set_mode(&inside(self.placeholders, path)?, mode);
        }
        let pattern = inside_pattern(self.placeholders, path)?;
        for file in self.matching(&MemberPath::parse(b"")?, &pattern)? {
            let relative = PathBuf::from(file);
            let Ok(relative) = relative.strip_prefix(self.workenv) else {
                continue;
            };
            if relative.is_symlink() || self.workenv.join(relative).is_symlink() {
                continue;
            }
            tree.set_mode(
                &MemberPath::parse(relative.as_os_str().as_encoded_bytes())?,
                mode,
            )?;
        }
        Ok(())
    }
}

/// A pattern of paths in the workenv.
fn inside_pattern(placeholders: &Placeholders<'_>, pattern: &str) -> Result<String> {
    let compiled = placeholders.compile(pattern)?;
    let marked = compiled.as_marked();
    let relative = marked
        .strip_prefix(WORKENV_MARK)
        .map_or(marked, |rest| rest.trim_start_matches('/'));
    if relative.contains(WORKENV_MARK)
        || relative.starts_with('/')
        || relative.split('/').any(|part| part == "..")
    {
        return Err(outside(pattern));
    }
    Ok(relative.to_owned())
}

fn failed(command: &str, how: &str) -> Error {
    Error::new(
        ErrorKind::RunSetupFailed,
        format!("a setup command failed: {how}"),
    )
    .with("command", format!("`{command}`"))
}

/// What a command writes, while it writes it. Never waited for before the command itself has ended: a service that it leaves
/// behind can keep the stream open for as long as it likes.
struct Stream {
    kept: Arc<Mutex<Vec<u8>>>,
    open: Receiver<()>,
}

impl Stream {
    /// The end of what was written.
    fn end(self) -> Vec<u8> {
        let _ = self.open.recv_timeout(GRACE);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let superfluous = kept.len().saturating_sub(MAX_OUTPUT);
        kept.drain(..superfluous);
        std::mem::take(&mut kept)
    }
}

/// Reads everything, keeps the end.
fn follow(mut source: File) -> Stream {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let (until_closed, open) = mpsc::channel();
    let tail = Arc::clone(&kept);
    let read = move || {
        let _until_closed: Sender<()> = until_closed;
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = source.read(&mut chunk) {
            let mut kept = tail.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend_from_slice(chunk.get(..count).unwrap_or_default());
            if kept.len() > MAX_OUTPUT.saturating_mul(2) {
                let superfluous = kept.len().saturating_sub(MAX_OUTPUT);
                kept.drain(..superfluous);
            }
        }
    };
    // Without a thread the command writes into a closed pipe, which is better than no start at all. It can outlive the setup,
    // and must not take signals that are meant for the program.
    let _ = Os::spawn_quiet(read);
    Stream { kept, open }
}
