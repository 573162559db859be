//! `flavor-rs-builder`: packs an application where there is no Deno. Its packages are those of `flavor pack`, byte for byte.

mod check;
mod encode;
mod failure;
mod glob;
mod ignore;
mod json;
mod kept;
mod keys;
mod launcher;
mod links;
mod options;
mod package;
mod plan;
mod portable;
mod schema;
mod secrets;
mod signing;
mod slot;
mod tar;
mod toml;
mod tree;
mod value;
mod value_checks;
mod verify;

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::{env, thread};

use pspf_format::hex::Hex;
use pspf_format::{Error, ErrorKind, Result};

use crate::check::Format;
use crate::failure::{exit_code, from_io, usage};
use crate::keys::Key;
use crate::launcher::Launcher;
use crate::options::{LogLevel, Options, Request};
use crate::package::{Build, Written};
use crate::plan::Plan;
use crate::slot::{Places, Slot, absolute, check_output, check_targets};

/// More workers than this cost more memory than they save time.
const MAX_JOBS: usize = 16;
/// What the toolkit tells it by from the existing builders, as it does launchers. Nothing has to be run to learn it.
#[used]
static MARKER: &str = concat!(
    "flavor-rs-builder/1 pspf-2025 ops=",
    pspf_format::operation_words!(),
    "; version=",
    env!("CARGO_PKG_VERSION"),
    " source=",
    env!("FLAVOR_BUILDER_SOURCE"),
    ";"
);
/// After so many bytes the disk begins to write.
const EARLY: usize = 8 * 1024 * 1024;
const MAX_MANIFEST: u64 = 4 * 1024 * 1024;

fn main() -> ExitCode {
    // Whatever a linker may leave out, it is not what is looked at here.
    if std::hint::black_box(MARKER).is_empty() {
        return ExitCode::FAILURE;
    }
    let failed = |error: &Error| {
        let hint = error
            .next_step()
            .map_or_else(String::new, |hint| format!("\nhint: {hint}"));
        let _ = writeln!(
            std::io::stderr(),
            "error: {} [{}]{hint}",
            error.message(),
            error.code()
        );
        ExitCode::from(exit_code(error.code()))
    };
    match Request::parse(env::args_os().skip(1)) {
        Ok(Request::Print(text)) => {
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Ok(Request::Build(options)) => {
            build(&options).map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
        }
        Err(error) => failed(&error),
    }
}

fn build(options: &Options) -> Result<()> {
    let say = |level: LogLevel, text: &str| {
        if level <= options.log_level {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    };
    let manifest = absolute(&options.manifest)?;
    let plan = read_manifest(&options.manifest)?;
    let directory = manifest.parent().unwrap_or(Path::new("/")).to_owned();
    let output = absolute(&options.output)?;
    let key = choose_key(options)?;
    let launcher = Launcher::read(&find_launcher(options, &plan, &directory)?)?;
    let workenv = match (&options.workenv_base, plan.format) {
        (Some(base), _) => absolute(base)?,
        (None, Format::Json) => absolute(Path::new("."))?,
        (None, Format::Toml) => directory.clone(),
    };
    let places = Places {
        manifest: directory,
        workenv,
        output: match &options.replaces {
            Some(path) => absolute(path)?,
            None => output.clone(),
        },
        allows_secrets: options.allows_secrets,
    };
    let mut warnings = plan.warnings.clone();
    let is_ours = launcher.operations.is_some();
    let is_portable = options.is_portable || plan.is_portable || !is_ours;
    if !is_ours && !options.is_portable && !plan.is_portable {
        warnings.push("the launcher is not ours: the portable profile was chosen".into());
    }
    let plan = if is_portable {
        portable::rewrite(plan, &launcher, &mut warnings)?
    } else {
        plan
    };
    let slots = settle(&plan, &launcher, &places, is_portable, &mut warnings)?;
    let inputs = [
        Some(&options.manifest),
        options.private_key.as_ref(),
        options.public_key.as_ref(),
    ];
    for input in inputs.into_iter().flatten().chain([&launcher.path]) {
        check_output(&output, input)?;
    }
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let build = Build {
        plan: &plan,
        launcher: &launcher,
        key: &key,
        is_portable,
        jobs: options.jobs.unwrap_or(processors).min(MAX_JOBS),
        time: source_date_epoch()?,
    };
    let written = write_file(&build, &slots, &output)?;
    for warning in &warnings {
        say(LogLevel::Warn, &format!("warning: {warning}"));
    }
    if options.private_key.is_none() && options.key_seed.is_none() {
        say(
            LogLevel::Info,
            "note: signed with a key made for this build alone; that proves integrity, not origin (see flavor keygen)",
        );
    }
    say(
        LogLevel::Info,
        &format!(
            "packed {}  {} bytes",
            options.output.display(),
            written.file_size()
        ),
    );
    Ok(())
}

fn read_manifest(path: &Path) -> Result<Plan> {
    let name = path.to_string_lossy();
    let facts = fs::metadata(path).map_err(|error| from_io(&error, "read", path))?;
    if facts.len() > MAX_MANIFEST {
        return Err(Error::new(
            ErrorKind::ManifestSyntax,
            format!("Cannot read {name}: it is too long"),
        ));
    }
    let bytes = fs::read(path).map_err(|error| from_io(&error, "read", path))?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Error::new(
            ErrorKind::ManifestSyntax,
            format!("\"{name}\" is not UTF-8 text"),
        )
    })?;
    let format = if name.ends_with(".json") {
        Format::Json
    } else {
        Format::Toml
    };
    plan::parse(&text, format, &name)
}

