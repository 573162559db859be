//! `verify`: everything that can be wrong with a package, and with what was unpacked from it.

use std::fs;

use pspf_format::metadata::Kept;
use pspf_format::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};

use super::Request;
use super::cache::paths_of;
use crate::cache::WorkenvPaths;
use crate::extract::{Listed, MemberKind, list_slot};
use crate::json::{JsonObject, array};
use crate::package::{Contents, Package};
use crate::plan::{PlannedSlot, in_order, plan_slots};
use crate::platform::{ContainedTree, Tree};
use crate::report;
use crate::rules::placeholders::Placeholders;
use crate::whole::{verify_frames, verify_launcher, verify_padding};
use crate::workenv::{Kind, Thing, Things, declared_directories, decode_setup};

/// A check and what came of it.
struct Check {
    name: String,
    failure: Option<Error>,
}

impl Check {
    fn new(name: impl Into<String>, result: Result<()>) -> Self {
        Self {
            name: name.into(),
            failure: result.err(),
        }
    }

    /// One line for people.
    fn line(&self) -> String {
        match &self.failure {
            None => format!("ok    {}\n", self.name),
            Some(error) => format!("FAIL  {}: {error} [{}]\n", self.name, error.code()),
        }
    }

    /// One object for programs.
    fn json(&self) -> String {
        let object = JsonObject::new()
            .text("name", &self.name)
            .flag("ok", self.failure.is_none());
        match &self.failure {
            None => object.finish(),
            Some(error) => object
                .text("code", error.code())
                .text("message", &error.to_string())
                .finish(),
        }
    }
}

/// Checks the whole package; the index, the seal and the key were checked when it was opened.
pub(super) fn verify(request: &Request<'_>) -> Result<i32> {
    let with_cache = request.arguments.iter().any(|word| word == "--cache");
    if request.arguments.iter().any(|word| word != "--cache") {
        return Err(request.misused());
    }
    let package = &request.package.check()?;
    let mut checks = vec![Check::new("index block", Ok(()))];
    let seal = if package.is_sealed() {
        "seal"
    } else {
        "seal (the package has none)"
    };
    checks.push(Check::new(seal, Ok(())));
    match package.read_metadata() {
        Err(error) => checks.push(Check::new("metadata", Err(error))),
        Ok(json) => {
            checks.push(Check::new("metadata digest and signature", Ok(())));
            match package.read_contents(&json) {
                Err(error) => checks.push(Check::new("slot table", Err(error))),
                Ok(contents) => {
                    verify_contents(request, package, &contents, with_cache, &mut checks)?;
                }
            }
        }
    }
    let failed = checks.iter().find_map(|check| check.failure.as_ref());
    let code = failed.map_or(0, |error| i32::from(error.exit_code()));
    request.answer(
        || {
            let list = array(checks.iter().map(Check::json));
            JsonObject::new()
                .flag("valid", code == 0)
                .raw("checks", &list)
                .finish()
        },
        || checks.iter().map(Check::line).collect(),
    )?;
    Ok(code)
}

fn verify_contents(
    request: &Request<'_>,
    package: &Package<'_>,
    contents: &Contents<'_>,
    with_cache: bool,
    checks: &mut Vec<Check>,
) -> Result<()> {
    checks.push(Check::new("slot table", Ok(())));
    let placeholders = Placeholders::of(contents);
    let slots = plan_slots(package, contents, &placeholders, request.settings.dev)?;
    let mut lists = Vec::new();
    for slot in in_order(&slots) {
        let extraction = &slot.extraction;
        let listed = list_slot(&package.file, extraction)
            .and_then(|listed| verify_frames(package, extraction).map(|()| listed));
        let name = format!("slot {} ({})", slot.number, extraction.id);
        match listed {
            Ok(listed) => {
                lists.push((slot, listed));
                checks.push(Check::new(name, Ok(())));
            }
            Err(error) => checks.push(Check::new(name, Err(error))),
        }
    }
    let launcher = verify_launcher(package, contents);
    checks.push(Check::new("launcher", package.tolerate(launcher)));
    if package.is_sealed() {
        let padding = verify_padding(package, contents);
        checks.push(Check::new("padding", package.tolerate(padding)));
    }
    if with_cache {
        let paths = paths_of(request)?;
        let mut expected = Expected::default();
        for (slot, listed) in &lists {
            expected.add_slot(slot, listed);
        }
        for directory in declared_directories(&contents.metadata, &placeholders)? {
            expected.add_own_directory(directory.as_bytes());
        }
        checks.extend(verify_workenv(&paths, expected)?);
    }
    Ok(())
}

/// What should lie in a workenv.
#[derive(Default)]
struct Expected {
    things: Things,
    /// Directories in which the program may do what it likes.
    own: Vec<Vec<u8>>,
}

