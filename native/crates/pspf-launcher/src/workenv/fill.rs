//! Filling a workenv: once, by one process, completely or not at all.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use pspf_format::hex::Hex;
use pspf_format::metadata::Kept;
use pspf_format::{Error, ErrorKind, Result};

use super::after_setup::{self, Before, Things};
use super::config::{self, Shipped, shipped_by, take_over};
use super::extract_all::extract_all;
use super::record_file::{passes, store_fresh, write_file};
use super::setup::{SetupContext, create_directories, run_setup};
use crate::cache::{Application, Lease, WorkenvPaths, clear_except, clear_trash};
use crate::extract::{Existing, Extraction, MemberKind, MemberPath, Totals, check_slot, list_slot};
use crate::failure::{IoContext, io_error};
use crate::json::JsonObject;
use crate::level::Level;
use crate::package::{Contents, Package};
use crate::plan::{PlannedSlot, compile_record, in_order, plan_slots};
use crate::platform::{ContainedTree, Os, Platform, Tree};
use crate::report::{self, Detail, say};
use crate::rules::environment::NameCase;
use crate::rules::environment_rules::Start;
use crate::rules::placeholders::Placeholders;
use crate::rules::record::LaunchRecord;
use crate::rules::template::Template;
use crate::settings::{FILLING, Settings};
use crate::trusted_keys::fingerprint;
use crate::whole::{verify_launcher, verify_padding};

/// What a fill depends on. Whoever has one holds the fill lock.
pub(crate) struct Fill<'a> {
    /// The package.
    pub(crate) package: &'a Package<'a>,
    /// Where everything goes.
    pub(crate) paths: &'a WorkenvPaths,
    /// What the environment asks for.
    pub(crate) settings: &'a Settings,
    /// What the program will inherit, for setup commands.
    pub(crate) inherited: &'a [(OsString, OsString)],
    /// How the package was called, for setup commands.
    pub(crate) start: Start<'a>,
}

/// What a fill works with.
struct Work<'a> {
    json: &'a [u8],
    contents: &'a Contents<'a>,
    placeholders: &'a Placeholders<'a>,
    slots: &'a [PlannedSlot],
    /// No program runs from the workenv.
    unused: bool,
    /// The workenv was filled before: files that can be configured may be the user's by now, and stay.
    keep: Vec<MemberPath>,
    /// What the package brings that can be configured.
    shipped: &'a Shipped,
    /// Nothing was ever filled here.
    first: bool,
}

