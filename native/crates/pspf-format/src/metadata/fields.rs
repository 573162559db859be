//! The kinds of values that the document is made of. `null` counts as absent everywhere.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::error::{Error, Result};
use crate::json_reader::JsonReader;

/// Texts by name, sorted by name.
pub type StringMap<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

pub(super) fn object<'a>(
    reader: &mut JsonReader<'a>,
    mut visit: impl FnMut(&mut JsonReader<'a>, &str) -> Result<()>,
) -> Result<()> {
    reader.object(&mut visit)
}

/// A value, unless it is `null`.
pub(super) fn optional<'a, T>(
    reader: &mut JsonReader<'a>,
    parse: impl FnOnce(&mut JsonReader<'a>) -> Result<T>,
) -> Result<Option<T>> {
    if reader.null() {
        Ok(None)
    } else {
        parse(reader).map(Some)
    }
}

/// A text, empty where it is `null`.
pub(super) fn text<'a>(reader: &mut JsonReader<'a>) -> Result<Cow<'a, str>> {
    Ok(optional(reader, JsonReader::string)?.unwrap_or_default())
}

/// A truth value, false where it is `null`.
pub(super) fn flag(reader: &mut JsonReader<'_>) -> Result<bool> {
    Ok(optional(reader, JsonReader::boolean)?.unwrap_or_default())
}

/// A list, empty where it is `null`. The element's position goes to `parse`.
pub(super) fn list<'a, T>(
    reader: &mut JsonReader<'a>,
    parse: impl Fn(&mut JsonReader<'a>, u64) -> Result<T>,
) -> Result<Vec<T>> {
    let mut items = Vec::new();
    if !reader.null() {
        reader.array(&mut |reader| {
            let position = u64::try_from(items.len()).unwrap_or(u64::MAX);
            items.push(parse(reader, position)?);
            Ok(())
        })?;
    }
    Ok(items)
}

/// A list of texts, empty where it is `null`.
pub(super) fn texts<'a>(reader: &mut JsonReader<'a>) -> Result<Vec<Cow<'a, str>>> {
    list(reader, |reader, _| reader.string())
}

/// Texts by name, `None` where it is `null`.
pub(super) fn string_map<'a>(reader: &mut JsonReader<'a>) -> Result<Option<StringMap<'a>>> {
    optional(reader, |reader| {
        let mut map = StringMap::new();
        object(reader, |reader, name| {
            map.push((Cow::Owned(name.into()), reader.string()?));
            Ok(())
        })?;
        map.sort_unstable();
        Ok(map)
    })
}

/// A value that no default can stand in for.
pub(super) fn required<T>(
    reader: &JsonReader<'_>,
    value: Option<T>,
    key: &'static str,
) -> Result<T, Error> {
    value.ok_or_else(|| {
        reader
            .error("the metadata lacks a required value")
            .with("missing", key)
    })
}
