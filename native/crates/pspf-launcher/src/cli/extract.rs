//! `extract`.

use std::path::Path;

use pspf_format::{Error, ErrorKind, Result};

use super::Request;
use crate::extract::{Extraction, extract_slot};
use crate::failure::IoContext;
use crate::json::JsonObject;
use crate::package::Package;
use crate::plan::plan_slots;
use crate::platform::{ContainedTree, Os, Platform, Tree};
use crate::rules::placeholders::Placeholders;

/// Unpacks one slot, whatever its lifecycle, into a directory.
pub(super) fn extract(request: &Request<'_>) -> Result<i32> {
    let [slot, directory] = request.exactly()?;
    let wanted = slot.to_str().unwrap_or_default();
    let package = request.package.check()?;
    let json = package.read_metadata()?;
    let contents = package.read_contents(&json)?;
    let placeholders = Placeholders::of(&contents);
    let slots = plan_slots(&package, &contents, &placeholders, true)?;
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
    extract_into(&package, &found.extraction, directory)?;
    let shown = directory.display();
    request.answer(
        || {
            JsonObject::new()
                .number("slot", found.number)
                .text("id", &found.extraction.id)
                .text("directory", &shown.to_string())
                .finish()
        },
        || {
            let id = &found.extraction.id;
            format!("unpacked slot {} ({id}) into {shown}\n", found.number)
        },
    )
}

fn extract_into(package: &Package<'_>, slot: &Extraction, directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory).context("create", directory)?;
    let _exact = Os::exact_modes();
    let mut tree = Tree::open(directory)?;
    extract_slot(&package.file, slot, &mut tree, Os::cores())?;
    let modes = tree.take_pending();
    tree.finish(&modes)
}
