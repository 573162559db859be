//! Starting a package: warm if its workenv is filled, else after filling it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Instant;

use pspf_format::{Error, ErrorKind, Result};

use crate::cache::{FillLock, Lease, Patience, WorkenvPaths, find_root, locate_root, prepare_root};
use crate::level::Level;
use crate::package::{Opened, Package};
use crate::program::{Program, Started};
use crate::report::{self, Detail, say};
use crate::rules::environment::NameCase;
use crate::rules::environment_rules;
use crate::rules::record::LaunchRecord;
use crate::rules::template::Template;
use crate::settings::{FILLING, Recheck, Settings};
use crate::whole::verify_whole;
use crate::workenv::{Fill, StoredRecord, after_exit, make_durable, refresh_per_start, store};

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

/// Steps of a start, each with the time at its end.
pub(crate) struct Timeline {
    begin: Instant,
    /// What was done, and when that was done, in microseconds.
    pub(crate) steps: Vec<(&'static str, u128)>,
}

impl Timeline {
    /// Begins now.
    pub(crate) fn begin() -> Self {
        Self {
            begin: Instant::now(),
            steps: Vec::new(),
        }
    }

    /// Says that a step has just ended.
    pub(crate) fn step(&mut self, name: &'static str) {
        self.steps.push((name, self.begin.elapsed().as_micros()));
    }
}

/// One start of a package.
pub(crate) struct Start<'a> {
    /// The package.
    pub(crate) package: &'a Opened,
    /// How it was called.
    pub(crate) invocation: &'a Invocation,
    /// What the environment asks for.
    pub(crate) settings: &'a Settings,
    /// Where the time goes, for whoever wants to know.
    pub(crate) timeline: Option<Timeline>,
}

/// A filled workenv that this process may use.
pub(crate) struct Filled {
    /// The launch record.
    record: LaunchRecord<'static>,
    /// The right to run from the workenv.
    lease: Lease,
    /// The names of everything.
    pub(crate) paths: WorkenvPaths,
    /// This process filled it just now.
    pub(crate) fresh: bool,
}

/// How much of an unchanged workenv's package has to be looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// This very file was found to be the package.
    None,
    /// Its index block, by the seal.
    Index,
    /// Every byte of it.
    Whole,
}

