//! How the application is started.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::fields::{StringMap, object, optional, string_map, text, texts};
use crate::error::Result;
use crate::json_reader::JsonReader;

/// How the application is started.
#[derive(Debug, Default)]
pub struct Execution<'a> {
    /// The slot that `{primary}` means.
    pub primary_slot: u64,
    /// The command line, to be split like a shell does.
    pub command: Cow<'a, str>,
    /// The command, already split. Wins over `command`.
    pub argv: Option<Vec<Cow<'a, str>>>,
    /// Arguments that come before the user's.
    pub args: Vec<Cow<'a, str>>,
    /// Working directory; the caller's where it is absent.
    pub cwd: Option<Cow<'a, str>>,
    /// `env`, or `environment` where a builder knows only that.
    pub env: StringMap<'a>,
}

pub(super) fn parse<'a>(reader: &mut JsonReader<'a>) -> Result<Execution<'a>> {
    let mut execution = Execution::default();
    let (mut env, mut environment) = (None, None);
    object(reader, |reader, key| {
        match key {
            "primary_slot" => {
                execution.primary_slot = optional(reader, JsonReader::integer)?.unwrap_or_default();
            }
            "command" => execution.command = text(reader)?,
            "argv" => {
                execution.argv = optional(reader, texts)?;
            }
            "args" => execution.args = texts(reader)?,
            "cwd" => execution.cwd = optional(reader, JsonReader::string)?,
            "env" => env = string_map(reader)?,
            "environment" => environment = string_map(reader)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    execution.env = env.or(environment).unwrap_or_default();
    Ok(execution)
}
