//! The metadata document: the signed description of a package.

mod build_info;
mod execution;
mod fields;
mod lifecycle;
mod runtime_env;
mod setup_command;
mod slot_metadata;
mod workenv_rules;

use alloc::borrow::Cow;
use alloc::vec::Vec;

pub use build_info::{BuildInfo, LauncherInfo};
pub use execution::Execution;
pub use fields::StringMap;
pub use lifecycle::{Extracted, Kept, Lifecycle, Policy, Wanted};
pub use runtime_env::RuntimeEnv;
pub use setup_command::SetupCommand;
pub use slot_metadata::SlotMetadata;
pub use workenv_rules::{CacheValidation, WorkenvDirectory, WorkenvRules};

use crate::constants::FORMAT_NAME;
use crate::error::Result;
use crate::json_reader::JsonReader;
use fields::{list, object, optional, required, text};

/// The metadata document of any known builder, borrowed from its JSON where that is possible.
///
/// What one builder leaves out or writes as `null` gets its documented default. A wrong type is an
/// error, and so is whatever two readers could understand differently. Unknown keys are ignored.
/// Maps are sorted by name, so that the order in which a builder happened to write them has no
/// effect.
#[derive(Debug, Default)]
pub struct Metadata<'a> {
    /// Who the package is.
    pub package: PackageInfo<'a>,
    /// The slots, in the order of the slot table.
    pub slots: Vec<SlotMetadata<'a>>,
    /// How the application is started.
    pub execution: Execution<'a>,
    /// What happens to the inherited environment.
    pub runtime_env: RuntimeEnv<'a>,
    /// How the workenv is prepared.
    pub workenv: WorkenvRules<'a>,
    /// A check that decides whether a filled workenv is still good.
    pub cache_validation: Option<CacheValidation<'a>>,
    /// Commands that run once after extraction.
    pub setup_commands: Vec<SetupCommand<'a>>,
    /// What built the package.
    pub build: Option<BuildInfo<'a>>,
    /// The launcher that was packed.
    pub launcher: Option<LauncherInfo<'a>>,
    /// Whether the document says that its package is sealed.
    pub claims_seal: bool,
}

/// Who a package is.
#[derive(Debug, Default)]
pub struct PackageInfo<'a> {
    /// Name of the application.
    pub name: Cow<'a, str>,
    /// Version of the application.
    pub version: Cow<'a, str>,
}

impl<'a> Metadata<'a> {
    /// Reads the uncompressed document.
    pub fn parse(json: &'a [u8]) -> Result<Self> {
        let mut reader = JsonReader::new(json)?;
        let mut metadata = Self::default();
        let (mut format, mut package) = (None, None);
        reader.object(&mut |reader, key| {
            match key {
                "format" => format = optional(reader, JsonReader::string)?,
                "package" => package = optional(reader, parse_package)?,
                _ => metadata.read_section(reader, key)?,
            }
            Ok(())
        })?;
        metadata.package = required(&reader, package, "package")?;
        if required(&reader, format, "format")? != FORMAT_NAME {
            return Err(reader
                .error("the metadata describes another format")
                .with("expected", FORMAT_NAME));
        }
        reader.finish()?;
        Ok(metadata)
    }

    fn read_section(&mut self, reader: &mut JsonReader<'a>, key: &str) -> Result<()> {
        match key {
            "format_version" => drop(text(reader)?),
            "slots" => {
                self.slots = list(reader, slot_metadata::parse)?;
            }
            "execution" => self.execution = optional(reader, execution::parse)?.unwrap_or_default(),
            "runtime" => {
                self.runtime_env = optional(reader, runtime_env::parse)?.unwrap_or_default();
            }
            "workenv" => self.workenv = optional(reader, workenv_rules::parse)?.unwrap_or_default(),
            "cache_validation" => {
                self.cache_validation = optional(reader, workenv_rules::parse_cache_validation)?;
            }
            "setup_commands" => {
                self.setup_commands = list(reader, setup_command::parse)?;
            }
            "build" => self.build = optional(reader, build_info::parse_build)?,
            "launcher" => self.launcher = optional(reader, build_info::parse_launcher)?,
            "verification" => drop(optional(reader, build_info::check_verification)?),
            "compatibility" => {
                self.claims_seal =
                    optional(reader, build_info::parse_seal_claim)?.unwrap_or_default();
            }
            "custom" => drop(optional(reader, |reader| {
                object(reader, |reader, _| reader.skip())
            })?),
            _ => reader.skip()?,
        }
        Ok(())
    }

    /// The slot that `{primary}` stands for, if there is one.
    pub fn primary_slot(&self) -> Option<&SlotMetadata<'a>> {
        self.slots
            .iter()
            .find(|slot| slot.slot == self.execution.primary_slot)
    }
}

fn parse_package<'a>(reader: &mut JsonReader<'a>) -> Result<PackageInfo<'a>> {
    let (mut name, mut version) = (None, None);
    object(reader, |reader, key| {
        match key {
            "name" => name = optional(reader, JsonReader::string)?,
            "version" => version = optional(reader, JsonReader::string)?,
            "description" => drop(text(reader)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(PackageInfo {
        name: required(reader, name, "name")?,
        version: required(reader, version, "version")?,
    })
}
