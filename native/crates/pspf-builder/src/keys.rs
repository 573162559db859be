//! Keys: PKCS#8 PEM, PEM around raw bytes, raw bytes, or a text that the key is made from.

use std::fs;
use std::path::Path;

use ed25519_dalek::{Signer, SigningKey};
use pspf_format::{Error, ErrorKind, Result, base64};
use sha2::{Digest, Sha256};

use crate::failure::from_io;

const MAX_KEY_FILE: usize = 16 * 1024;
/// DER of PKCS#8 version 1 up to the 32 bytes of the seed.
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
];
/// DER of a SubjectPublicKeyInfo up to the 32 bytes of the key.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
const HINT: &str = "Make a key pair with \"flavor keygen\"";

/// A key to sign with.
pub(crate) struct Key(SigningKey);

impl Key {
    /// The key in a file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let file = read_file(path)?;
        let (seed, public) =
            private_parts(&file).map_err(|reason| bad("private", &reason, path))?;
        let key = Self(SigningKey::from_bytes(&seed));
        match public {
            Some(public) => key.check(&public).map(|()| key),
            None => Ok(key),
        }
    }

    /// The key that is the SHA-256 of a text.
    pub(crate) fn of_seed(seed: &str) -> Self {
        Self(SigningKey::from_bytes(&Sha256::digest(seed).into()))
    }

    /// A key for one build.
    pub(crate) fn fresh() -> Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| {
            Error::new(ErrorKind::IoFailed, format!("Cannot make a key: {error}"))
        })?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// Refuses a public key file that does not belong to this key.
    pub(crate) fn check_file(&self, path: &Path) -> Result<()> {
        let file = read_file(path)?;
        let bytes =
            key_bytes(&file, "PUBLIC KEY").map_err(|reason| bad("public", &reason, path))?;
        let raw = bytes.strip_prefix(&SPKI).unwrap_or(&bytes);
        let key = <[u8; 32]>::try_from(raw).map_err(|_| {
            bad(
                "public",
                "it is neither SPKI for Ed25519 nor 32 raw bytes",
                path,
            )
        })?;
        self.check(&key)
    }

    fn check(&self, public: &[u8; 32]) -> Result<()> {
        if *public == self.public() {
            return Ok(());
        }
        let message = "Cannot sign: the public key does not belong to the private key";
        Err(Error::new(ErrorKind::CryptoKeyMismatch, message)
            .hint("Leave the public key out; it is derived from the private key"))
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| from_io(&error, "open", path))
}

type Parts = ([u8; 32], Option<[u8; 32]>);

fn private_parts(file: &[u8]) -> Result<Parts, String> {
    let bytes = key_bytes(file, "PRIVATE KEY")?;
    let seed = |at: usize| {
        bytes
            .get(at..at + 32)
            .and_then(|part| <[u8; 32]>::try_from(part).ok())
    };
    let parts = match bytes.len() {
        32 => seed(0).map(|private| (private, None)),
        64 => seed(0).map(|private| (private, seed(32))),
        48 if bytes.starts_with(&PKCS8) => seed(16).map(|private| (private, None)),
        // Version 2 carries the public key behind the seed, with one of two tags.
        83 | 85
            if bytes.starts_with(&[0x30, bytes.len() as u8 - 2, 2, 1, 1])
                && bytes[5..16] == PKCS8[5..] =>
        {
            seed(16).map(|private| (private, seed(bytes.len() - 32)))
        }
        _ => None,
    };
    parts.ok_or_else(|| "it is neither PKCS#8 for Ed25519 nor 32 or 64 raw bytes".into())
}

/// The content of a PEM block with the right label, or else the file itself.
fn key_bytes(file: &[u8], label: &str) -> Result<Vec<u8>, String> {
    if file.len() > MAX_KEY_FILE {
        return Err(format!("{} bytes is too long", file.len()));
    }
    let text = file.trim_ascii();
    let expected = if label == "PRIVATE KEY" {
        "a private Ed25519 key"
    } else {
        "a public Ed25519 key"
    };
    if text.starts_with(b"ssh-") || text.starts_with(b"ecdsa-") {
        return Err(format!(
            "it is a key in OpenSSH's own format, expected {expected}"
        ));
    }
    let Some(text) = text
        .strip_prefix(b"-----BEGIN ")
        .and_then(|text| str::from_utf8(text).ok())
    else {
        return Ok(file.to_vec());
    };
    let damaged = || "the PEM block is damaged".to_owned();
    let (found, body) = text.split_once("-----").ok_or_else(damaged)?;
    if found == "ENCRYPTED PRIVATE KEY" {
        return Err("it is protected by a passphrase".into());
    }
    if found.trim_start_matches("ED25519 ") != label {
        return Err(format!("the file holds \"{found}\", expected {expected}"));
    }
    let body = body
        .strip_suffix(&format!("-----END {found}-----"))
        .ok_or_else(damaged)?;
    let digits: String = body.split_whitespace().collect();
    base64::decode(&digits).ok_or_else(damaged)
}

fn bad(kind: &str, reason: &str, path: &Path) -> Error {
    let message = format!(
        "Cannot use the {kind} key: {reason} (file \"{}\")",
        path.display()
    );
    Error::new(ErrorKind::CryptoBadKey, message).hint(HINT)
}