impl Fill<'_> {
    /// Fills the workenv, whatever is there. Gives the record, which is stored already.
    pub(crate) fn run(&self) -> Result<LaunchRecord<'static>> {
        let package = self.package;
        // A change from now on shows in what the system says about the file.
        let can_be_told = package.file.settle();
        let json = package.read_metadata()?;
        let contents = package.read_contents(&json)?;
        if package.level > Level::None {
            package.tolerate(verify_launcher(package, &contents))?;
            package.tolerate(verify_padding(package, &contents))?;
        }
        let placeholders = Placeholders::of(&contents);
        let slots = plan_slots(package, &contents, &placeholders, self.settings.dev)?;
        let mut record = compile_record(package, &contents, &placeholders, &slots)?;
        let shipped = shipped_by(package, &slots)?;

        let paths = self.paths;
        say(Detail::Info, || {
            format!("filling {}", paths.workenv().display())
        });
        // From here on the workenv is not complete, whatever happens.
        Os::remove_tree(&paths.launch_record()).context("remove", paths.launch_record())?;
        clear_trash(paths);
        let unused = Lease::claim_unused(&paths.use_lock())?.is_some();
        let first = !paths.shipped_config().exists();
        let work = Work {
            json: &json,
            contents: &contents,
            placeholders: &placeholders,
            slots: &slots,
            unused,
            keep: if first {
                Vec::new()
            } else {
                shipped.iter().map(|(path, _)| path.clone()).collect()
            },
            shipped: &shipped,
            first,
        };
        let replaceable = unused && work.keep.is_empty();
        if unused {
            clear_except(&paths.workenv(), &work.keep)?;
        }
        if replaceable {
            Os::remove_tree(&paths.records()).context("remove", paths.records())?;
        }
        let mut result = self.fill_cleared(&work, &mut record);
        if result.is_ok() {
            if can_be_told && package.level > Level::None {
                record.identities.extend(package.file.unchanged_identity());
            }
            result = store_fresh(paths, &mut record);
        }
        if result.is_err() && replaceable {
            // Leave nothing behind; should this fail as well, the next start clears it.
            let _ = Os::remove_tree(&paths.workenv());
            let _ = Os::remove_tree(&paths.records());
        }
        result.map(|()| record)
    }

    /// One step of `run`, split off so that its failure can be cleaned up.
    fn fill_cleared(&self, work: &Work<'_>, record: &mut LaunchRecord<'static>) -> Result<()> {
        let paths = self.paths;
        let metadata = &work.contents.metadata;
        create_private(&paths.records())?;
        create_private(&paths.workenv())?;
        create_private(&paths.staging())?;
        let mut tree = self.open_tree()?;
        let totals = self.extract(work, &mut tree)?;
        if work.first
            && let Some(application) = self.application(work)?
            && let Some(before) = application.before(paths.id())
        {
            take_over(&paths.of(before), &mut tree, work.shipped, paths)?;
        }
        let staging = paths.staging();
        Os::remove_tree(&staging).context("remove", staging)?;
        create_directories(metadata, work.placeholders, &mut tree)?;
        self.set_up(work, record, &mut tree)?;
        drop_failing_check(record, &paths.workenv());
        find_program_inside(record, &paths.workenv());
        write_file(&paths.records().join("package.json"), work.json)?;
        let info = self.info(work.contents, totals);
        write_file(&paths.records().join("info.json"), info.as_bytes())?;
        write_file(&paths.shipped_config(), &config::encode(work.shipped))?;
        match self.application(work)? {
            Some(application) => application.filled(paths, self.settings.keep),
            None => Ok(()),
        }
    }

    /// The versions of the application, which nobody else can change meanwhile; `None` where nothing proves that this is one
    /// of them. Never held while setup runs, which may start another version.
    fn application(&self, work: &Work<'_>) -> Result<Option<Application>> {
        if self.package.level < Level::Standard {
            return Ok(None);
        }
        let key = fingerprint(&self.package.index.public_key);
        Application::open(self.paths, &work.contents.metadata.package.name, &key)
    }

    fn open_tree(&self) -> Result<Tree> {
        let mut tree = Tree::open(&self.paths.workenv())?;
        tree.stage_in(&self.paths.staging());
        Ok(tree)
    }

    fn extract(&self, work: &Work<'_>, tree: &mut Tree) -> Result<Totals> {
        let _exact = Os::exact_modes();
        let mut extractions: Vec<Extraction> = in_order(work.slots)
            .filter(|slot| slot.at_fill())
            .map(|slot| slot.extraction.clone())
            .collect();
        if !work.unused {
            for extraction in &mut extractions {
                check_slot(&self.package.file, extraction)?;
                if extraction.existing == Existing::Replace {
                    extraction.existing = Existing::Swap;
                }
            }
        }
        let totals = self.extract_wanted(&extractions, tree, work)?;
        // What stays in the package is a part of it all the same.
        for slot in work.slots.iter().filter(|slot| !slot.at_fill()) {
            check_slot(&self.package.file, &slot.extraction)?;
        }
        Ok(totals)
    }

    fn extract_wanted(
        &self,
        extractions: &[Extraction],
        tree: &mut Tree,
        work: &Work<'_>,
    ) -> Result<Totals> {
        let file = &self.package.file;
        let name = &work.contents.metadata.package.name;
        let fresh = work.unused;
        match extract_all(file, extractions, tree, name, !fresh) {
            Ok(outcome) if !(fresh && outcome.clashed) => return Ok(outcome.totals),
            Ok(_) => {}
            Err(error) if fresh && extractions.len() > 1 && could_be_a_clash(&error) => {}
            Err(error) => return Err(error),
        }
        // Two slots want the same name: in the order of the slots the later one wins, so that the result never depends on
        // which thread was faster.
        clear_except(&self.paths.workenv(), &work.keep)?;
        create_private(&self.paths.workenv())?;
        *tree = self.open_tree()?;
        extract_all(file, extractions, tree, name, true).map(|outcome| outcome.totals)
    }

    /// Runs the setup commands and notes what they have made of the workenv.
    fn set_up(&self, work: &Work<'_>, record: &LaunchRecord<'_>, tree: &mut Tree) -> Result<()> {
        let commands = &work.contents.metadata.setup_commands;
        let before = if commands.is_empty() {
            None
        } else {
            Some(Before::look(tree)?)
        };
        let workenv = self.paths.workenv();
        let mut environment = record.environment.compose(
            self.inherited.iter().cloned(),
            NameCase::NATIVE,
            self.start,
        );
        environment.retain(|(name, _)| name != FILLING);
        environment.push((FILLING.into(), self.filling()));
        run_setup(&SetupContext {
            commands,
            placeholders: work.placeholders,
            package: &self.package.path,
            workenv: &workenv,
            environment: &environment,
            umask: record.umask,
        })?;
        self.remove_init_slots(work.slots, tree)?;
        let Some(before) = before else {
            return Ok(());
        };
        let mut noted = Things::new();
        if !work.unused {
            // What an earlier setup has made is still there.
            let earlier = fs::read(self.paths.after_setup());
            noted = after_setup::decode(&earlier.unwrap_or_default());
        }
        before.compare(tree, &mut noted)?;
        write_file(&self.paths.after_setup(), &after_setup::encode(&noted))
    }

    /// The ids of everything that is being filled, from the outermost package to this one.
    fn filling(&self) -> OsString {
        let mut ids = self.settings.filling().unwrap_or_default();
        if !ids.is_empty() {
            ids.push(",");
        }
        ids.push(self.paths.id());
        ids
    }

    /// `init` slots serve setup only. Their directories go too, where nothing else is in them.
    fn remove_init_slots(&self, slots: &[PlannedSlot], tree: &mut Tree) -> Result<()> {
        let is_over =
            |slot: &&PlannedSlot| slot.at_fill() && slot.policy.kept == Kept::UntilSetupEnds;
        for slot in slots.iter().filter(is_over) {
            let listed = list_slot(&self.package.file, &slot.extraction)?;
            for item in listed.iter().rev() {
                if item.kind == MemberKind::Directory {
                    tree.remove_empty_directory(&item.path)?;
                } else {
                    tree.remove(&item.path)?;
                    tree.remove_empty_parents(&item.path)?;
                }
            }
        }
        Ok(())
    }

    /// What people and `flavor workenv list` want to know.
    fn info(&self, contents: &Contents<'_>, totals: Totals) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        JsonObject::new()
            .text("package", &contents.metadata.package.name)
            .text("version", &contents.metadata.package.version)
            .text("id", self.paths.id())
            .text(
                "metadata_sha256",
                &Hex(&self.package.index.metadata_checksum).to_string(),
            )
            .text("package_path", &self.package.path.display().to_string())
            .number("package_size", self.package.file.length())
            .number("filled_at", now)
            .number("size_bytes", totals.bytes)
            .number("files", totals.files)
            .finish()
    }
}

