//! Permission bits in words.

/// Reads an octal mode, with or without `0o`.
pub fn parse_mode(word: &str) -> Option<u16> {
    let digits = word.strip_prefix("0o").unwrap_or(word);
    // `from_str_radix` would take a sign.
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| u16::from_str_radix(digits, 8).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_mode_reads_octal_words_only() {
        for (word, bits) in [
            ("0755", 0o755),
            ("755", 0o755),
            ("0o644", 0o644),
            ("4755", 0o4755),
            ("0", 0),
        ] {
            assert_eq!(parse_mode(word), Some(bits), "{word}");
        }
        for word in ["", "0o", "888", "rwx", " 644", "+644", "-1", "200000"] {
            assert_eq!(parse_mode(word), None, "{word}");
        }
    }
}
