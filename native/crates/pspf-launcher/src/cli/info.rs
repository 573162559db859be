//! `info` and `metadata`.

use std::fmt::Write as _;

use pspf_format::Result;
use pspf_format::hex::Hex;

use super::Request;
use crate::json::{JsonObject, array};
use crate::package::{Contents, Package};
use crate::report;
use crate::trusted_keys::fingerprint;

/// Says what the package is. What fails to verify is an error here as well.
pub(super) fn info(request: &Request<'_>) -> Result<i32> {
    let [] = request.exactly()?;
    let package = &request.package.check()?;
    let json = package.read_metadata()?;
    let contents = package.read_contents(&json)?;
    request.answer(
        || as_json(package, &contents),
        || as_text(package, &contents),
    )
}

/// The signed document, byte for byte.
pub(super) fn metadata(request: &Request<'_>) -> Result<i32> {
    let json = request.package.check()?.read_metadata()?;
    report::output_bytes(&json).map(|()| 0)
}

fn as_json(package: &Package<'_>, contents: &Contents<'_>) -> String {
    let metadata = &contents.metadata;
    let described = metadata
        .slots
        .iter()
        .zip(&contents.table)
        .zip(&contents.slots);
    let slots = described.map(|((slot, descriptor), checked)| {
        JsonObject::new()
            .number("slot", slot.slot)
            .text("id", &slot.id)
            .text("target", &slot.target)
            .number("size", descriptor.stored.size)
            .text("operations", &checked.chain.to_string())
            .text("lifecycle", &slot.lifecycle_word)
            .finish()
    });
    JsonObject::new()
        .text("package", &metadata.package.name)
        .text("version", &metadata.package.version)
        .text("id", &package.index.workenv_id())
        .number("size", package.file.length())
        .flag("sealed", package.is_sealed())
        .text("public_key", &Hex(&package.index.public_key).to_string())
        .text("fingerprint", &fingerprint_of(package))
        .text("level", package.level.word())
        .text("launcher", crate::version())
        .text("command", &metadata.execution.command)
        .raw("slots", &array(slots))
        .finish()
}

fn as_text(package: &Package<'_>, contents: &Contents<'_>) -> String {
    let metadata = &contents.metadata;
    let mut text = String::new();
    let built = metadata.build.as_ref().map_or_else(String::new, |build| {
        format!("{} {}", build.tool, build.tool_version)
    });
    for (name, value) in [
        (
            "Package",
            format!("{} {}", metadata.package.name, metadata.package.version),
        ),
        (
            "Size",
            format!(
                "{} bytes, {} slots",
                package.file.length(),
                contents.table.len()
            ),
        ),
        (
            "Seal",
            if package.is_sealed() {
                "sealed"
            } else {
                "not sealed"
            }
            .to_owned(),
        ),
        ("Key", fingerprint_of(package)),
        ("Built by", built),
        ("Launcher", crate::version().to_owned()),
        ("Command", metadata.execution.command.to_string()),
    ] {
        let _ = writeln!(text, "{name:<9} {value}");
    }
    for ((slot, descriptor), checked) in metadata
        .slots
        .iter()
        .zip(&contents.table)
        .zip(&contents.slots)
    {
        let _ = writeln!(
            text,
            "Slot {:<4} {} ({}, {} bytes)",
            slot.slot, slot.id, checked.chain, descriptor.stored.size
        );
    }
    text
}

fn fingerprint_of(package: &Package<'_>) -> String {
    Hex(&fingerprint(&package.index.public_key)).to_string()
}
