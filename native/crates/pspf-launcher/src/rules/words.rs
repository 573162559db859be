//! Splitting a command line into words, like a POSIX shell does.

use pspf_format::{Error, ErrorKind, Result};

/// Splits a command line into words.
///
/// Blanks separate. Single quotes keep everything; double quotes keep everything but `\` before
/// `"`, `\`, `$` and a backtick; outside of quotes `\` keeps the next character. Nothing is
/// expanded.
///
/// This happens before placeholders are replaced, so a cache path with a blank or a quote in it
/// stays one word.
pub(crate) fn split_words(line: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut characters = line.chars();
    let mut word: Option<String> = None;
    while let Some(character) = characters.next() {
        if character.is_ascii_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match character {
            '\'' => quoted(&mut characters, '\'', word)
                .ok_or_else(|| unclosed(line, "a single quote"))?,
            '"' => quoted(&mut characters, '"', word)
                .ok_or_else(|| unclosed(line, "a double quote"))?,
            '\\' => word.push(
                characters
                    .next()
                    .ok_or_else(|| unclosed(line, "a backslash at the end"))?,
            ),
            plain => word.push(plain),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Reads up to the closing quote. `None` where there is none.
fn quoted(characters: &mut std::str::Chars<'_>, quote: char, word: &mut String) -> Option<()> {
    loop {
        let character = characters.next()?;
        if character == quote {
            return Some(());
        }
        if character != '\\' || quote == '\'' {
            word.push(character);
            continue;
        }
        let next = characters.next()?;
        if !matches!(next, '"' | '\\' | '$' | '`') {
            word.push('\\');
        }
        word.push(next);
    }
}

fn unclosed(line: &str, what: &'static str) -> Error {
    Error::new(
        ErrorKind::FormatBadMetadata,
        "a command line cannot be split into words",
    )
    .with("unclosed", what)
    .with("command", line)
    .hint("the package's manifest has to quote it properly")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_words_splits_like_a_shell() {
        for (line, words) in [
            ("", &[][..]),
            (" \t\n ", &[]),
            ("a b  c", &["a", "b", "c"]),
            ("'a b' \"c d\"", &["a b", "c d"]),
            ("a'b'\"c\"d", &["abcd"]),
            ("'' \"\"", &["", ""]),
            (r"a\ b \'", &["a b", "'"]),
            (
                r#""a\"b" "c\\d" "e\nf" "\$x""#,
                &[r#"a"b"#, r"c\d", r"e\nf", "$x"],
            ),
            (r"'a\b'", &[r"a\b"]),
            (
                "{workenv}/bin/app --name '{package_name} x'",
                &["{workenv}/bin/app", "--name", "{package_name} x"],
            ),
            ("echo $HOME `id` *", &["echo", "$HOME", "`id`", "*"]),
        ] {
            assert_eq!(split_words(line).unwrap(), words, "{line}");
        }
    }

    #[test]
    fn split_words_refuses_what_is_not_closed() {
        for line in ["'a", "\"a", "a\\", "\"a\\", "\"a\\\"", "a 'b' \""] {
            assert_eq!(
                split_words(line).unwrap_err().code(),
                "format/bad-metadata",
                "{line}"
            );
        }
    }
}
