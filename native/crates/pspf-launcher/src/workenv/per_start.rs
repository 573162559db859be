//! What is done at every start of packages that ask for it, and after their program.

use pspf_format::Result;
use pspf_format::metadata::{Extracted, Kept};

use super::extract_all::extract_all;
use crate::cache::{FillLock, Lease, Patience, WorkenvPaths};
use crate::extract::{Existing, Extraction, MemberKind, check_slot, list_slot};
use crate::failure::IoContext;
use crate::package::Package;
use crate::plan::{PlannedSlot, plan_slots};
use crate::platform::{ContainedTree, Os, Platform, Tree};
use crate::rules::placeholders::Placeholders;

/// Extracts the slots that are fresh at each start; whoever starts the program holds what this gives until then, so that no
/// other start changes them before. What a running program uses is replaced in one step, file by file.
pub(crate) fn refresh_per_start(
    package: &Package<'_>,
    paths: &WorkenvPaths,
    dev: bool,
) -> Result<FillLock> {
    let lock = FillLock::take(&paths.fill_lock(), Patience::Wait)?;
    with_slots(package, dev, |slots, name| {
        extract_where(package, paths, slots, name, PlannedSlot::at_each_start)
    })?;
    Ok(lock)
}

/// After a program that we waited for: temporary slots go, `shutdown` slots come.
pub(crate) fn after_exit(
    package: &Package<'_>,
    paths: &WorkenvPaths,
    lease: Lease,
    dev: bool,
) -> Result<()> {
    with_slots(package, dev, |slots, name| {
        let is_over = |slot: &PlannedSlot| slot.wanted && slot.policy.kept == Kept::UntilExit;
        let is_next =
            |slot: &PlannedSlot| slot.wanted && slot.policy.extracted == Extracted::AfterExit;
        if !slots.iter().any(|slot| is_over(slot) || is_next(slot)) {
            return Ok(());
        }
        let _lock = FillLock::take(&paths.fill_lock(), Patience::Wait)?;
        drop(lease);
        // Other programs may still need what is temporary.
        if let Some(_unused) = Lease::claim_unused(&paths.use_lock())? {
            remove_where(package, paths, slots, is_over)?;
        }
        extract_where(package, paths, slots, name, is_next)
    })
}

fn extract_where(
    package: &Package<'_>,
    paths: &WorkenvPaths,
    slots: &[PlannedSlot],
    name: &str,
    wanted: impl Fn(&PlannedSlot) -> bool,
) -> Result<()> {
    let extractions: Vec<Extraction> = slots
        .iter()
        .filter(|slot| wanted(slot))
        .map(|slot| Extraction {
            existing: Existing::Swap,
            ..slot.extraction.clone()
        })
        .collect();
    if extractions.is_empty() {
        return Ok(());
    }
    for extraction in &extractions {
        check_slot(&package.file, extraction)?;
    }
    let _exact = Os::exact_modes();
    let staging = paths.staging();
    // What a start that was killed has left.
    Os::remove_tree(&staging).context("remove", &staging)?;
    Os::create_private_directory(&staging).context("create", &staging)?;
    let mut tree = Tree::open(&paths.workenv())?;
    tree.stage_in(&staging);
    let extracted = extract_all(&package.file, &extractions, &mut tree, name, true);
    Os::remove_tree(&staging).context("remove", &staging)?;
    extracted.map(drop)
}

fn remove_where(
    package: &Package<'_>,
    paths: &WorkenvPaths,
    slots: &[PlannedSlot],
    unwanted: impl Fn(&PlannedSlot) -> bool,
) -> Result<()> {
    let mut tree = Tree::open(&paths.workenv())?;
    for slot in slots.iter().filter(|slot| unwanted(slot)) {
        for item in list_slot(&package.file, &slot.extraction)?.iter().rev() {
            if item.kind == MemberKind::Directory {
                tree.remove_empty_directory(&item.path)?;
            } else {
                tree.remove(&item.path)?;
            }
        }
    }
    Ok(())
}

fn with_slots(
    package: &Package<'_>,
    dev: bool,
    act: impl FnOnce(&[PlannedSlot], &str) -> Result<()>,
) -> Result<()> {
    let json = package.read_metadata()?;
    let contents = package.read_contents(&json)?;
    let placeholders = Placeholders::of(&contents);
    let slots = plan_slots(package, &contents, &placeholders, dev)?;
    act(&slots, &contents.metadata.package.name)
}
