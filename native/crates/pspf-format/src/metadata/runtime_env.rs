//! What happens to the inherited environment.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::fields::{StringMap, object, optional, string_map, texts};
use crate::error::Result;
use crate::json_reader::JsonReader;

/// The rules of `runtime.env`, applied to the inherited environment in this order.
#[derive(Debug, Default)]
pub struct RuntimeEnv<'a> {
    /// Names or patterns that `unset` and `map` leave alone.
    pub pass: Vec<Cow<'a, str>>,
    /// Names or patterns to remove.
    pub unset: Vec<Cow<'a, str>>,
    /// New names by old name.
    pub map: StringMap<'a>,
    /// Values by name.
    pub set: StringMap<'a>,
}

impl RuntimeEnv<'_> {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.pass.is_empty() && self.unset.is_empty() && self.map.is_empty() && self.set.is_empty()
    }
}

/// Reads `runtime`, of which only `env` means anything.
pub(super) fn parse<'a>(reader: &mut JsonReader<'a>) -> Result<RuntimeEnv<'a>> {
    let mut rules = None;
    object(reader, |reader, key| {
        match key {
            "env" => rules = optional(reader, parse_env)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(rules.unwrap_or_default())
}

fn parse_env<'a>(reader: &mut JsonReader<'a>) -> Result<RuntimeEnv<'a>> {
    let mut rules = RuntimeEnv::default();
    object(reader, |reader, key| {
        match key {
            "pass" => rules.pass = texts(reader)?,
            "unset" => rules.unset = texts(reader)?,
            "map" => rules.map = string_map(reader)?.unwrap_or_default(),
            "set" => rules.set = string_map(reader)?.unwrap_or_default(),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(rules)
}
