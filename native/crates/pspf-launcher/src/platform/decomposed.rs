//! Names as the file systems of macOS compare them.

use unicode_normalization::UnicodeNormalization;

/// Every character that consists of others as these (NFD).
pub(super) fn decomposed(name: &str) -> String {
    name.nfd().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decomposed_makes_one_of_both_spellings_of_a_character() {
        for (one, other) in [
            ("\u{e4}", "a\u{308}"),
            ("\u{1e69}", "s\u{307}\u{323}"),
            ("\u{ac01}", "\u{1100}\u{1161}\u{11a8}"),
            ("plain", "plain"),
        ] {
            assert_eq!(decomposed(one), decomposed(other));
        }
        assert_ne!(decomposed("a"), decomposed("\u{e4}"));
    }
}