fn find_launcher(options: &Options, plan: &Plan, directory: &Path) -> Result<PathBuf> {
    if let Some(given) = &options.launcher {
        return Ok(given.clone());
    }
    if let Some(named) = &plan.launcher {
        return absolute(&directory.join(named));
    }
    // Beside this program, where the toolkit builds both.
    let name = env::current_exe().ok().and_then(|path| {
        let name = path.file_name()?.to_str()?.replace("builder", "launcher");
        Some(path.with_file_name(name))
    });
    if let Some(path) = name
        .as_ref()
        .filter(|path| path.is_file() && path.to_string_lossy().contains("launcher"))
    {
        return Ok(path.clone());
    }
    let searched = name.map_or_else(String::new, |path| {
        format!("; looked for \"{}\"", path.display())
    });
    let error = Error::new(
        ErrorKind::LauncherNotFound,
        format!("No launcher was found{searched}"),
    );
    Err(error.hint("Name one with --launcher-bin FILE or FLAVOR_LAUNCHER_BIN"))
}

fn choose_key(options: &Options) -> Result<Key> {
    let key = match (&options.private_key, &options.key_seed) {
        (Some(_), Some(_)) => {
            return Err(usage(
                "--private-key and --key-seed cannot be used together",
            ));
        }
        (Some(path), None) => Key::read(path)?,
        (None, Some(seed)) => {
            let text = if seed == "env" {
                env::var("FLAVOR_KEY_SEED").unwrap_or_default()
            } else {
                seed.clone()
            };
            match (text.is_empty(), seed.as_str()) {
                (true, "env") => {
                    return Err(usage(
                        "--key-seed env needs FLAVOR_KEY_SEED, which is not set",
                    ));
                }
                (true, _) => return Err(usage("--key-seed is empty")),
                _ => Key::of_seed(&text),
            }
        }
        (None, None) if options.public_key.is_some() => {
            return Err(usage("--public-key needs --private-key or --key-seed"));
        }
        (None, None) => Key::fresh()?,
    };
    if let Some(path) = &options.public_key {
        key.check_file(path)?;
    }
    Ok(key)
}

/// Finds the sources and decides the operations, so that a build with a mistake fails before it starts.
fn settle<'a>(
    plan: &'a Plan,
    launcher: &Launcher,
    places: &Places,
    is_portable: bool,
    warnings: &mut Vec<String>,
) -> Result<Vec<Slot<'a>>> {
    let mut slots = Vec::new();
    for (index, spec) in plan.slots.iter().enumerate() {
        slots.push(slot::open(spec, index, places, is_portable, warnings)?);
    }
    check_targets(&slots)?;
    let Some(known) = launcher.operations.as_ref().filter(|_| !is_portable) else {
        return Ok(slots);
    };
    for slot in &slots {
        let mut names = slot
            .operations
            .iter()
            .map(|operation| operation.to_string());
        if let Some(missing) = names.find(|name| !known.contains(name)) {
            let message = format!(
                "Cannot build slot \"{}\": the launcher cannot undo {missing}",
                slot.spec.id
            );
            let error = Error::new(ErrorKind::BuildLimit, message);
            return Err(error.hint(format!("Use {}, or a newer launcher", known.join(", "))));
        }
    }
    Ok(slots)
}

