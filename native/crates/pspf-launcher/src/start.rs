//! Starting a package: warm if its workenv is filled, else after filling it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use pspf_format::Result;

use crate::cache::{Layout, Lease, check_usable, locate_root};
use crate::package::Package;
use crate::plan::DevSlots;
use crate::program::{Program, Started};
use crate::rules::environment::NameCase;
use crate::rules::environment_rules::Start;
use crate::rules::record::LaunchRecord;
use crate::settings::Settings;
use crate::workenv::{Fill, Filled, after_exit, is_still_good, load_record, refresh_per_start};

/// How this process was called.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// `argv[0]` as typed.
    pub(crate) original_command: OsString,
    /// The user's arguments.
    pub(crate) arguments: Vec<OsString>,
    /// The environment that the program inherits.
    pub(crate) environment: Vec<(OsString, OsString)>,
}

impl Invocation {
    /// Base name of the package as invoked.
    pub(crate) fn command_name(&self) -> &OsStr {
        Path::new(&self.original_command).file_name().unwrap_or(&self.original_command)
    }
}

/// Starts the package; returns only where the program was waited for.
pub(crate) fn start(package: &Package, invocation: Invocation, settings: &Settings) -> Result<u8> {
    let root = locate_root(|name| settings.variable(name))?;
    let mut invocation = invocation;
    let filled = if settings.refill { None } else { find_filled(package, &root)? };
    let (filled, was_warm) = match filled {
        Some(filled) => (filled, true),
        None => (fill(package, &root, &invocation, settings, settings.refill)?, false),
    };
    match run(package, &filled, was_warm, &mut invocation, settings)? {
        Started::Exited(code) => Ok(code),
        Started::Missing(error) if !was_warm => Err(error),
        Started::Missing(_) => {
            // Somebody removed files from the workenv: one more try with a fresh one.
            drop(filled);
            let filled = fill(package, &root, &invocation, settings, true)?;
            match run(package, &filled, false, &mut invocation, settings)? {
                Started::Exited(code) => Ok(code),
                Started::Missing(error) => Err(error),
            }
        }
    }
}

/// The warm path: nothing here writes, waits or parses the metadata.
fn find_filled(package: &Package, root: &Path) -> Result<Option<Filled>> {
    if check_usable(root)?.is_none() {
        return Ok(None);
    }
    let Ok(resolved) = root.canonicalize() else { return Ok(None) };
    let layout = Layout::new(resolved, package.index.workenv_id());
    let Some(lease) = Lease::take_existing(&layout.use_lock()) else { return Ok(None) };
    let Some(record) = load_record(&layout) else { return Ok(None) };
    let good = LaunchRecord::parse(&record).is_some_and(|record| is_still_good(&record, package, &layout.workenv()));
    Ok(good.then_some(Filled { record, lease, layout, fresh: false }))
}

fn fill(
    package: &Package,
    root: &Path,
    invocation: &Invocation,
    settings: &Settings,
    force: bool,
) -> Result<Filled> {
    Fill {
        package,
        root,
        inherited: &invocation.environment,
        command_name: invocation.command_name(),
        original_command: &invocation.original_command,
        dev: settings.dev,
        force,
    }
    .run()
}

fn run(
    package: &Package,
    filled: &Filled,
    was_warm: bool,
    invocation: &mut Invocation,
    settings: &Settings,
) -> Result<Started> {
    let _ = was_warm;
    let Some(record) = LaunchRecord::parse(&filled.record) else {
        return Err(pspf_format::Error::new(pspf_format::ErrorKind::InternalBug, "the launch record cannot be read back"));
    };
    if record.per_start && !filled.fresh {
        refresh_per_start(package, &filled.layout, settings.dev)?;
    }
    let workenv = filled.layout.workenv();
    let start = Start {
        workenv: workenv.as_os_str(),
        command_name: invocation.command_name(),
        original_command: &invocation.original_command,
    };
    let environment = record.environment.compose(invocation.environment.iter().cloned(), NameCase::NATIVE, start);
    let argv = record.argv.iter().map(|word| word.expand(workenv.as_os_str())).chain(invocation.arguments.iter().cloned());
    let program = Program {
        argv: argv.collect(),
        environment,
        cwd: record.cwd.as_ref().map(|cwd| PathBuf::from(cwd.expand(workenv.as_os_str()))),
        umask: record.umask,
        package: package.path.clone(),
        workenv: workenv.clone(),
    };
    filled.lease.let_programs_inherit();
    let started = program.start(settings.wait)?;
    if settings.wait && matches!(started, Started::Exited(_)) {
        after_exit(package, &filled.layout, settings.dev)?;
    }
    Ok(started)
}

/// Whether the slots for developers are wanted.
pub(crate) fn dev_slots(value: Option<&OsStr>) -> DevSlots {
    DevSlots(value.is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true")))
}