/// A fill that does not pass its own check would be repeated at every start, so such a check is dropped.
fn drop_failing_check(record: &mut LaunchRecord<'_>, workenv: &Path) {
    let Some(check) = &record.cache_check else {
        return;
    };
    let file = check.file.expand_path(workenv.as_os_str());
    if !passes(Path::new(&file), &check.content, workenv) {
        let file = Path::new(&file).display();
        report::warning(&format!(
            "{file} is not what the package's cache_validation expects, even right after setup"
        ));
        record.cache_check = None;
    }
}

/// A program without a path that lies in the workenv is named by its path: should it be lost, the host's program of the same
/// name is not what was meant.
fn find_program_inside(record: &mut LaunchRecord<'static>, workenv: &Path) {
    let Some(named) = record.argv.first_mut() else {
        return;
    };
    if named.as_marked().contains(std::path::is_separator) {
        return;
    }
    let inside = record.environment.path_prefix.iter().find_map(|prefix| {
        let directory = prefix.expand_path(workenv.as_os_str());
        let path = Path::new(&directory).join(named.as_marked());
        let candidates = Os::executable_names(&path);
        let found = candidates
            .into_iter()
            .find(|path| Os::is_executable(path))?;
        let name = found.file_name()?.to_str()?;
        Some(format!("{}/{name}", prefix.as_marked()))
    });
    if let Some(inside) = inside {
        *named = Template::from_marked(inside);
    }
}

fn create_private(path: &Path) -> Result<()> {
    match Os::create_private_directory(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(io_error(error, "create", path))
        }
        _ => {
            Os::make_writable(path);
            Ok(())
        }
    }
}

/// Whether slots that get into each other's way could have caused this. One after the other they show what it really is.
fn could_be_a_clash(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::IoExists
            | ErrorKind::IoNotFound
            | ErrorKind::IoFailed
            | ErrorKind::ArchiveUnsafePath
            | ErrorKind::ArchiveBadEntry
    )
}