fn source_date_epoch() -> Result<u64> {
    let text = env::var("SOURCE_DATE_EPOCH").unwrap_or_default();
    if text.is_empty() {
        return Ok(0);
    }
    let is_time = text.len() <= 11 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_time).ok_or_else(|| {
        usage(format!(
            "SOURCE_DATE_EPOCH is \"{text}\", expected whole seconds since 1970"
        ))
        .hint("Unset it, or give a number such as $(git log -1 --format=%ct)")
    })
}

/// Builds into a temporary file, verifies it, and only then gives it its name.
fn write_file(build: &Build<'_>, slots: &[Slot<'_>], output: &Path) -> Result<Written> {
    let directory = output.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory).map_err(|error| from_io(&error, "create", directory))?;
    sweep(output, directory);
    let (temporary, file) = Temporary::beside(output)?;
    let failed = |error: &std::io::Error| from_io(error, "write", &temporary.0);
    let copy = file.try_clone().map_err(|error| failed(&error))?;
    let (more, due) = sync_channel(1);
    let (mut file, written) = thread::scope(|scope| {
        // What is on the disk before the end need not be waited for there.
        scope.spawn(move || due.iter().for_each(|()| drop(copy.sync_data())));
        let early = Early {
            file,
            more,
            waiting: 0,
        };
        let mut buffered = BufWriter::with_capacity(256 * 1024, early);
        let written = package::write(build, slots, &mut buffered)?;
        let early = buffered
            .into_inner()
            .map_err(|error| failed(error.error()))?;
        Ok((early.file, written))
    })?;
    if let Some(signature) = &written.signature {
        file.write_all(&signature.tail)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(&signature.head))
            .map_err(|error| failed(&error))?;
    }
    verify::check(&temporary.0, &written, build.launcher, build.jobs)?;
    make_executable(&file)
        .and_then(|()| file.sync_all())
        .map_err(|error| failed(&error))?;
    drop(file);
    fs::rename(&temporary.0, output).map_err(|error| from_io(&error, "write", output))?;
    Ok(written)
}

/// A file that is written to the disk while it grows.
struct Early {
    file: File,
    more: SyncSender<()>,
    waiting: usize,
}

impl Write for Early {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.waiting += count;
        // Whoever is still busy with the last part takes this one along.
        if self.waiting >= EARLY && self.more.try_send(()).is_ok() {
            self.waiting = 0;
        }
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// A file that is gone when the build fails.
struct Temporary(PathBuf);

impl Temporary {
    /// Makes one beside its target, hidden, and locks it, so that sweepers leave it alone: ours, and the toolkit's.
    fn beside(target: &Path) -> Result<(Self, File)> {
        let mut random = [0; 6];
        getrandom::fill(&mut random).map_err(|error| {
            Error::new(ErrorKind::IoFailed, format!("Cannot name a file: {error}"))
        })?;
        let random = Hex(&random).to_string();
        let (first, last) = random.split_at(8);
        let name = format!("{}{first}-{last}{SUFFIX}", prefix_for(target));
        let temporary = Self(target.with_file_name(name));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let file = options
            .open(&temporary.0)
            .map_err(|error| from_io(&error, "create", target))?;
        // Some network file systems have no locks; then nothing is swept there. On Windows a lock keeps readers away, ours too.
        #[cfg(unix)]
        let _ = file.try_lock();
        Ok((temporary, file))
    }
}

const SUFFIX: &str = ".flavor-tmp";

fn prefix_for(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let units: Vec<u16> = name.encode_utf16().take(48).collect();
    format!(".{}.", String::from_utf16_lossy(&units))
}

/// Removes what a killed process left beside a target. A living one holds a lock, which dies with it.
fn sweep(target: &Path, directory: &Path) {
    let prefix = prefix_for(target);
    let is_left = |name: &str| {
        let random = name.strip_prefix(&prefix)?.strip_suffix(SUFFIX)?;
        let (first, last) = random.split_once('-')?;
        let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
        (first.len() == 8 && last.len() == 4 && is_hex(first) && is_hex(last)).then_some(())
    };
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file
            && entry.file_name().to_str().and_then(is_left).is_some()
            && cfg!(unix)
            && File::open(&path).is_ok_and(|file| file.try_lock().is_ok())
        {
            let _ = fs::remove_file(path);
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(unix)]
fn make_executable(file: &File) -> std::io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &File) -> std::io::Result<()> {
    Ok(())
}
