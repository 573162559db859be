//! `verify`: everything that can be wrong with a package, and with what was unpacked from it.

use std::io::{self, Read};

use pspf_format::hex::Hex;
use pspf_format::{Error, ErrorKind, Result, Section};
use sha2::{Digest, Sha256};

use super::Words;
use super::check::Check;
use crate::cache::{CacheRoot, Layout, locate_root};
use crate::extract::{Listed, MemberKind, Tree, list_slot};
use crate::failure::IoContext;
use crate::json::{JsonObject, array};
use crate::package::{Contents, Package};
use crate::plan::{ARCH, OS, PlannedSlot, plan_slots};
use crate::rules::names::Names;
use crate::settings::Settings;

/// Checks the whole package; the index, the seal and the key were checked when it was opened.
pub(super) fn verify(package: &Package, words: &Words, settings: &Settings) -> Result<u8> {
    let with_cache = words.words.iter().any(|word| word == "--cache");
    if words.words.iter().any(|word| word != "--cache") {
        return Err(Error::new(
            ErrorKind::UsageBadArgument,
            "the command needs other arguments",
        )
        .hint("usage: verify [--cache] [--json]"));
    }
    let mut checks = vec![Check::new("index block", Ok(()))];
    checks.push(Check::new(
        if package.is_sealed() {
            "seal"
        } else {
            "seal (the package has none)"
        },
        Ok(()),
    ));
    match package.read_metadata() {
        Err(error) => checks.push(Check::new("metadata", Err(error))),
        Ok(json) => {
            checks.push(Check::new("metadata digest and signature", Ok(())));
            match package.read_contents(&json) {
                Err(error) => checks.push(Check::new("slot table", Err(error))),
                Ok(contents) => {
                    verify_contents(package, &contents, settings, with_cache, &mut checks)?;
                }
            }
        }
    }
    let failed = checks.iter().find_map(Check::failure).map(Error::exit_code);
    words.answer(
        || {
            let list = array(checks.iter().map(Check::json));
            JsonObject::new()
                .flag("valid", failed.is_none())
                .raw("checks", &list)
                .finish()
        },
        || checks.iter().map(Check::line).collect(),
    )?;
    Ok(failed.unwrap_or(0))
}

fn verify_contents(
    package: &Package,
    contents: &Contents<'_>,
    settings: &Settings,
    with_cache: bool,
    checks: &mut Vec<Check>,
) -> Result<()> {
    checks.push(Check::new("slot table", Ok(())));
    let names = Names::new(&contents.metadata, &contents.slots, OS, ARCH);
    let slots = plan_slots(package, contents, &names, settings.dev)?;
    let mut tree = if with_cache {
        open_cache(package, settings, checks)?
    } else {
        None
    };
    for slot in &slots {
        let listed = list_slot(&package.file, &slot.extraction);
        if let (Ok(listed), Some(tree)) = (&listed, &mut tree) {
            verify_files(slot, listed, tree, checks);
        }
        checks.push(Check::new(
            format!("slot {} ({})", slot.number, slot.extraction.id),
            listed.map(drop),
        ));
    }
    checks.push(Check::new("launcher", verify_launcher(package, contents)));
    if package.is_sealed() {
        checks.push(Check::new("padding", verify_padding(package, contents)));
    }
    Ok(())
}

/// The launcher's digest, as the seal and the document have it.
fn verify_launcher(package: &Package, contents: &Contents<'_>) -> Result<()> {
    let actual = digest_of(package, package.index.launcher())?;
    let sealed = package.seal.as_ref().map(|seal| seal.launcher_digest);
    let described = contents
        .metadata
        .launcher
        .as_ref()
        .and_then(pspf_format::metadata::LauncherInfo::digest);
    match sealed
        .into_iter()
        .chain(described)
        .find(|expected| *expected != actual)
    {
        None => Ok(()),
        Some(expected) => Err(Error::new(
            ErrorKind::VerifyLauncherDigest,
            "the launcher is not the one that was signed",
        )
        .with("expected", Hex(&expected))
        .with("actual", Hex(&actual))),
    }
}

