//! What is done at every start of packages that ask for it, and after their program.

use pspf_format::Result;
use pspf_format::metadata::Lifecycle;

use super::extract_all::extract_all;
use crate::cache::{FillLock, Layout, Patience};
use crate::extract::{Extraction, MemberKind, Tree, check_slot, list_slot};
use crate::package::Package;
use crate::plan::{ARCH, DevSlots, OS, PlannedSlot, plan_slots};
use crate::platform::ExactModes;
use crate::rules::names::Names;

/// Extracts the slots that are fresh at each start. What a running program still has open keeps its old content.
pub(crate) fn refresh_per_start(package: &Package, layout: &Layout, dev: DevSlots) -> Result<()> {
    extract_where(package, layout, dev, |slot| {
        slot.at_each_start() || (slot.wanted && slot.lifecycle == Lifecycle::Dev)
    })
}

/// After a program that we waited for: temporary slots go, `shutdown` slots come.
pub(crate) fn after_exit(package: &Package, layout: &Layout, dev: DevSlots) -> Result<()> {
    remove_temporary(package, layout, dev)?;
    extract_where(package, layout, dev, |slot| {
        slot.wanted && slot.lifecycle == Lifecycle::Shutdown
    })
}

fn extract_where(
    package: &Package,
    layout: &Layout,
    dev: DevSlots,
    wanted: impl Fn(&PlannedSlot) -> bool,
) -> Result<()> {
    with_slots(package, dev, |slots, name| {
        let extractions: Vec<&Extraction> = slots
            .iter()
            .filter(|slot| wanted(slot))
            .map(|slot| &slot.extraction)
            .collect();
        if extractions.is_empty() {
            return Ok(());
        }
        for extraction in &extractions {
            check_slot(&package.file, extraction)?;
        }
        let _lock = FillLock::take(&layout.fill_lock(), Patience::Wait)?;
        let _exact = ExactModes::begin();
        let mut tree = Tree::open(&layout.workenv())?;
        extract_all(&package.file, &extractions, &mut tree, name, true).map(drop)
    })
}

fn remove_temporary(package: &Package, layout: &Layout, dev: DevSlots) -> Result<()> {
    with_slots(package, dev, |slots, _| {
        let temporary =
            |slot: &&PlannedSlot| matches!(slot.lifecycle, Lifecycle::Temp | Lifecycle::Volatile);
        let mut tree = Tree::open(&layout.workenv())?;
        for slot in slots.iter().filter(temporary) {
            for item in list_slot(&package.file, &slot.extraction)?.iter().rev() {
                if item.kind == MemberKind::Directory {
                    tree.remove_empty_directory(&item.path)?;
                } else {
                    tree.remove(&item.path)?;
                }
            }
        }
        Ok(())
    })
}

fn with_slots(
    package: &Package,
    dev: DevSlots,
    act: impl FnOnce(&[PlannedSlot], &str) -> Result<()>,
) -> Result<()> {
    let json = package.read_metadata()?;
    let contents = package.read_contents(&json)?;
    let names = Names::new(&contents.metadata, &contents.slots, OS, ARCH);
    let slots = plan_slots(package, &contents, &names, dev)?;
    act(&slots, &contents.metadata.package.name)
}
