//! `FLAVOR_TRUSTED_KEYS`: whose packages may start here.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use pspf_format::base64;
use pspf_format::hex::{Hex, parse_hex};
use pspf_format::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};

use crate::failure::IoContext;

/// No key file is longer, in bytes.
const MAX_KEY_FILE: u64 = 4096;
/// What precedes the raw key in a DER-encoded Ed25519 `SubjectPublicKeyInfo`.
const SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The fingerprint of a public key: the SHA-256 of its 32 bytes.
pub(crate) fn fingerprint(key: &[u8; 32]) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// Refuses a key that is not in the list. No list, or an empty one, means that every key will do.
pub(crate) fn check_trusted(key: &[u8; 32], list: Option<&OsStr>) -> Result<()> {
    let Some(list) = list.filter(|list| !list.is_empty()) else {
        return Ok(());
    };
    let actual = fingerprint(key);
    // A list that cannot be read as text may not silently become an empty one.
    let list = list
        .to_str()
        .ok_or_else(|| bad_list("FLAVOR_TRUSTED_KEYS is not valid UTF-8"))?;
    for entry in list
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
    {
        if parse_entry(entry)? == actual {
            return Ok(());
        }
    }
    Err(Error::new(
        ErrorKind::VerifyUntrustedKey,
        "the package is signed by a key that is not in FLAVOR_TRUSTED_KEYS",
    )
    .with("fingerprint", Hex(&actual))
    .hint(
        "add this fingerprint to FLAVOR_TRUSTED_KEYS only if its owner told you that it is theirs",
    ))
}

/// A fingerprint, or a file with a public key.
fn parse_entry(entry: &str) -> Result<[u8; 32]> {
    let digits = entry.strip_prefix("sha256:").unwrap_or(entry);
    if let Some(fingerprint) = parse_hex(digits) {
        return Ok(fingerprint);
    }
    read_key(Path::new(entry)).map(|key| fingerprint(&key))
}

fn read_key(path: &Path) -> Result<[u8; 32]> {
    let mut bytes = Vec::new();
    let file = File::open(path).context("open the trusted key", path)?;
    file.take(MAX_KEY_FILE)
        .read_to_end(&mut bytes)
        .context("read the trusted key", path)?;
    parse_key(&bytes).ok_or_else(|| {
        Error::new(
            ErrorKind::CryptoBadKey,
            format!("{} holds no Ed25519 public key", path.display()),
        )
        .hint("use a PEM file that starts with BEGIN PUBLIC KEY, or 32 raw bytes")
    })
}

fn parse_key(bytes: &[u8]) -> Option<[u8; 32]> {
    if let Ok(raw) = bytes.try_into() {
        return Some(raw);
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let (_, after) = text.split_once("-----BEGIN PUBLIC KEY-----")?;
    let (body, _) = after.split_once("-----END PUBLIC KEY-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    base64::decode(&body)?
        .strip_prefix(&SPKI_PREFIX)?
        .try_into()
        .ok()
}

fn bad_list(message: &'static str) -> Error {
    Error::new(ErrorKind::CryptoBadKey, message)
        .hint("separate fingerprints or key files by commas")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn check(list: &str) -> Result<()> {
        check_trusted(&KEY, Some(OsStr::new(list)))
    }

    #[test]
    fn check_trusted_accepts_the_fingerprint_with_and_without_prefix() {
        let print = Hex(&fingerprint(&KEY)).to_string();
        check(&print).unwrap();
        check(&format!("{} , sha256:{print}", "00".repeat(32))).unwrap();
        check("").unwrap();
    }

    #[test]
    fn check_trusted_refuses_other_keys_and_never_takes_the_raw_key_for_a_fingerprint() {
        assert_eq!(
            check(&"00".repeat(32)).unwrap_err().code(),
            "verify/untrusted-key"
        );
        assert_eq!(
            check(&Hex(&KEY).to_string()).unwrap_err().code(),
            "verify/untrusted-key"
        );
        assert_eq!(
            check("/nonexistent/key.pem").unwrap_err().code(),
            "io/not-found"
        );
    }

    #[test]
    fn parse_key_reads_raw_and_pem() {
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEABwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n-----END PUBLIC KEY-----\n";
        assert_eq!(parse_key(&KEY), Some(KEY));
        assert_eq!(parse_key(pem.as_bytes()), Some(KEY));
        assert_eq!(parse_key(b"junk"), None);
    }
}