impl Expected {
    fn add_slot(&mut self, slot: &PlannedSlot, listed: &[Listed]) {
        if !slot.wanted || slot.policy.kept == Kept::UntilSetupEnds {
            return;
        }
        let stays =
            slot.policy.kept == Kept::WithWorkenv && slot.at_fill() && !slot.at_each_start();
        for item in listed.iter().filter(|item| !item.path.is_root()) {
            let path = item.path.as_bytes();
            if stays {
                self.add_parents(path);
                let thing = self.thing_of(item);
                self.things.insert(path.to_vec(), thing);
            } else {
                // The user's, or different from start to start.
                let beside = [path, b".new"].concat();
                for path in parents(path).chain([path, &beside]) {
                    let thing = Thing::just(Kind::Free);
                    self.things.entry(path.to_vec()).or_insert(thing);
                }
            }
        }
    }

    fn thing_of(&self, item: &Listed) -> Thing {
        let original = self.things.get(&item.link);
        match (item.kind, original) {
            (MemberKind::HardLink, Some(original)) => original.clone(),
            (MemberKind::Symlink, _) => Thing {
                digest: Some(Sha256::digest(&item.link).into()),
                ..Thing::just(Kind::Symlink)
            },
            (kind, _) => Thing {
                kind: Kind::from(Some(kind)),
                mode: item.mode,
                digest: item.sha256,
            },
        }
    }

    /// Directories that nobody names: their mode is ours.
    fn add_parents(&mut self, path: &[u8]) {
        for parent in parents(path) {
            let thing = self
                .things
                .entry(parent.to_vec())
                .or_insert(Thing::just(Kind::Free));
            if thing.kind == Kind::Free {
                thing.kind = Kind::Directory;
                thing.mode = ANY_MODE;
            }
        }
    }

    fn add_own_directory(&mut self, path: &[u8]) {
        self.add_parents(&[path, b"/"].concat());
        self.own.push([path, b"/"].concat());
    }

    /// What setup has made of it counts.
    fn add_setup(&mut self, noted: Things) {
        for (path, thing) in noted {
            if thing.kind != Kind::Gone {
                self.add_parents(&path);
            }
            let known = self.things.entry(path).or_insert(Thing::just(Kind::Gone));
            if known.kind != Kind::Free {
                *known = thing;
            }
        }
    }

    fn is_own(&self, path: &[u8]) -> bool {
        self.own.iter().any(|own| path.starts_with(own))
    }
}

/// The directories above a path.
fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes.filter_map(|(at, _)| path.get(..at))
}

/// Stands for a mode that nobody has named.
const ANY_MODE: u32 = u32::MAX;

/// Compares the whole tree with what should be there.
fn verify_workenv(paths: &WorkenvPaths, mut expected: Expected) -> Result<Vec<Check>> {
    if !paths.launch_record().exists() {
        let error = Error::new(
            ErrorKind::CacheNotFound,
            "the package is not unpacked in the cache",
        );
        return Ok(vec![Check::new("workenv", Err(error))]);
    }
    if let Ok(noted) = fs::read(paths.after_setup()) {
        expected.add_setup(decode_setup(&noted));
    }
    let mut tree = Tree::open(&paths.workenv())?;
    let mut checks = Vec::new();
    let entries = tree.entries()?;
    let count = entries.len();
    let changed = |how: &'static str| Error::new(ErrorKind::VerifySlotDigest, how);
    let mut complain = |path: &[u8], error: Error| {
        checks.push(Check::new(String::from_utf8_lossy(path), Err(error)));
    };
    for entry in &entries {
        let wanted = expected.things.remove(&entry.path);
        let wanted = wanted.unwrap_or(Thing::just(Kind::Gone));
        if wanted.kind == Kind::Free || expected.is_own(&entry.path) {
            continue;
        }
        let found = Thing::of(entry, &mut tree)?;
        if wanted.kind == Kind::Gone {
            complain(&entry.path, changed("it was added"));
        } else if found.kind != wanted.kind {
            complain(&entry.path, changed("it is something else than it was"));
        } else if wanted.digest.is_some() && found.digest != wanted.digest {
            complain(&entry.path, changed("its content was changed"));
        } else if is_other_mode(&found, &wanted) {
            let error = changed("its mode was changed")
                .with("expected", format_args!("{:04o}", wanted.mode))
                .with("actual", format_args!("{:04o}", found.mode));
            complain(&entry.path, error);
        }
    }
    for (path, thing) in &expected.things {
        if !matches!(thing.kind, Kind::Free | Kind::Gone) && !expected.is_own(path) {
            complain(path, changed("it is missing"));
        }
    }
    if checks.is_empty() {
        checks.push(Check::new(format!("workenv ({count} entries)"), Ok(())));
    } else {
        report::say(report::Detail::Info, || {
            format!(
                "{} differences in {}",
                checks.len(),
                paths.workenv().display()
            )
        });
    }
    Ok(checks)
}

/// The mode of a link means nothing, and where files have none, every file has the same.
fn is_other_mode(found: &Thing, wanted: &Thing) -> bool {
    found.kind != Kind::Symlink
        && wanted.mode != ANY_MODE
        && found.mode != ANY_MODE
        && found.mode != wanted.mode
}
