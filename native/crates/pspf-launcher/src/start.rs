//! Starting a package: warm if its workenv is filled, else after filling it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use pspf_format::{Error, ErrorKind, Result};

use crate::cache::{Layout, Lease, check_usable, locate_root};
use crate::log::{self, Detail};
use crate::package::Package;
use crate::program::{Program, Started};
use crate::rules::environment::NameCase;
use crate::rules::environment_rules::Start;
use crate::rules::record::LaunchRecord;
use crate::rules::template::Template;
use crate::settings::Settings;
use crate::trace::Timeline;
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
        Path::new(&self.original_command)
            .file_name()
            .unwrap_or(&self.original_command)
    }
}

/// Starts the package; returns only where the program was waited for.
pub(crate) fn start(package: &Package, invocation: &Invocation, settings: &Settings) -> Result<u8> {
    let root = locate_root(|name| settings.variable(name))?;
    let mut timeline = None;
    let (filled, warm) = ready(package, &root, invocation, settings, &mut timeline)?;
    match run(package, &filled, invocation, settings)? {
        Started::Exited(code) => Ok(code),
        Started::Missing(error) if !warm => Err(error),
        Started::Missing(_) => {
            // Somebody removed files from the workenv: one more try with a fresh one.
            drop(filled);
            let filled = fill(package, &root, invocation, settings, true)?;
            match run(package, &filled, invocation, settings)? {
                Started::Exited(code) => Ok(code),
                Started::Missing(error) => Err(error),
            }
        }
    }
}

/// Does everything but hand over to the program; whether that was a warm start.
pub(crate) fn prepare(
    package: &Package,
    invocation: &Invocation,
    settings: &Settings,
    timeline: &mut Timeline,
) -> Result<bool> {
    let root = locate_root(|name| settings.variable(name))?;
    timeline.step("find the cache");
    let mut timeline = Some(timeline);
    let (filled, warm) = ready(package, &root, invocation, settings, &mut timeline)?;
    compose(package, &filled, invocation, settings)?;
    step(&mut timeline, "compose the command and the environment");
    Ok(warm)
}

fn step(timeline: &mut Option<&mut Timeline>, name: &'static str) {
    if let Some(timeline) = timeline {
        timeline.step(name);
    }
}

/// A filled workenv, and whether it was filled before.
fn ready(
    package: &Package,
    root: &Path,
    invocation: &Invocation,
    settings: &Settings,
    timeline: &mut Option<&mut Timeline>,
) -> Result<(Filled, bool)> {
    if !settings.refill
        && let Some(filled) = find_filled(package, root)?
    {
        step(timeline, "find the filled workenv");
        return Ok((filled, true));
    }
    let filled = fill(package, root, invocation, settings, settings.refill)?;
    step(timeline, "fill the workenv");
    Ok((filled, false))
}

/// The warm path: nothing here writes, waits or parses the metadata.
fn find_filled(package: &Package, root: &Path) -> Result<Option<Filled>> {
    if check_usable(root)?.is_none() {
        return Ok(None);
    }
    let Ok(resolved) = root.canonicalize() else {
        return Ok(None);
    };
    let layout = Layout::new(resolved, package.index.workenv_id());
    let Some(lease) = Lease::take_existing(&layout.use_lock()) else {
        return Ok(None);
    };
    let Some(record) = load_record(&layout) else {
        return Ok(None);
    };
    let good = LaunchRecord::parse(&record)
        .is_some_and(|record| is_still_good(&record, package, &layout.workenv()));
    Ok(good.then_some(Filled {
        record,
        lease,
        layout,
        fresh: false,
    }))
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
    invocation: &Invocation,
    settings: &Settings,
) -> Result<Started> {
    let program = compose(package, filled, invocation, settings)?;
    log::say(Detail::Info, || {
        let named = program.argv.first().cloned().unwrap_or_default();
        format!(
            "starting {}, {}",
            Path::new(&named).display(),
            if filled.fresh {
                "just filled"
            } else {
                "filled before"
            }
        )
    });
    filled.lease.let_programs_inherit();
    let started = program.start(settings.wait)?;
    if settings.wait && matches!(started, Started::Exited(_)) {
        after_exit(package, &filled.layout, settings.dev)?;
    }
    Ok(started)
}

/// The program with everything it is started with.
fn compose(
    package: &Package,
    filled: &Filled,
    invocation: &Invocation,
    settings: &Settings,
) -> Result<Program> {
    let record = LaunchRecord::parse(&filled.record).ok_or_else(|| {
        Error::new(
            ErrorKind::InternalBug,
            "the launch record cannot be read back",
        )
    })?;
    if record.per_start && !filled.fresh {
        refresh_per_start(package, &filled.layout, settings.dev)?;
    }
    let workenv = filled.layout.workenv();
    let expand = |template: &Template<'_>| template.expand(workenv.as_os_str());
    let start = Start {
        workenv: workenv.as_os_str(),
        command_name: invocation.command_name(),
        original_command: &invocation.original_command,
    };
    Ok(Program {
        argv: record
            .argv
            .iter()
            .map(expand)
            .chain(invocation.arguments.iter().cloned())
            .collect(),
        environment: record.environment.compose(
            invocation.environment.iter().cloned(),
            NameCase::NATIVE,
            start,
        ),
        cwd: record.cwd.as_ref().map(|cwd| PathBuf::from(expand(cwd))),
        umask: record.umask,
        package: package.path.clone(),
        workenv: workenv.clone(),
    })
}
