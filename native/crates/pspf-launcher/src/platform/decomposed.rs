//! Names as the file systems of macOS compare them.

use unicode_normalization::char::{canonical_combining_class, decompose_canonical};

/// Every character that consists of others as these (NFD). The crate's own iterator would bring the tables of all four forms,
/// which are 60 KB.
pub(super) fn decomposed(name: &str) -> String {
    let mut parts = Vec::with_capacity(name.len());
    for character in name.chars() {
        decompose_canonical(character, |part| {
            parts.push((canonical_combining_class(part), part));
        });
    }
    // What stands above and below a letter has an order of its own.
    for marks in parts.split_mut(|(class, _)| *class == 0) {
        marks.sort_by_key(|(class, _)| *class);
    }
    parts.into_iter().map(|(_, part)| part).collect()
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
        assert_eq!(
            decomposed("x\u{301}\u{327}\u{308}y\u{323}"),
            "x\u{327}\u{301}\u{308}y\u{323}"
        );
    }

    #[test]
    fn decomposed_is_what_the_crate_makes_of_every_character() {
        use unicode_normalization::UnicodeNormalization;
        for character in '\0'..='\u{30000}' {
            let name = format!("a\u{308}{character}\u{323}");
            assert_eq!(decomposed(&name), name.nfd().collect::<String>());
        }
    }
}
