//! Filling a workenv: once, by one process, completely or not at all.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use pspf_format::hex::Hex;
use pspf_format::metadata::Lifecycle;
use pspf_format::{Error, ErrorKind, Result};

use super::clear::clear_except;
use super::extract_all::extract_all;
use super::setup::{SetupContext, create_directories, run_setup};
use super::store::{is_still_good, load_record, passes, store_record, write_file};
use crate::cache::{CacheRoot, FillLock, Layout, Lease, Patience, clear_trash};
use crate::compile::compile_record;
use crate::extract::{
    Existing, Extraction, MemberKind, MemberPath, Totals, Tree, check_slot, list_slot,
};
use crate::failure::IoContext;
use crate::json::JsonObject;
use crate::log::{self, Detail};
use crate::package::{Contents, Package};
use crate::plan::{ARCH, DevSlots, OS, PlannedSlot, plan_slots};
use crate::platform::{self, ExactModes};
use crate::report;
use crate::rules::environment_rules::Start;
use crate::rules::names::Names;
use crate::rules::record::LaunchRecord;

/// A filled workenv that this process may use.
#[derive(Debug)]
pub(crate) struct Filled {
    /// The launch record.
    pub(crate) record: Vec<u8>,
    /// The right to run from the workenv.
    pub(crate) lease: Lease,
    /// The names of everything.
    pub(crate) layout: Layout,
    /// This process filled it just now.
    pub(crate) fresh: bool,
}

/// What a fill depends on.
pub(crate) struct Fill<'a> {
    /// The package.
    pub(crate) package: &'a Package,
    /// Where the cache is, as the environment names it.
    pub(crate) root: &'a Path,
    /// What the program will inherit, for setup commands.
    pub(crate) inherited: &'a [(OsString, OsString)],
    /// Base name of the package as invoked.
    pub(crate) command_name: &'a std::ffi::OsStr,
    /// `argv[0]` as typed.
    pub(crate) original_command: &'a std::ffi::OsStr,
    /// Whether slots for developers are wanted.
    pub(crate) dev: DevSlots,
    /// Fill again, even if there is a record.
    pub(crate) force: bool,
}

/// What a fill finds when it begins.
struct Ground<'a> {
    layout: &'a Layout,
    /// No program runs from the workenv.
    unused: bool,
    /// Files that stay: the user's, by now.
    keep: BTreeSet<MemberPath>,
}

