//! The completion record on disk.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

use pspf_format::Result;

use crate::cache::Layout;
use crate::failure::IoContext;
use crate::package::Package;
use crate::platform;
use crate::rules::record::LaunchRecord;

/// No record of a real package comes near this, in bytes.
const MAX_RECORD: u64 = 32 * 1024 * 1024;

/// Reads the record as it is; `None` if there is none.
pub(crate) fn load_record(layout: &Layout) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(layout.launch_record()).ok()?;
    let length = file.metadata().ok()?.len();
    bytes.reserve_exact(
        usize::try_from(length.min(MAX_RECORD))
            .ok()?
            .saturating_add(1),
    );
    file.take(MAX_RECORD).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Whether a record belongs to this package, was made at least as strictly, and its workenv is still there.
pub(crate) fn is_still_good(record: &LaunchRecord<'_>, package: &Package, workenv: &Path) -> bool {
    record.index_digest == package.index_digest
        && record.metadata_digest == package.index.metadata_checksum
        && record.level >= package.level.rank()
        && workenv.is_dir()
        && record.cache_check.as_ref().is_none_or(|check| {
            passes(
                Path::new(&check.file.expand(workenv.as_os_str())),
                &check.content,
                workenv,
            )
        })
        && record.argv.iter().skip(1).all(|argument| {
            // A host program that runs a packaged script would only fail later, and less clearly.
            is_plain_path(argument.as_marked())
                .is_none_or(|_| Path::new(&argument.expand(workenv.as_os_str())).exists())
        })
}

/// An argument that is nothing but a path in the workenv.
fn is_plain_path(marked: &str) -> Option<&str> {
    let rest = marked
        .strip_prefix(crate::rules::template::WORKENV_MARK)?
        .strip_prefix('/')?;
    let plain = !rest.is_empty()
        && !rest.contains([
            crate::rules::template::WORKENV_MARK,
            ':',
            '*',
            '?',
            '=',
            ',',
        ]);
    plain.then_some(rest)
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

/// Writes the record so that it is there completely or not at all, and stays through a power cut.
pub(crate) fn store_record(layout: &Layout, record: &[u8]) -> Result<()> {
    let records = layout.records();
    let temporary = records.join("launch.tmp");
    write_new(&temporary, record)?;
    fs::rename(&temporary, layout.launch_record()).context("rename", &temporary)?;
    platform::sync_directory(&records).context("write to disk", &records)
}

/// Replaces a small file of ours.
pub(super) fn write_file(directory: &Path, name: &str, content: &[u8]) -> Result<()> {
    let path = directory.join(OsStr::new(name));
    let temporary = directory.join(format!("{name}.tmp"));
    write_new(&temporary, content)?;
    fs::rename(&temporary, &path).context("rename", &temporary)
}

fn write_new(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = platform::open_private(
        OpenOptions::new().write(true).create(true).truncate(true),
        path,
    )
    .context("create", path)?;
    file.write_all(content).context("write", path)?;
    file.sync_all().context("write to disk", path)
}
