//! The program at the front of a package, and what it says about itself.

use std::fs;
use std::path::{Path, PathBuf};

use pspf_format::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};

use crate::failure::from_io;
use crate::signing;

/// A launcher that was read.
pub(crate) struct Launcher {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: [u8; 32],
    /// Operations that it can undo, when it is one of ours.
    pub(crate) operations: Option<Vec<String>>,
    pub(crate) version: Option<String>,
    /// SHA-256 of its sources in hex, where it names one.
    pub(crate) source: Option<String>,
    /// Whether its platform starts nothing that is not signed.
    pub(crate) needs_signature: bool,
    pub(crate) os: &'static str,
    pub(crate) arch: &'static str,
}

/// In two parts, so that this program has none itself.
const MARKER: &[u8] = b"flavor-rs-launcher/1";
const MARKER_END: &str = " pspf-2025 ops=";

/// This machine, in the words of helpers.
const OS: &str = if cfg!(target_os = "macos") {
    "darwin"
} else {
    std::env::consts::OS
};
const ARCH: &str = if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    "amd64"
};

impl Launcher {
    /// Reads a launcher: its digest, its platform, and the marker that tells ours from the existing ones.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let mut bytes = fs::read(path).map_err(|error| from_io(&error, "open", path))?;
        let Some((os, arch)) = detect_platform(&bytes) else {
            let message = format!(
                "The launcher \"{}\" does not fit {}_{}: it is not an ELF, Mach-O or PE program for amd64 or arm64",
                path.display(),
                OS,
                ARCH
            );
            let error = Error::new(ErrorKind::LauncherWrongFormat, message);
            return Err(error.hint("Choose the launcher for the target platform"));
        };
        let needs_signature = signing::prepare(&mut bytes, path)?;
        let digest = Sha256::digest(&bytes).into();
        let mut launcher = Self {
            path: path.to_owned(),
            digest,
            operations: None,
            version: None,
            source: None,
            needs_signature,
            os,
            arch,
            bytes: Vec::new(),
        };
        launcher.read_marker(&bytes);
        launcher.bytes = bytes;
        Ok(launcher)
    }

    fn read_marker(&mut self, bytes: &[u8]) {
        for at in find_all(bytes, MARKER) {
            let text: String = bytes[at + MARKER.len()..]
                .iter()
                .take(512)
                .map(|byte| char::from(*byte))
                .collect();
            let Some((names, rest)) = text
                .strip_prefix(MARKER_END)
                .and_then(|text| text.split_once(';'))
            else {
                continue;
            };
            let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == ',';
            if names.is_empty() || !names.chars().all(is_name) {
                continue;
            }
            self.operations = Some(names.split(',').map(str::to_owned).collect());
            let facts = rest
                .strip_prefix(" version=")
                .and_then(|rest| rest.split_once(" source="));
            let Some((version, rest)) = facts else { return };
            let is_version =
                |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-');
            let source = rest.split_once(';').map(|(source, _)| source);
            let is_digest = |text: &str| {
                text.len() == 64
                    && text
                        .bytes()
                        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            };
            if version.is_empty() || !version.chars().all(is_version) {
                return;
            }
            match source {
                Some("unknown") => self.version = Some(version.to_owned()),
                Some(digest) if is_digest(digest) => {
                    self.version = Some(version.to_owned());
                    self.source = Some(digest.to_owned());
                }
                _ => {}
            }
            return;
        }
    }
}

fn find_all<'a>(bytes: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = needle[0];
    let candidates = bytes
        .iter()
        .enumerate()
        .filter(move |(_, byte)| **byte == first);
    candidates
        .map(|(at, _)| at)
        .filter(move |at| bytes[*at..].starts_with(needle))
}

/// Tells from the first bytes of a program where it runs.
fn detect_platform(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let at = |offset: usize| bytes.get(offset).copied().unwrap_or_default();
    let u16_at = |offset| u16::from_le_bytes([at(offset), at(offset + 1)]);
    let u32_at =
        |offset| u32::from_le_bytes([at(offset), at(offset + 1), at(offset + 2), at(offset + 3)]);
    let arch = |machine: u32, amd64: u32, arm64: u32| match machine {
        _ if machine == amd64 => Some("amd64"),
        _ if machine == arm64 => Some("arm64"),
        _ => None,
    };
    if bytes.len() < 64 {
        return None;
    }
    let (os, arch) = match u32_at(0).to_be() {
        0x7f45_4c46 if at(4) == 2 && at(5) == 1 && matches!(at(7), 0 | 3) => {
            ("linux", arch(u16_at(18).into(), 62, 183))
        }
        0xcffa_edfe => ("darwin", arch(u32_at(4), 0x0100_0007, 0x0100_000c)),
        _ if bytes.starts_with(b"MZ") => {
            let header = u32_at(0x3c) as usize;
            let is_pe = bytes
                .get(header..)
                .is_some_and(|rest| rest.starts_with(b"PE\0\0"));
            (
                "windows",
                arch(u16_at(header + 4).into(), 0x8664, 0xaa64).filter(|_| is_pe),
            )
        }
        _ => ("", None),
    };
    arch.map(|arch| (os, arch))
}