impl Fill<'_> {
    /// Fills the workenv unless somebody else just did.
    pub(crate) fn run(&self) -> Result<Filled> {
        let root = CacheRoot::prepare(self.root)?;
        let layout = Layout::new(root.resolved, self.package.index.workenv_id());
        let lock = FillLock::take(&layout.fill_lock(), Patience::Wait)?;
        let existing =
            load_record(&layout).filter(|bytes| !self.force && self.accepts(bytes, &layout));
        let (record, fresh) = match existing {
            Some(record) => (record, false),
            None => (self.fill(&layout)?, true),
        };
        let lease = Lease::take(&layout.use_lock())?;
        drop(lock);
        Ok(Filled {
            record,
            lease,
            layout,
            fresh,
        })
    }

    fn accepts(&self, record: &[u8], layout: &Layout) -> bool {
        LaunchRecord::parse(record)
            .is_some_and(|record| is_still_good(&record, self.package, &layout.workenv()))
    }

    fn fill(&self, layout: &Layout) -> Result<Vec<u8>> {
        let json = self.package.read_metadata()?;
        let contents = self.package.read_contents(&json)?;
        let names = Names::new(&contents.metadata, &contents.slots, OS, ARCH);
        let slots = plan_slots(self.package, &contents, &names, self.dev)?;
        let record = compile_record(self.package, &contents, &names, &slots)?;

        log::say(Detail::Info, || {
            format!("filling {}", layout.workenv().display())
        });
        // From here on the workenv is not complete, whatever happens.
        platform::remove_tree(&layout.launch_record()).context("remove", layout.launch_record())?;
        clear_trash(layout);
        let unused = Lease::claim_unused(&layout.use_lock())?.is_some();
        let ground = Ground {
            layout,
            unused,
            keep: if layout.records().join(SETTLED).exists() {
                self.files_to_keep(&slots)?
            } else {
                BTreeSet::new()
            },
        };
        let replaceable = unused && ground.keep.is_empty();
        if unused {
            clear_except(&layout.workenv(), &ground.keep)?;
        }
        if replaceable {
            platform::remove_tree(&layout.records()).context("remove", layout.records())?;
        }
        let result = self.fill_cleared(&ground, &json, &contents, &names, &slots, record);
        if result.is_err() && replaceable {
            // Leave nothing behind; should this fail as well, the next start clears it.
            let _ = platform::remove_tree(&layout.workenv());
            let _ = platform::remove_tree(&layout.records());
        }
        result
    }

    /// One step of `fill`, split off so that its failure can be cleaned up.
    fn fill_cleared(
        &self,
        ground: &Ground<'_>,
        json: &[u8],
        contents: &Contents<'_>,
        names: &Names<'_>,
        slots: &[PlannedSlot],
        mut record: LaunchRecord<'static>,
    ) -> Result<Vec<u8>> {
        let layout = ground.layout;
        let workenv = layout.workenv();
        create_private(&layout.records())?;
        let mut tree = open_tree(layout)?;
        let totals = self.extract(slots, contents, &mut tree, ground)?;
        create_directories(&contents.metadata, names, &mut tree)?;
        let environment = record.environment.compose(
            self.inherited.iter().cloned(),
            crate::rules::environment::NameCase::NATIVE,
            Start {
                workenv: workenv.as_os_str(),
                command_name: self.command_name,
                original_command: self.original_command,
            },
        );
        run_setup(&SetupContext {
            commands: &contents.metadata.setup_commands,
            names,
            workenv: &workenv,
            environment: &environment,
            umask: record.umask,
        })?;
        self.remove_init_slots(slots, &mut tree)?;
        drop_failing_check(&mut record, &workenv);
        platform::sync_file_system(&workenv).context("write to disk", &workenv)?;
        write_file(&layout.records(), "package.json", json)?;
        let info = self.info(contents, layout, totals);
        write_file(&layout.records(), "info.json", info.as_bytes())?;
        write_file(&layout.records(), SETTLED, b"")?;
        let record = record.encode();
        store_record(layout, &record)?;
        Ok(record)
    }

    fn extract(
        &self,
        slots: &[PlannedSlot],
        contents: &Contents<'_>,
        tree: &mut Tree,
        ground: &Ground<'_>,
    ) -> Result<Totals> {
        let _exact = ExactModes::begin();
        let mut wanted: Vec<&PlannedSlot> = slots.iter().filter(|slot| slot.at_fill()).collect();
        wanted.sort_by_key(|slot| slot.lifecycle != Lifecycle::Eager);
        let extractions: Vec<&Extraction> = wanted.iter().map(|slot| &slot.extraction).collect();
        let name = &contents.metadata.package.name;
        if !ground.unused {
            for extraction in &extractions {
                check_slot(&self.package.file, extraction)?;
            }
        }
        let staging = ground.layout.records().join(STAGING);
        let uses_staging = wanted
            .iter()
            .any(|slot| slot.extraction.existing == Existing::Keep);
        if uses_staging {
            create_private(&staging)?;
        }
        let totals = self.extract_wanted(&extractions, tree, ground, name)?;
        if uses_staging {
            platform::remove_tree(&staging).context("remove", &staging)?;
        }
        Ok(totals)
    }

    fn extract_wanted(
        &self,
        extractions: &[&Extraction],
        tree: &mut Tree,
        ground: &Ground<'_>,
        name: &str,
    ) -> Result<Totals> {
        let fresh = ground.unused;
        match extract_all(&self.package.file, extractions, tree, name, !fresh) {
            Ok(outcome) if !(fresh && outcome.clashed) => return Ok(outcome.totals),
            Ok(_) => {}
            Err(error) if fresh && extractions.len() > 1 && could_be_a_clash(&error) => {}
            Err(error) => return Err(error),
        }
        // Two slots want the same name: in the order of the slots the later one wins, so that the result never depends on
        // which thread was faster.
        clear_except(&ground.layout.workenv(), &ground.keep)?;
        *tree = open_tree(ground.layout)?;
        extract_all(&self.package.file, extractions, tree, name, true).map(|outcome| outcome.totals)
    }

    /// Files of `config` slots from a fill that was completed: they may be the user's by now.
    fn files_to_keep(&self, slots: &[PlannedSlot]) -> Result<BTreeSet<MemberPath>> {
        let mut keep = BTreeSet::new();
        for slot in slots
            .iter()
            .filter(|slot| slot.lifecycle == Lifecycle::Config)
        {
            let listed = list_slot(&self.package.file, &slot.extraction)?;
            keep.extend(
                listed
                    .into_iter()
                    .filter(|item| item.kind != MemberKind::Directory)
                    .map(|item| item.path),
            );
        }
        Ok(keep)
    }

    /// `init` slots serve setup only. Their directories go too, where nothing else is in them.
    fn remove_init_slots(&self, slots: &[PlannedSlot], tree: &mut Tree) -> Result<()> {
        for slot in slots
            .iter()
            .filter(|slot| slot.at_fill() && slot.lifecycle == Lifecycle::Init)
        {
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
    fn info(&self, contents: &Contents<'_>, layout: &Layout, totals: Totals) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        JsonObject::new()
            .text("package", &contents.metadata.package.name)
            .text("version", &contents.metadata.package.version)
            .text("id", layout.id())
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

/// Says that a fill was completed at least once, so that `config` files in the workenv are whole.
const SETTLED: &str = "settled";
/// Where files of `config` slots are written: under its name a half-written one would count as the user's at the next fill.
const STAGING: &str = "staging";

/// The workenv, opened to be filled.
fn open_tree(layout: &Layout) -> Result<Tree> {
    let workenv = layout.workenv();
    create_private(&workenv)?;
    let mut tree = Tree::open(&workenv)?;
    tree.stage_in(&layout.records().join(STAGING));
    Ok(tree)
}

/// A fill that does not pass its own check would be repeated at every start, so such a check is dropped.
fn drop_failing_check(record: &mut LaunchRecord<'_>, workenv: &Path) {
    let Some(check) = &record.cache_check else {
        return;
    };
    let file = check.file.expand(workenv.as_os_str());
    if !passes(Path::new(&file), &check.content, workenv) {
        let file = Path::new(&file).display();
        report::warning(&format!(
            "{file} is not what the package's cache_validation expects, even right after setup"
        ));
        record.cache_check = None;
    }
}

fn create_private(path: &Path) -> Result<()> {
    match platform::create_private_directory(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(crate::failure::io_error(error, "create", path))
        }
        _ => {
            platform::make_writable(path);
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
