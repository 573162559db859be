//! Strict Ed25519 verification.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::constants::{PUBLIC_KEY_SIZE, SIGNATURE_SIZE};

/// Whether a signature is good, by the strict rules.
///
/// Refuses keys and commitments of small order (the all-zero key is one), encodings that are not
/// canonical, and an `s` that was not reduced, so that exactly one signature and one key fit a
/// message.
pub fn verify(
    key: &[u8; PUBLIC_KEY_SIZE],
    message: &[u8],
    signature: &[u8; SIGNATURE_SIZE],
) -> bool {
    is_canonical(key)
        && VerifyingKey::from_bytes(key).is_ok_and(|key| {
            key.verify_strict(message, &Signature::from_bytes(signature))
                .is_ok()
        })
}

/// Whether the encoded coordinate is below the field's prime, 2^255 - 19. Decoding alone would
/// reduce it.
fn is_canonical(key: &[u8; PUBLIC_KEY_SIZE]) -> bool {
    let [lowest, middle @ .., highest] = key;
    *lowest < 0xED || highest & 0x7F != 0x7F || middle.iter().any(|byte| *byte != 0xFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_canonical_draws_the_line_at_the_prime() {
        let key = |lowest: u8, middle: u8, highest: u8| {
            let mut key = [middle; PUBLIC_KEY_SIZE];
            key[0] = lowest;
            key[31] = highest;
            key
        };
        // The highest bit is the sign of the other coordinate.
        for sign in [0, 0x80] {
            assert!(is_canonical(&key(0xEC, 0xFF, 0x7F | sign)));
            assert!(!is_canonical(&key(0xED, 0xFF, 0x7F | sign)));
            assert!(!is_canonical(&key(0xFF, 0xFF, 0x7F | sign)));
            assert!(is_canonical(&key(0xFF, 0xFE, 0x7F | sign)));
            assert!(is_canonical(&key(0xFF, 0xFF, 0x7E | sign)));
        }
    }
}
