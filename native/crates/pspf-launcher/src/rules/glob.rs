//! Patterns with `*`, `?`, `[abc]`, `[a-z]` and `[!abc]`, for variable names and for paths.

/// Whether a text has anything to match with, or is a plain name.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether a whole name fits a pattern. `*` fits any run of characters, `?` fits one.
///
/// Works on bytes, since names need not be UTF-8; `?` and sets take one whole UTF-8 character where
/// there is one. `ignore_case` is for Windows, and for ASCII. A `[` that is never closed stands for
/// itself.
pub(crate) fn matches_name(pattern: &str, name: &[u8], ignore_case: bool) -> bool {
    let mut pattern = pattern;
    let mut name = name;
    // Where to go on when a guess about the last `*` turns out wrong: behind it, one character
    // further on.
    let mut retry: Option<(&str, &[u8])> = None;
    loop {
        if let Some(after) = pattern.strip_prefix('*') {
            pattern = after;
            retry = Some((after, name));
            continue;
        }
        if pattern.is_empty() && name.is_empty() {
            return true;
        }
        if let Some((after_pattern, after_name)) = match_one(pattern, name, ignore_case) {
            (pattern, name) = (after_pattern, after_name);
            continue;
        }
        let Some((after_star, from)) = retry else {
            return false;
        };
        let Some((_, from)) = split_character(from) else {
            return false;
        };
        retry = Some((after_star, from));
        (pattern, name) = (after_star, from);
    }
}

/// Whether a relative path with `/` fits a pattern. `**` as a component fits any number of
/// components, also none; within a component, nothing fits a `/`.
pub(crate) fn matches_path(pattern: &str, path: &[u8]) -> bool {
    let pattern: Vec<&str> = pattern
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let path: Vec<&[u8]> = path
        .split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty())
        .collect();
    let (mut pattern, mut path) = (pattern.as_slice(), path.as_slice());
    let mut retry: Option<(&[&str], &[&[u8]])> = None;
    loop {
        match (pattern.split_first(), path.split_first()) {
            (None, None) => return true,
            (Some((&"**", after)), _) => {
                pattern = after;
                retry = Some((after, path));
                continue;
            }
            (Some((part, after_pattern)), Some((component, after_path)))
                if matches_name(part, component, false) =>
            {
                (pattern, path) = (after_pattern, after_path);
                continue;
            }
            _ => {}
        }
        let Some((after_stars, [_, from @ ..])) = retry else {
            return false;
        };
        retry = Some((after_stars, from));
        (pattern, path) = (after_stars, from);
    }
}

/// Matches one element of a pattern other than `*`, and gives what is left of both.
fn match_one<'p, 'n>(
    pattern: &'p str,
    name: &'n [u8],
    ignore_case: bool,
) -> Option<(&'p str, &'n [u8])> {
    let (character, after_name) = split_character(name)?;
    let mut elements = pattern.chars();
    let element = elements.next()?;
    let after_pattern = elements.as_str();
    if element == '?' {
        return Some((after_pattern, after_name));
    }
    if let Some((set, after_set)) = (element == '[').then(|| split_set(after_pattern)).flatten() {
        return in_set(set, character, ignore_case).then_some((after_set, after_name));
    }
    let mut bytes = [0; 4];
    let element = element.encode_utf8(&mut bytes).as_bytes();
    let same = if ignore_case {
        element.eq_ignore_ascii_case(character)
    } else {
        element == character
    };
    same.then_some((after_pattern, after_name))
}

/// The members of a set, and the pattern behind its `]`. A `]` right at the start is a member.
fn split_set(pattern: &str) -> Option<(&str, &str)> {
    let first = usize::from(pattern.starts_with('!'));
    let search_from = pattern
        .get(first..)?
        .chars()
        .next()?
        .len_utf8()
        .checked_add(first)?;
    let end = pattern
        .get(search_from..)?
        .find(']')?
        .checked_add(search_from)?;
    Some((pattern.get(..end)?, pattern.get(end..)?.strip_prefix(']')?))
}

