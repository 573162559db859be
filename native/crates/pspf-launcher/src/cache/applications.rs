//! What outlives a version: which packages of one application are in the cache, and which of them are to go.
//!
//! `<root>/apps/<name>-<first 8 digits of the key's fingerprint>/versions.json` names them, the one that was filled last
//! first.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use pspf_format::hex::Hex;
use pspf_format::json_reader::JsonReader;
use pspf_format::{Error, Result};

use super::clear::remove_workenv;
use super::lock::{FillLock, Patience};
use super::paths::WorkenvPaths;
use crate::failure::IoContext;
use crate::json::{JsonObject, array, quote};
use crate::platform::{Os, Platform};
use crate::report::{Detail, say};

/// Longer names are cut, in characters.
const MAX_NAME: usize = 64;
/// No list of versions comes near this, in bytes.
const MAX_LIST: u64 = 1024 * 1024;

/// The versions of one application, which is a name and the key that signs it.
#[derive(Debug)]
pub(crate) struct Application {
    directory: PathBuf,
    name: String,
    /// The whole fingerprint: eight digits can be chosen.
    key: String,
    /// Ids of packages, the one that was filled last first.
    ids: Vec<String>,
    _lock: FillLock,
}

impl Application {
    /// Opens what is known about an application, and keeps others from changing it. `None` where another one has its place.
    pub(crate) fn open(
        paths: &WorkenvPaths,
        name: &str,
        fingerprint: &[u8; 32],
    ) -> Result<Option<Self>> {
        let key = Hex(fingerprint).to_string();
        let short = key.get(..8).unwrap_or_default();
        let directory = paths
            .root()
            .join("apps")
            .join(format!("{}-{short}", file_name(name)));
        Os::create_private_directories(&directory).context("create", &directory)?;
        let lock = FillLock::take(&directory.join("lock"), Patience::Wait)?;
        let mut application = Self {
            name: name.to_owned(),
            key,
            ids: Vec::new(),
            _lock: lock,
            directory,
        };
        let list = application.list();
        let is_readable = |length: u64| length <= MAX_LIST;
        if fs::metadata(&list).is_ok_and(|list| is_readable(list.len()))
            && let Ok(json) = fs::read(&list)
            // What a power cut has left of it is nothing.
            && let Ok(found) = Versions::parse(&json)
        {
            if (found.package, found.key) != (application.name.clone(), application.key.clone()) {
                return Ok(None);
            }
            application.ids = found.ids;
        }
        Ok(Some(application))
    }

    /// The version that was filled before this one, if it is another.
    pub(crate) fn before(&self, id: &str) -> Option<&str> {
        self.ids
            .iter()
            .find(|known| *known != id)
            .map(String::as_str)
    }

    /// Says that a version was filled, and removes those beyond the last `keep` that nobody runs.
    pub(crate) fn filled(mut self, paths: &WorkenvPaths, keep: usize) -> Result<()> {
        self.ids.retain(|known| known != paths.id());
        self.ids.insert(0, paths.id().to_owned());
        // Before anything is removed: a removal that is interrupted is found again.
        self.store()?;
        let mut position = 0_usize;
        self.ids.retain(|id| {
            position = position.saturating_add(1);
            position <= keep || is_left(&paths.of(id))
        });
        self.store()
    }

    fn list(&self) -> PathBuf {
        self.directory.join("versions.json")
    }

    fn store(&self) -> Result<()> {
        let ids = array(self.ids.iter().map(|id| quote(id)));
        let json = JsonObject::new()
            .text("package", &self.name)
            .text("key", &self.key)
            .raw("ids", &ids)
            .finish();
        let temporary = self.directory.join("versions.tmp");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        Os::open_private(&mut options, &temporary)
            .and_then(|mut file| file.write_all(json.as_bytes()))
            .context("write", &temporary)?;
        fs::rename(&temporary, self.list()).context("rename", temporary)
    }
}

/// Removes an old version; whether it is still there.
fn is_left(paths: &WorkenvPaths) -> bool {
    if !paths.workenv().exists() && !paths.records().exists() {
        return false;
    }
    let removed = remove_workenv(paths);
    say(Detail::Info, || match &removed {
        Ok(()) => format!("removed an older version, {}", paths.id()),
        Err(error) => format!("an older version stays, {}: {error}", paths.id()),
    });
    removed.is_err()
}

/// What `versions.json` says.
#[derive(Default)]
struct Versions {
    package: String,
    key: String,
    ids: Vec<String>,
}

impl Versions {
    fn parse(json: &[u8]) -> Result<Self> {
        let mut versions = Self::default();
        let mut reader = JsonReader::new(json)?;
        reader.object(&mut |reader, name| {
            match name {
                "package" => versions.package = reader.string()?.into_owned(),
                "key" => versions.key = reader.string()?.into_owned(),
                "ids" => reader.array(&mut |reader| {
                    let id = reader.string()?.into_owned();
                    check_id(reader, &id)?;
                    versions.ids.push(id);
                    Ok(())
                })?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        reader.finish()?;
        Ok(versions)
    }
}

/// An id becomes a part of paths.
fn check_id(reader: &JsonReader<'_>, id: &str) -> Result<(), Error> {
    let is_id = id.len() == 32
        && id
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    is_id
        .then_some(())
        .ok_or_else(|| reader.error("a list of versions holds something else"))
}

/// A name as a part of a path: what could mean something else there is written as its number.
fn file_name(name: &str) -> String {
    let mut clean = String::new();
    for (at, byte) in name.bytes().enumerate() {
        let is_plain =
            byte.is_ascii_alphanumeric() || byte == b'_' || (at > 0 && matches!(byte, b'-' | b'.'));
        if is_plain {
            clean.push(char::from(byte));
        } else {
            let _ = write!(clean, "%{byte:02X}");
        }
        if clean.len() >= MAX_NAME {
            break;
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_name_cannot_lead_anywhere() {
        for (name, clean) in [
            ("app", "app"),
            ("my-app_1.0", "my-app_1.0"),
            ("../x", "%2E.%2Fx"),
            ("a/b", "a%2Fb"),
            ("", ""),
            ("-x", "%2Dx"),
            (".hidden", "%2Ehidden"),
            ("ä", "%C3%A4"),
            ("a\0b", "a%00b"),
        ] {
            assert_eq!(file_name(name), clean);
        }
        assert!(file_name(&"x".repeat(5000)).len() <= MAX_NAME + 2);
    }

    #[test]
    fn versions_are_ids_and_nothing_else() {
        let parse = |ids: &str| {
            let json = format!(r#"{{"package":"a","key":"b","ids":[{ids}]}}"#);
            Versions::parse(json.as_bytes()).map(|versions| versions.ids.len())
        };
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(parse(&format!("\"{id}\",\"{id}\"")).unwrap(), 2);
        for bad in [
            "\"..\"",
            "\"\"",
            "1",
            "\"0123456789ABCDEF0123456789ABCDEF\"",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
