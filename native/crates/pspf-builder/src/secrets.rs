//! Private keys are never packed: who gets the package could sign as its owner.

use pspf_format::{Error, ErrorKind, Result};

/// Keys are short; what is longer is not looked at.
pub(crate) const MAX_SIZE: usize = 64 * 1024;

/// Refuses the content of a file that is a private key.
pub(crate) fn check(bytes: &[u8], name: &str) -> Result<()> {
    if bytes.len() > MAX_SIZE || !is_private_key(bytes, name) {
        return Ok(());
    }
    let message = format!("Cannot pack \"{name}\": it is a private key");
    Err(Error::new(ErrorKind::BuildFailed, message)
        .hint("Name it in .flavorignore; if it has to be in the package, use --allow-secrets"))
}

/// PEM of any kind, or the raw key files that `flavor` takes.
fn is_private_key(bytes: &[u8], name: &str) -> bool {
    if matches!(bytes.len(), 32 | 64) {
        let name = name.to_ascii_lowercase();
        let is_public = name.contains("public")
            || name.match_indices(".pub").any(|(at, _)| {
                let next = name[at + 4..].chars().next();
                !next.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
            });
        return name.ends_with(".key") && !is_public;
    }
    const BEGIN: &[u8] = b"-----BEGIN ";
    let mut rest = bytes;
    while let Some(at) = find(rest, BEGIN) {
        rest = &rest[at + BEGIN.len()..];
        let label = find(rest, b"-----").map_or(&[][..], |end| &rest[..end]);
        let label = label.strip_suffix(b" BLOCK").unwrap_or(label);
        let is_word = |word: &[u8]| {
            word.iter()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        };
        let is_key = label.strip_suffix(b"PRIVATE KEY").is_some_and(|words| {
            words.is_empty()
                || words.ends_with(b" ")
                    && words[..words.len() - 1]
                        .split(|byte| *byte == b' ')
                        .all(|word| !word.is_empty() && is_word(word))
        });
        if is_key {
            return true;
        }
    }
    false
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let starts = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == needle[0]);
    let mut places = starts.map(|(at, _)| at);
    places.find(|at| bytes[*at..].starts_with(needle))
}

#[cfg(test)]
mod tests {
    use super::is_private_key;

    #[test]
    fn is_private_key_knows_keys_by_what_they_hold() {
        let pem = |label: &str| {
            format!("x\n-----BEGIN {label}-----\nMC4CAQAwBQYDK2VwBCIEIAAA\n-----END {label}-----\n")
        };
        for label in [
            "PRIVATE KEY",
            "RSA PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY",
            "PGP PRIVATE KEY BLOCK",
        ] {
            assert!(is_private_key(pem(label).as_bytes(), "a"), "{label}");
        }
        for label in [
            "PUBLIC KEY",
            "CERTIFICATE",
            "PRIVATE KEYS",
            "rsa PRIVATE KEY",
            " PRIVATE KEY",
        ] {
            assert!(!is_private_key(pem(label).as_bytes(), "a"), "{label}");
        }
        assert!(is_private_key(&[0; 32], "keys/a.KEY"));
        assert!(!is_private_key(&[0; 32], "keys/public.key"));
        assert!(!is_private_key(&[0; 33], "keys/a.key"));
    }
}
