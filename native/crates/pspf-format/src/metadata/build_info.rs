//! Where a package came from. Shown to people; only the launcher's checksum decides anything.

use alloc::borrow::Cow;

use super::fields::{flag, object, optional, text, texts};
use crate::constants::{DIGEST_SIZE, SEAL_FEATURE};
use crate::error::Result;
use crate::hex::parse_checksum;
use crate::json_reader::JsonReader;

/// What built the package.
#[derive(Debug, Default)]
pub struct BuildInfo<'a> {
    /// Name of the builder.
    pub tool: Cow<'a, str>,
    /// Its version.
    pub tool_version: Cow<'a, str>,
    /// ISO 8601 time.
    pub timestamp: Cow<'a, str>,
}

/// The launcher that was packed.
#[derive(Debug, Default)]
pub struct LauncherInfo<'a> {
    /// Name of the launcher.
    pub tool: Cow<'a, str>,
    /// Its version.
    pub tool_version: Cow<'a, str>,
    /// Length in bytes.
    pub size: u64,
    /// `sha256:` and 64 digits; the Python builder repeats the prefix.
    pub checksum: Cow<'a, str>,
    /// `sha256:` and 64 digits over the source that it was built from, where its marker says so.
    pub source: Cow<'a, str>,
}

impl LauncherInfo<'_> {
    /// The launcher's SHA-256, if one is recorded.
    pub fn digest(&self) -> Option<[u8; DIGEST_SIZE]> {
        parse_checksum(&self.checksum)
    }
}

pub(super) fn parse_build<'a>(reader: &mut JsonReader<'a>) -> Result<BuildInfo<'a>> {
    let mut build = BuildInfo::default();
    object(reader, |reader, key| {
        match key {
            "tool" => build.tool = text(reader)?,
            "tool_version" => build.tool_version = text(reader)?,
            "timestamp" => build.timestamp = text(reader)?,
            "deterministic" => drop(flag(reader)?),
            "platform" => drop(optional(reader, check_platform)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(build)
}

pub(super) fn parse_launcher<'a>(reader: &mut JsonReader<'a>) -> Result<LauncherInfo<'a>> {
    let mut launcher = LauncherInfo::default();
    object(reader, |reader, key| {
        match key {
            "tool" => launcher.tool = text(reader)?,
            "tool_version" => launcher.tool_version = text(reader)?,
            "size" => launcher.size = optional(reader, JsonReader::integer)?.unwrap_or_default(),
            "checksum" => launcher.checksum = text(reader)?,
            "source" => launcher.source = text(reader)?,
            "capabilities" => drop(texts(reader)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(launcher)
}

/// Checks the types in `verification`, which says nothing that we do not demand anyway.
pub(super) fn check_verification(reader: &mut JsonReader<'_>) -> Result<()> {
    object(reader, |reader, key| match key {
        "integrity_seal" => optional(reader, check_integrity_seal).map(drop),
        "signed" | "require_verification" => flag(reader).map(drop),
        _ => reader.skip(),
    })
}

/// Reads whether `compatibility` announces a seal, and checks its types.
pub(super) fn parse_seal_claim(reader: &mut JsonReader<'_>) -> Result<bool> {
    let mut claims_seal = false;
    object(reader, |reader, key| {
        match key {
            "min_format_version" => drop(text(reader)?),
            "features" => {
                claims_seal = texts(reader)?.iter().any(|feature| feature == SEAL_FEATURE);
            }
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(claims_seal)
}

fn check_integrity_seal(reader: &mut JsonReader<'_>) -> Result<()> {
    object(reader, |reader, key| match key {
        "required" => flag(reader).map(drop),
        "algorithm" => text(reader).map(drop),
        _ => reader.skip(),
    })
}

fn check_platform(reader: &mut JsonReader<'_>) -> Result<()> {
    object(reader, |reader, key| match key {
        "os" | "arch" | "host" => text(reader).map(drop),
        _ => reader.skip(),
    })
}
