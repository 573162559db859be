//! The completion record on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use pspf_format::Result;

use crate::cache::WorkenvPaths;
use crate::failure::IoContext;
use crate::package::Opened;
use crate::platform::{Os, Platform};
use crate::rules::record::{DevSlots, Durability, LaunchRecord};
use crate::rules::template::WORKENV_MARK;

/// No record of a real package comes near this, in bytes.
const MAX_RECORD: u64 = 32 * 1024 * 1024;
/// After this long, the system has usually written everything to the disk by itself, so that making sure of it costs little.
const SETTLED: Duration = Duration::from_secs(60);

/// A record that was read.
#[derive(Debug)]
pub(crate) struct StoredRecord {
    /// What it says.
    pub(crate) record: LaunchRecord<'static>,
    /// The file that it was read from.
    file: u128,
    /// When it was written.
    written: Option<SystemTime>,
}

impl StoredRecord {
    /// Reads the record of a workenv; `None` if there is none that can be read.
    pub(crate) fn load(paths: &WorkenvPaths) -> Option<Self> {
        let mut bytes = Vec::new();
        let file = File::open(paths.launch_record()).ok()?;
        let facts = Os::identity(&file).ok()?;
        bytes.reserve_exact(
            usize::try_from(facts.size.min(MAX_RECORD))
                .ok()?
                .saturating_add(1),
        );
        (&file).take(MAX_RECORD).read_to_end(&mut bytes).ok()?;
        // Needed until the program takes over, or this process ends.
        let record = LaunchRecord::parse(bytes.leak())?;
        let is_bound = record.durability != Durability::Durable;
        Some(Self {
            record,
            file: facts.file,
            written: is_bound
                .then(|| file.metadata().ok()?.modified().ok())
                .flatten(),
        })
    }

    /// Whether the record belongs to this package, was made at least as strictly, still counts, and its workenv is still
    /// there.
    pub(crate) fn serves(&self, package: &Opened, paths: &WorkenvPaths) -> bool {
        let record = &self.record;
        let workenv = paths.workenv();
        record.index_digest == package.index_digest
            && record.level >= package.level.rank()
            && self.counts()
            && workenv.is_dir()
            && record.cache_check.as_ref().is_none_or(|check| {
                let file = check.file.expand_path(workenv.as_os_str());
                passes(Path::new(&file), &check.content, &workenv)
            })
            && record.argv.iter().skip(1).all(|argument| {
                // A host program that runs a packaged script would only fail later, and less clearly.
                !is_plain_path(argument.as_marked())
                    || Path::new(&argument.expand_path(workenv.as_os_str())).exists()
            })
    }

    /// Whether the slots for developers are there if they are wanted, and are not if not.
    pub(crate) fn has_dev_slots_as(&self, wanted: bool) -> bool {
        match self.record.dev {
            DevSlots::None => true,
            DevSlots::Left => !wanted,
            DevSlots::Extracted => wanted,
        }
    }

    /// Whether everything that it speaks of can be believed to be there.
    fn counts(&self) -> bool {
        match self.record.durability {
            Durability::Durable => true,
            Durability::Until { boot, file } => file != self.file || Os::boot_id() == Some(boot),
        }
    }

    /// Whether it is time to make sure that everything stays through a power cut.
    pub(crate) fn is_settled(&self) -> bool {
        self.written
            .and_then(|written| written.elapsed().ok())
            .is_some_and(|age| age > SETTLED)
    }
}

/// An argument that is nothing but a path in the workenv.
fn is_plain_path(marked: &str) -> bool {
    marked
        .strip_prefix(WORKENV_MARK)
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|rest| {
            !rest.is_empty() && !rest.contains([WORKENV_MARK, ':', '*', '?', '=', ','])
        })
}

/// `cache_validation`: the file exists, and holds what it should; blanks around the content do not count.
pub(super) fn passes(file: &Path, expected: &str, workenv: &Path) -> bool {
    if !file.starts_with(workenv) {
        return false;
    }
    if expected.is_empty() {
        return file.exists();
    }
    let mut content = Vec::new();
    let limit = (expected.len() as u64).saturating_add(4096);
    let read = File::open(file).and_then(|file| file.take(limit).read_to_end(&mut content));
    read.is_ok() && content.trim_ascii() == expected.as_bytes().trim_ascii()
}

/// Writes the record of a workenv that was just filled. It counts at once, and after a power cut only where the content had
/// reached the disk: nobody waits for that here.
pub(super) fn store_fresh(paths: &WorkenvPaths, record: &mut LaunchRecord<'_>) -> Result<()> {
    match Os::boot_id() {
        Some(boot) => record.durability = Durability::Until { boot, file: 0 },
        None => Os::make_durable(&paths.workenv()).context("write to disk", paths.workenv())?,
    }
    store(paths, record)
}

/// Writes the record anew, so that it is there completely or not at all.
pub(crate) fn store(paths: &WorkenvPaths, record: &mut LaunchRecord<'_>) -> Result<()> {
    let temporary = paths.records().join("launch.tmp");
    let mut file = create(&temporary)?;
    if let Durability::Until { file: written, .. } = &mut record.durability {
        *written = Os::identity(&file).context("look at", &temporary)?.file;
    }
    file.write_all(&record.encode())
        .context("write", &temporary)?;
    if record.durability == Durability::Durable {
        file.sync_all().context("write to disk", &temporary)?;
    }
    drop(file);
    let path = paths.launch_record();
    fs::rename(&temporary, &path).context("rename", &temporary)?;
    if record.durability == Durability::Durable {
        Os::sync_name(&path).context("write to disk", &path)?;
    }
    Ok(())
}

/// Makes everything that a record speaks of stay through a power cut, and then says so.
pub(crate) fn make_durable(paths: &WorkenvPaths, record: &mut LaunchRecord<'_>) -> Result<()> {
    for directory in [paths.workenv(), paths.records()] {
        Os::make_durable(&directory).context("write to disk", directory)?;
    }
    record.durability = Durability::Durable;
    store(paths, record)
}

/// Replaces a small file of ours.
pub(super) fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = create(&temporary)?;
    file.write_all(content).context("write", &temporary)?;
    drop(file);
    fs::rename(&temporary, path).context("rename", &temporary)
}

fn create(path: &Path) -> Result<File> {
    Os::open_private(
        OpenOptions::new().write(true).create(true).truncate(true),
        path,
    )
    .context("create", path)
}