fn digest_of(package: &Package, section: Section) -> Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    let mut reader = package.file.region(section.offset, section.size);
    let mut chunk = [0; 16 * 1024];
    loop {
        let count = reader.read(&mut chunk).context("read", &package.path)?;
        if count == 0 {
            return Ok(hasher.finalize().into());
        }
        hasher.update(chunk.get(..count).unwrap_or_default());
    }
}

/// Between the sections of a sealed package lies nothing but zeros.
fn verify_padding(package: &Package, contents: &Contents<'_>) -> Result<()> {
    let sections = pspf_format::agreement::sections(&package.index, &contents.table);
    for gap in pspf_format::agreement::gaps(&sections, package.index.data_end())? {
        let mut reader = package.file.region(gap.offset, gap.size);
        let mut bytes = Vec::new();
        reader
            .by_ref()
            .take(1 << 20)
            .read_to_end(&mut bytes)
            .context("read", &package.path)?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Err(Error::new(
                ErrorKind::FormatBadPadding,
                "bytes between the sections are not zero",
            )
            .with("offset", gap.offset)
            .with("size", gap.size));
        }
    }
    Ok(())
}

fn open_cache(
    package: &Package,
    settings: &Settings,
    checks: &mut Vec<Check>,
) -> Result<Option<Tree>> {
    let root = CacheRoot::existing(&locate_root(|name| settings.variable(name))?)?;
    let layout = root.map(|root| Layout::new(root.resolved, package.index.workenv_id()));
    let filled = layout.filter(|layout| layout.launch_record().exists());
    if let Some(layout) = filled {
        return Tree::open(&layout.workenv()).map(Some);
    }

    let error = Error::new(
        ErrorKind::CacheNotFound,
        "the package is not unpacked in the cache",
    );
    checks.push(Check::new("cache", Err(error)));
    Ok(None)
}

/// Compares what a slot put into the workenv with what is there now, as far as its lifecycle says that it stays.
fn verify_files(slot: &PlannedSlot, listed: &[Listed], tree: &mut Tree, checks: &mut Vec<Check>) {
    use pspf_format::metadata::Lifecycle::{Config, Init, Shutdown, Startup, Temp, Volatile};
    if !slot.wanted
        || matches!(
            slot.lifecycle,
            Init | Config | Shutdown | Startup | Temp | Volatile
        )
    {
        return;
    }
    for item in listed {
        let result = verify_file(item, tree);
        if result.is_err() {
            checks.push(Check::new(format!("file {}", item.path.display()), result));
        }
    }
}

fn verify_file(item: &Listed, tree: &mut Tree) -> Result<()> {
    let changed = |how: &'static str| Error::new(ErrorKind::VerifySlotDigest, how);
    match item.kind {
        MemberKind::File => {
            let mut file = tree
                .open_file(&item.path)?
                .ok_or_else(|| changed("the file is missing"))?;
            let mut hasher = HashWriter(Sha256::new());
            io::copy(&mut file, &mut hasher).context("read", tree.path_of(&item.path))?;
            let actual: [u8; 32] = hasher.0.finalize().into();
            if item.sha256 == Some(actual) {
                Ok(())
            } else {
                Err(changed("the file was changed"))
            }
        }
        MemberKind::Symlink => {
            let found = tree.read_link(&item.path)?;
            if found.as_deref() == Some(item.link.as_slice()) {
                Ok(())
            } else {
                Err(changed("the link is missing or was changed"))
            }
        }
        MemberKind::Directory | MemberKind::HardLink => {
            if item.path.is_root() || tree.mode_of(&item.path)?.is_some() {
                Ok(())
            } else {
                Err(changed("it is missing"))
            }
        }
    }
}

struct HashWriter(Sha256);

impl io::Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
