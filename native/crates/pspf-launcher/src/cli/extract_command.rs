//! `extract`.

use std::path::Path;

use pspf_format::{Error, ErrorKind, Result};

use super::Words;
use crate::extract::{Extraction, Tree, extract_slot};
use crate::failure::IoContext;
use crate::json::JsonObject;
use crate::package::Package;
use crate::plan::{ARCH, DevSlots, OS, plan_slots};
use crate::platform::ExactModes;
use crate::rules::names::Names;

/// Unpacks one slot, whatever its lifecycle, into a directory.
pub(super) fn extract(package: &Package, words: &Words) -> Result<u8> {
    let [slot, directory] = words.exactly("extract SLOT DIRECTORY [--json]")?;
    let wanted = slot.to_str().unwrap_or_default();
    let json = package.read_metadata()?;
    let contents = package.read_contents(&json)?;
    let names = Names::new(&contents.metadata, &contents.slots, OS, ARCH);
    let slots = plan_slots(package, &contents, &names, DevSlots(true))?;
    let number = wanted.parse().ok();
    let found = slots
        .iter()
        .find(|slot| slot.extraction.id == wanted)
        .or_else(|| slots.iter().find(|slot| Some(slot.number) == number));
    let Some(found) = found else {
        let ids: Vec<_> = slots
            .iter()
            .map(|slot| slot.extraction.id.as_str())
            .collect();
        return Err(Error::new(
            ErrorKind::UsageBadArgument,
            format!("the package has no slot {}", slot.display()),
        )
        .hint(format!("it has {}", ids.join(", "))));
    };
    let directory = Path::new(directory);
    extract_into(package, &found.extraction, directory)?;
    words
        .answer(
            || {
                JsonObject::new()
                    .number("slot", found.number)
                    .text("id", &found.extraction.id)
                    .text("directory", &directory.display().to_string())
                    .finish()
            },
            || {
                format!(
                    "unpacked slot {} ({}) into {}\n",
                    found.number,
                    found.extraction.id,
                    directory.display()
                )
            },
        )
        .map(|()| 0)
}

fn extract_into(package: &Package, slot: &Extraction, directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory).context("create", directory)?;
    let directory = directory.canonicalize().context("resolve", directory)?;
    let _exact = ExactModes::begin();
    let mut tree = Tree::open(&directory)?;
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(3);
    extract_slot(&package.file, slot, &mut tree, threads)?;
    let modes = tree.take_pending();
    tree.apply_modes(&modes)
}
