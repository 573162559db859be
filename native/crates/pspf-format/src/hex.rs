//! Hexadecimal text of digests and keys.

use core::fmt;

/// Displays bytes as lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Reads exactly `2 * N` hexadecimal digits of either case.
pub fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    if pairs.len() != N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (digit(*high)? << 4) | digit(*low)?;
    }
    Some(bytes)
}

/// Reads the SHA-256 in `sha256:` and 64 digits. The Python builder repeats the prefix, and others
/// may leave it out.
pub fn parse_checksum(text: &str) -> Option<[u8; 32]> {
    parse_hex(text.trim_start_matches("sha256:"))
}

fn digit(character: u8) -> Option<u8> {
    char::from(character)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn parse_hex_reads_what_hex_displays() {
        let bytes = [0x00, 0x7F, 0xAB, 0xFF];
        assert_eq!(Hex(&bytes).to_string(), "007fabff");
        assert_eq!(parse_hex("007fabff"), Some(bytes));
        assert_eq!(parse_hex("007FABFF"), Some(bytes));
    }

    #[test]
    fn parse_hex_refuses_other_lengths_and_characters() {
        for text in [
            "",
            "0",
            "007fab",
            "007fabff0",
            "007fabff00",
            "007fabfg",
            "+07fabff",
        ] {
            assert_eq!(parse_hex::<4>(text), None, "{text}");
        }
    }
    #[test]
    fn parse_checksum_knows_every_prefix_in_use() {
        let digits = "ab".repeat(32);
        for prefix in ["", "sha256:", "sha256:sha256:"] {
            assert_eq!(
                parse_checksum(&std::format!("{prefix}{digits}")),
                Some([0xAB; 32]),
                "{prefix}"
            );
        }
        assert_eq!(parse_checksum(&std::format!("sha512:{digits}")), None);
        assert_eq!(parse_checksum(""), None);
    }
}