impl Start<'_> {
    /// Starts the package; returns only where the program was waited for.
    pub(crate) fn run(mut self) -> Result<i32> {
        let filled = self.ready()?;
        let fresh = filled.fresh;
        match self.hand_over(filled)? {
            Started::Exited(code) => Ok(code),
            Started::Missing(error) if fresh => Err(error),
            Started::Missing(error) => {
                say(Detail::Info, || format!("filling again: {error}"));
                let filled = self.fill(true)?;
                match self.hand_over(filled)? {
                    Started::Exited(code) => Ok(code),
                    Started::Missing(error) => Err(error),
                }
            }
        }
    }

    /// Does everything but hand over to the program; whether that was a warm start, and where the time went.
    pub(crate) fn prepare(mut self) -> Result<(bool, Option<Timeline>)> {
        let filled = self.ready()?;
        self.compose(&filled)?;
        self.step("compose the command and the environment");
        Ok((!filled.fresh, self.timeline))
    }

    /// Fills the workenv anew, whatever is there.
    pub(crate) fn repair(self) -> Result<Filled> {
        self.refuse_while_filling()?;
        self.fill(true)
    }

    fn step(&mut self, name: &'static str) {
        if let Some(timeline) = &mut self.timeline {
            timeline.step(name);
        }
    }

    fn paths(&self, root: PathBuf) -> WorkenvPaths {
        WorkenvPaths::new(root, self.package.index.workenv_id())
    }

    /// A filled workenv.
    fn ready(&mut self) -> Result<Filled> {
        self.refuse_while_filling()?;
        if !self.settings.refill
            && let Some(root) = find_root(&self.locate()?)?
        {
            self.step("find the cache");
            let paths = self.paths(root);
            if let Some(filled) = self.find_filled(&paths)? {
                self.step("find the filled workenv");
                return Ok(filled);
            }
        }
        let filled = self.fill(self.settings.refill)?;
        self.step("fill the workenv");
        Ok(filled)
    }

    fn locate(&self) -> Result<PathBuf> {
        locate_root(|name| self.settings.variable(name))
    }

    /// A package that its own setup starts would wait for itself.
    fn refuse_while_filling(&self) -> Result<()> {
        let Some(filling) = self.settings.filling() else {
            return Ok(());
        };
        let id = self.package.index.workenv_id();
        let filling = filling.to_string_lossy();
        if filling.split(',').all(|other| other != id) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::RunCannotExecute,
            format!("the package is started by its own setup, which has to end first ({FILLING})"),
        )
        .with("id", id)
        .hint("let the setup command name the program that it means, such as {workenv}/bin/python"))
    }

    /// The warm path: where the file is known, nothing here writes, waits or parses the metadata.
    fn find_filled(&self, paths: &WorkenvPaths) -> Result<Option<Filled>> {
        let Some(lease) = Lease::take_existing(&paths.use_lock()) else {
            return Ok(None);
        };
        let Some(mut stored) = self.load(paths) else {
            return Ok(None);
        };
        match self.doubt(&stored.record) {
            Doubt::None => {}
            Doubt::Index => self.check_seal()?,
            Doubt::Whole => match FillLock::take_if_writable(&paths.fill_lock()) {
                Some(_lock) => {
                    // Somebody else may have changed everything meanwhile.
                    let Some(now) = self.load(paths) else {
                        return Ok(None);
                    };
                    stored = now;
                    self.check_again(&mut stored.record, paths)?;
                }
                // What is found cannot be remembered, and would have to be found again at every start.
                None if self.settings.recheck == Recheck::Always => {
                    verify_whole(&self.package.check()?)?;
                }
                None => self.check_seal()?,
            },
        }
        if stored.is_settled()
            && let Ok(_lock) = FillLock::take(&paths.fill_lock(), Patience::None)
            && let Err(error) = make_durable(paths, &mut stored.record)
        {
            say(Detail::Debug, || format!("not durable yet: {error}"));
        }
        Ok(Some(Filled {
            record: stored.record,
            lease,
            paths: paths.clone(),
            fresh: false,
        }))
    }

    fn check_seal(&self) -> Result<()> {
        self.package.check().map(|_| ())
    }

    fn load(&self, paths: &WorkenvPaths) -> Option<StoredRecord> {
        StoredRecord::load(paths)
            .filter(|stored| stored.serves(self.package, paths))
            .filter(|stored| stored.has_dev_slots_as(self.settings.dev))
    }

    /// A record that serves but for slots of developers, which cannot go while a program may need them.
    fn load_with_dev_slots(&self, paths: &WorkenvPaths) -> Result<Option<StoredRecord>> {
        let stored = StoredRecord::load(paths)
            .filter(|stored| stored.serves(self.package, paths) && !self.settings.dev);
        Ok(match Lease::claim_unused(&paths.use_lock())? {
            Some(_unused) => None,
            None => stored,
        })
    }

    /// What has to be looked at before a filled workenv may be used for this file.
    fn doubt(&self, record: &LaunchRecord<'_>) -> Doubt {
        let is_known = record.knows(&self.package.file.identity());
        // At lower levels something may have failed that is to be warned about each time.
        let is_proven = record.level >= Level::Standard.rank();
        if self.package.level == Level::None {
            return Doubt::Index;
        }
        match self.settings.recheck {
            Recheck::Always => Doubt::Whole,
            Recheck::Changed if !is_known => Doubt::Whole,
            Recheck::Changed | Recheck::Never if is_known && is_proven => Doubt::None,
            Recheck::Changed | Recheck::Never => Doubt::Index,
        }
    }

    /// Looks at everything that is in doubt, and remembers the file. Only for holders of the fill lock.
    fn check_again(&self, record: &mut LaunchRecord<'static>, paths: &WorkenvPaths) -> Result<()> {
        match self.doubt(record) {
            Doubt::None => return Ok(()),
            Doubt::Index => return self.check_seal(),
            Doubt::Whole => {}
        }
        let file = &self.package.file;
        let can_be_told = file.settle();
        verify_whole(&self.package.check()?)?;
        say(Detail::Info, || "the whole package was checked".to_owned());
        if let Some(identity) = file.unchanged_identity().filter(|_| can_be_told)
            && !record.knows(&identity)
        {
            record.remember(identity);
            if let Err(error) = store(paths, record) {
                say(Detail::Debug, || format!("to be checked again: {error}"));
            }
        }
        Ok(())
    }

    /// Fills the workenv, unless somebody else did in the meantime; with `force` in any case.
    fn fill(&self, force: bool) -> Result<Filled> {
        let package = self.package.check()?;
        let paths = self.paths(prepare_root(&self.locate()?)?);
        let lock = FillLock::take(&paths.fill_lock(), Patience::Wait)?;
        let existing = match self.load(&paths) {
            _ if force => None,
            None => self.load_with_dev_slots(&paths)?,
            found => found,
        };
        let fresh = existing.is_none();
        let record = match existing {
            Some(mut stored) => {
                self.check_again(&mut stored.record, &paths)?;
                stored.record
            }
            None => self.fill_locked(&package, &paths)?,
        };
        let lease = Lease::take(&paths.use_lock())?;
        drop(lock);
        Ok(Filled {
            record,
            lease,
            paths,
            fresh,
        })
    }

    fn fill_locked(
        &self,
        package: &Package<'_>,
        paths: &WorkenvPaths,
    ) -> Result<LaunchRecord<'static>> {
        let workenv = paths.workenv();
        Fill {
            package,
            paths,
            settings: self.settings,
            inherited: &self.invocation.environment,
            start: self.facts(workenv.as_os_str()),
        }
        .run()
    }

    fn facts<'w>(&'w self, workenv: &'w OsStr) -> environment_rules::Start<'w> {
        environment_rules::Start {
            workenv,
            command_name: self.invocation.command_name(),
            original_command: &self.invocation.original_command,
        }
    }

    fn hand_over(&self, filled: Filled) -> Result<Started> {
        let program = self.compose(&filled)?;
        say(Detail::Info, || {
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
        filled.lease.hand_on();
        let started = program.start(self.settings.wait)?;
        if matches!(started, Started::Exited(_)) {
            let Filled { paths, lease, .. } = filled;
            let ended = self
                .package
                .check()
                .and_then(|package| after_exit(&package, &paths, lease, self.settings.dev));
            // The program's own end is what counts.
            if let Err(error) = ended {
                report::late_failure(&error);
            }
        }
        Ok(started)
    }

    /// The program with everything it is started with.
    fn compose(&self, filled: &Filled) -> Result<Program> {
        let record = &filled.record;
        let lock = if record.per_start && !filled.fresh {
            let package = self.package.check()?;
            Some(refresh_per_start(
                &package,
                &filled.paths,
                self.settings.dev,
            )?)
        } else {
            None
        };
        let workenv = filled.paths.workenv();
        let expand = |template: &Template<'_>| template.expand(workenv.as_os_str());
        let program = record
            .argv
            .first()
            .map(|program| program.expand_path(workenv.as_os_str()));
        Ok(Program {
            argv: program
                .into_iter()
                .chain(record.argv.iter().skip(1).map(expand))
                .chain(self.invocation.arguments.iter().cloned())
                .collect(),
            environment: record.environment.compose(
                self.invocation.environment.iter().cloned(),
                NameCase::NATIVE,
                self.facts(workenv.as_os_str()),
            ),
            cwd: record
                .cwd
                .as_ref()
                .map(|cwd| PathBuf::from(cwd.expand_path(workenv.as_os_str()))),
            umask: record.umask,
            package: self.package.path.clone(),
            workenv,
            lock,
        })
    }
}