fn in_set(set: &str, character: &[u8], ignore_case: bool) -> bool {
    let (negated, members) = match set.strip_prefix('!') {
        Some(members) => (true, members),
        None => (false, set),
    };
    let Some(character) = std::str::from_utf8(character)
        .ok()
        .and_then(|text| text.chars().next())
    else {
        return negated;
    };
    let fits = |character: char| {
        let mut rest = members.chars();
        while let Some(low) = rest.next() {
            let mut range = rest.clone();
            let high = match (range.next(), range.next()) {
                (Some('-'), Some(high)) => {
                    rest = range;
                    high
                }
                _ => low,
            };
            if (low..=high).contains(&character) {
                return true;
            }
        }
        false
    };
    let found = if ignore_case {
        fits(character.to_ascii_lowercase()) || fits(character.to_ascii_uppercase())
    } else {
        fits(character)
    };
    found != negated
}

/// Splits off one character: a whole UTF-8 sequence, or a single byte that belongs to none.
fn split_character(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = match name.first()? {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    };
    name.split_at_checked(length)
        .filter(|(character, _)| std::str::from_utf8(character).is_ok())
        .or_else(|| name.split_at_checked(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_name_knows_stars_marks_and_sets() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "ANY", true),
            ("FOO", "FOO", true),
            ("FOO", "FOOD", false),
            ("foo", "FOO", false),
            ("FOO*", "FOO", true),
            ("*_TOKEN", "A_TOKEN_TOKEN", true),
            ("A*B*C", "AxBxBxC", true),
            ("A*B*C", "AxBxBx", false),
            ("?", "", false),
            ("?", "ü", true),
            ("??", "ü", false),
            ("[AB]X", "BX", true),
            ("[!AB]X", "BX", false),
            ("[!AB]X", "CX", true),
            ("[a-c]", "b", true),
            ("[a-c]", "d", false),
            ("[a-]", "-", true),
            ("[]]", "]", true),
            ("[!]]", "]", false),
            ("[ü]", "ü", true),
            ("[abc", "[abc", true),
            ("a[", "a[", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(
                matches_name(pattern, name.as_bytes(), false),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn matches_name_ignores_case_where_told() {
        assert!(matches_name("Path", b"PATH", true));
        assert!(matches_name("[a-c]*", b"Bx", true));
        assert!(!matches_name("Path", b"PATHS", true));
    }

    #[test]
    fn matches_name_takes_names_that_are_not_utf8() {
        assert!(matches_name("a?b", b"a\xFFb", false));
        assert!(matches_name("a*", b"a\xFF\xC3", false));
        assert!(!matches_name("[a]", b"\xFF", false));
        assert!(matches_name("[!a]", b"\xFF", false));
    }

    #[test]
    fn matches_name_stays_fast_on_hostile_patterns() {
        let pattern = "*a".repeat(200);
        assert!(!matches_name(&pattern, "a".repeat(199).as_bytes(), false));
        assert!(!matches_name(
            &format!("{pattern}b"),
            "a".repeat(5000).as_bytes(),
            false
        ));
    }

    #[test]
    fn matches_path_keeps_stars_within_a_component() {
        for (pattern, path, expected) in [
            ("*.whl", "a.whl", true),
            ("*.whl", "d/a.whl", false),
            ("**/*.whl", "a.whl", true),
            ("**/*.whl", "d/e/a.whl", true),
            ("d/**", "d", true),
            ("d/**", "d/e/f", true),
            ("d/**/f", "d/f", true),
            ("d/**/f/**/g", "d/f/x/f/y/g", true),
            ("d/*/f", "d/e/e/f", false),
            ("./d/./e", "d/e", true),
            ("**", "", true),
            ("", "", true),
            ("*", "", false),
        ] {
            assert_eq!(
                matches_path(pattern, path.as_bytes()),
                expected,
                "{pattern} {path}"
            );
        }
    }
}
