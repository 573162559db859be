//! How the workenv is prepared, and how a filled one is judged.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::fields::{StringMap, list, object, optional, required, string_map, text};
use crate::error::Result;
use crate::json_reader::JsonReader;

/// How the workenv is prepared.
#[derive(Debug, Default)]
pub struct WorkenvRules<'a> {
    /// Directories to create.
    pub directories: Vec<WorkenvDirectory<'a>>,
    /// Environment variables, with placeholders.
    pub env: StringMap<'a>,
    /// Octal umask for setup and the program.
    pub umask: Option<Cow<'a, str>>,
}

/// A directory to create in the workenv.
#[derive(Debug, Default)]
pub struct WorkenvDirectory<'a> {
    /// Path, usually beginning with `{workenv}/`.
    pub path: Cow<'a, str>,
    /// Octal permission bits; 0700 where they are absent.
    pub mode: Option<Cow<'a, str>>,
}

/// A check that decides whether a filled workenv is still good.
#[derive(Debug, Default)]
pub struct CacheValidation<'a> {
    /// A file in the workenv.
    pub check_file: Cow<'a, str>,
    /// What it has to contain. Where it is empty, the file only has to exist.
    pub expected_content: Cow<'a, str>,
}

pub(super) fn parse<'a>(reader: &mut JsonReader<'a>) -> Result<WorkenvRules<'a>> {
    let mut rules = WorkenvRules::default();
    object(reader, |reader, key| {
        match key {
            "directories" => rules.directories = list(reader, |reader, _| parse_directory(reader))?,
            "env" => rules.env = string_map(reader)?.unwrap_or_default(),
            "umask" => rules.umask = optional(reader, JsonReader::string)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(rules)
}

pub(super) fn parse_cache_validation<'a>(
    reader: &mut JsonReader<'a>,
) -> Result<CacheValidation<'a>> {
    let mut check = CacheValidation::default();
    object(reader, |reader, key| {
        match key {
            "check_file" => check.check_file = text(reader)?,
            "expected_content" => check.expected_content = text(reader)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(check)
}

fn parse_directory<'a>(reader: &mut JsonReader<'a>) -> Result<WorkenvDirectory<'a>> {
    let (mut path, mut mode) = (None, None);
    object(reader, |reader, key| {
        match key {
            "path" => path = optional(reader, JsonReader::string)?,
            "mode" => mode = optional(reader, JsonReader::string)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(WorkenvDirectory {
        path: required(reader, path, "path")?,
        mode,
    })
}
