//! `flavor.toml`: TOML 1.0 as the toolkit takes it, with its words for what is wrong.

use crate::value::{MAX_SAFE, Value};

const MAX_DEPTH: usize = 64;

/// Parses a document; the message of what is wrong names the line.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let mut parser = Parser {
        text,
        at: 0,
        section: 0,
    };
    let mut root = Table::new(Kind::Header, 0);
    parser.document(&mut root)?;
    Ok(root.into_value())
}

/// How a table came about, which decides who may add to it.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Header,
    Implied,
    Dotted,
    List,
    Closed,
}

struct Table {
    kind: Kind,
    /// The header that a dotted key stands behind: no other one may add to it.
    section: usize,
    /// Of a list of tables: those of its last one.
    members: Vec<(String, Self)>,
    earlier: Vec<Vec<(String, Self)>>,
    value: Value,
}

impl Table {
    fn new(kind: Kind, section: usize) -> Self {
        Self {
            kind,
            section,
            members: Vec::new(),
            earlier: Vec::new(),
            value: Value::Null,
        }
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.members.iter().position(|(name, _)| name == key)
    }

    fn add(&mut self, key: &str, table: Self) -> usize {
        self.members.push((key.to_owned(), table));
        self.members.len() - 1
    }

    fn into_value(self) -> Value {
        let table = |members: Vec<(String, Self)>| {
            Value::Table(
                members
                    .into_iter()
                    .map(|(key, table)| (key, table.into_value()))
                    .collect(),
            )
        };
        match self.kind {
            Kind::Closed => self.value,
            Kind::List => Value::List(
                self.earlier
                    .into_iter()
                    .chain([self.members])
                    .map(table)
                    .collect(),
            ),
            _ => table(self.members),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    section: usize,
}

type Parsed<T> = Result<T, String>;

impl Parser<'_> {
    fn document(&mut self, root: &mut Table) -> Parsed<()> {
        self.refuse_control_characters()?;
        let mut path: Vec<String> = Vec::new();
        loop {
            self.skip_lines();
            match self.peek() {
                None => return Ok(()),
                Some('[') => path = self.header(root)?,
                Some(_) => {
                    let mut table = &mut *root;
                    for key in &path {
                        let index = table.position(key).unwrap_or_default();
                        table = &mut table.members[index].1;
                    }
                    self.pair(table, &path, 0)?;
                }
            }
            self.skip_blanks();
            if self.peek() == Some('#') {
                self.skip_while(|c| c != '\n');
            }
            if self.rest().starts_with("\r\n") {
                self.at += 1;
            }
            if !matches!(self.peek(), None | Some('\n')) {
                return Err(self.expected("the end of the line"));
            }
        }
    }

    fn refuse_control_characters(&self) -> Parsed<()> {
        let mut characters = self.text.char_indices().peekable();
        while let Some((at, found)) = characters.next() {
            let is_line_end =
                found == '\r' && characters.peek().is_some_and(|(_, next)| *next == '\n');
            if found.is_ascii_control() && !matches!(found, '\t' | '\n') && !is_line_end {
                let code = format!("{:04x}", u32::from(found));
                let upper = code.to_uppercase();
                return Err(self.problem(
                    &format!("the control character U+{upper} is not allowed; in a string, write \\u{code}"),
                    at,
                ));
            }
        }
        Ok(())
    }

    /// `[a.b]` or `[[a.b]]`: the path of the table that the lines behind it belong to.
    fn header(&mut self, root: &mut Table) -> Parsed<Vec<String>> {
        let start = self.at;
        let is_list = self.rest().starts_with("[[");
        let end = if is_list { "]]" } else { "]" };
        self.at += end.len();
        let keys = self.keys()?;
        if !self.rest().starts_with(end) {
            return Err(self.expected(&format!("\"{end}\"")));
        }
        self.at += end.len();
        self.section += 1;
        let mut table = root;
        for (depth, key) in keys.iter().enumerate() {
            let is_last = depth + 1 == keys.len();
            let found = table.position(key);
            if found.is_some_and(|index| table.members[index].1.kind == Kind::Closed) {
                return Err(self.complete(&keys[..=depth], start));
            }
            let index = found.unwrap_or_else(|| {
                let kind = match (is_last, is_list) {
                    (false, _) => Kind::Implied,
                    (true, true) => Kind::List,
                    (true, false) => Kind::Header,
                };
                table.add(key, Table::new(kind, self.section))
            });
            table = &mut table.members[index].1;
            if is_last && found.is_some() {
                self.reopen(table, &keys.join("."), is_list, start)?;
            }
        }
        Ok(keys)
    }

    fn reopen(&self, table: &mut Table, name: &str, is_list: bool, start: usize) -> Parsed<()> {
        if is_list && table.kind == Kind::List {
            let members = std::mem::take(&mut table.members);
            table.earlier.push(members);
            Ok(())
        } else if !is_list && table.kind == Kind::Implied {
            // TOML allows it; the toolkit's parser does not.
            Err(self.problem(
                &format!("the table [{name}] has to stand before the tables inside of it"),
                start,
            ))
        } else if table.kind == Kind::List {
            let says = format!("\"{name}\" is a list of tables; write [[{name}]] for one more");
            Err(self.problem(&says, start))
        } else {
            Err(self.problem(&format!("the table \"{name}\" is defined twice"), start))
        }
    }

    fn pair(&mut self, into: &mut Table, path: &[String], depth: usize) -> Parsed<()> {
        let start = self.at;
        let keys = self.keys()?;
        if self.peek() != Some('=') {
            return Err(self.expected("\"=\" behind the key"));
        }
        self.at += 1;
        let mut table = into;
        for (index, key) in keys.iter().enumerate() {
            let is_last = index + 1 == keys.len();
            let full = [path, &keys[..=index]].concat();
            let found = table.position(key);
            let position = match found {
                Some(_) if is_last => {
                    return Err(self.problem(
                        &format!("the key \"{}\" is given twice", full.join(".")),
                        start,
                    ));
                }
                Some(position) => {
                    let there = &table.members[position].1;
                    if there.kind != Kind::Dotted || there.section != self.section {
                        return Err(self.complete(&full, start));
                    }
                    position
                }
                None => table.add(
                    key,
                    Table::new(
                        if is_last { Kind::Closed } else { Kind::Dotted },
                        self.section,
                    ),
                ),
            };
            table = &mut table.members[position].1;
        }
        let full = [path, &keys].concat();
        table.value = self.value(&full, depth, "a value")?;
        Ok(())
    }

    fn keys(&mut self) -> Parsed<Vec<String>> {
        let mut keys = Vec::new();
        loop {
            self.skip_blanks();
            let start = self.at;
            let bare = self.skip_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
            let key = if bare.is_empty() {
                self.quoted_key()?
            } else {
                bare
            };
            if key == "__proto__" {
                return Err(self.problem("\"__proto__\" cannot be a key", start));
            }
            keys.push(key);
            self.skip_blanks();
            if self.peek() != Some('.') {
                return Ok(keys);
            }
            self.at += 1;
        }
    }

    fn quoted_key(&mut self) -> Parsed<String> {
        let is_key = ["\"", "'"].iter().any(|quote| {
            self.rest().starts_with(quote) && !self.rest().starts_with(&quote.repeat(3))
        });
        if is_key {
            self.string()
        } else {
            Err(self.expected("a key"))
        }
    }

    fn value(&mut self, path: &[String], depth: usize, expected: &str) -> Parsed<Value> {
        if depth > MAX_DEPTH {
            return Err(self.problem(
                &format!("values are nested deeper than {MAX_DEPTH}"),
                self.at,
            ));
        }
        self.skip_blanks();
        match self.peek() {
            Some('"' | '\'') => return self.string().map(Value::Text),
            Some('[') => return self.array(path, depth),
            Some('{') => return self.inline_table(path, depth),
            _ => {}
        }
        let start = self.at;
        let token = self.skip_while(|c| !c.is_whitespace() && !matches!(c, ',' | ']' | '}' | '#'));
        if token.is_empty() {
            return Err(self.expected(expected));
        }
        scalar(&token).map_err(|says| self.problem(&format!("{token} {says}"), start))
    }

    fn array(&mut self, path: &[String], depth: usize) -> Parsed<Value> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_lines();
        while self.peek() != Some(']') {
            items.push(self.value(path, depth + 1, "a value or \"]\"")?);
            self.skip_lines();
            match self.peek() {
                Some(',') => self.at += 1,
                Some(']') => {}
                _ => return Err(self.expected("\",\" or \"]\"")),
            }
            self.skip_lines();
        }
        self.at += 1;
        Ok(Value::List(items))
    }

    /// It stands on one line, and nothing can be added to it later.
    fn inline_table(&mut self, path: &[String], depth: usize) -> Parsed<Value> {
        let mut table = Table::new(Kind::Header, 0);
        loop {
            self.at += 1;
            self.skip_blanks();
            if self.peek() == Some('}') && table.members.is_empty() {
                break;
            }
            self.pair(&mut table, path, depth + 1)?;
            self.skip_blanks();
            if self.peek() != Some(',') {
                break;
            }
        }
        if self.peek() != Some('}') {
            return Err(self.expected("\",\" or \"}\""));
        }
        self.at += 1;
        Ok(table.into_value())
    }

    fn string(&mut self) -> Parsed<String> {
        let start = self.at;
        let quote = self.peek().unwrap_or('"');
        let long = quote.to_string().repeat(3);
        let is_long = self.rest().starts_with(&long);
        let end = if is_long { long } else { quote.to_string() };
        self.at += end.len();
        let mut text = String::new();
        if is_long {
            let skipped = ["\r\n", "\n"]
                .iter()
                .find(|line_end| self.rest().starts_with(**line_end));
            self.at += skipped.map_or(0, |line_end| line_end.len());
        }
        while !self.rest().starts_with(&end) {
            match self.peek() {
                None => return Err(self.unterminated(is_long, start)),
                Some('\n') if !is_long => return Err(self.unterminated(is_long, start)),
                Some('\\') if quote == '"' => text.extend(self.escape(is_long)?),
                Some(found) => {
                    self.at += found.len_utf8();
                    text.push(found);
                }
            }
        }
        self.at += end.len();
        // Two more quotes at most may stand before the last three.
        for _ in 0..2 {
            if is_long && self.peek() == Some(quote) {
                self.at += 1;
                text.push(quote);
            }
        }
        Ok(text)
    }

    fn unterminated(&self, is_long: bool, start: usize) -> String {
        let place = if is_long { "" } else { " on its line" };
        self.problem(&format!("the string does not end{place}"), start)
    }

    fn escape(&mut self, is_long: bool) -> Parsed<Option<char>> {
        let start = self.at;
        let rest = &self.rest()[1..];
        if is_long {
            let behind = rest.trim_start_matches([' ', '\t']);
            if behind.starts_with('\n') || behind.starts_with("\r\n") {
                let next = rest.trim_start_matches([' ', '\t', '\r', '\n']);
                self.at = self.text.len() - next.len();
                return Ok(None);
            }
        }
        let kind = rest.chars().next();
        let simple = match kind {
            Some('b') => Some('\u{8}'),
            Some('t') => Some('\t'),
            Some('n') => Some('\n'),
            Some('f') => Some('\u{c}'),
            Some('r') => Some('\r'),
            Some('"') => Some('"'),
            Some('\\') => Some('\\'),
            _ => None,
        };
        if simple.is_some() {
            self.at += 2;
            return Ok(simple);
        }
        let digits = rest.strip_prefix('u').and_then(|digits| digits.get(..4));
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(digits) = digits else {
            let shown: String = self.rest().chars().take(2).collect();
            let says = format!("the escape {shown} does not exist, or is not supported here");
            return Err(self.problem(&says, start));
        };
        let character = u32::from_str_radix(digits, 16)
            .ok()
            .and_then(char::from_u32);
        let says = format!("the escape \\u{digits} stands for no character");
        self.at += 6;
        character
            .map(Some)
            .ok_or_else(|| self.problem(&says, start))
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_while(&mut self, is_part: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let skipped = rest[..rest.len() - rest.trim_start_matches(is_part).len()].to_owned();
        self.at += skipped.len();
        skipped
    }

    fn skip_blanks(&mut self) {
        self.skip_while(|c| matches!(c, ' ' | '\t'));
    }

    /// Blanks, comments and line ends.
    fn skip_lines(&mut self) {
        loop {
            self.skip_while(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
            if self.peek() != Some('#') {
                return;
            }
            self.skip_while(|c| c != '\n');
        }
    }

    fn expected(&self, what: &str) -> String {
        let shown = match self.peek() {
            None => "the end of the file".into(),
            Some('\r' | '\n') => "the end of the line".into(),
            Some(found) => found.to_string(),
        };
        self.problem(&format!("expected {what}, found {shown}"), self.at)
    }

    fn complete(&self, keys: &[String], at: usize) -> String {
        self.problem(
            &format!(
                "\"{}\" is complete already and cannot be extended",
                keys.join(".")
            ),
            at,
        )
    }

    fn problem(&self, says: &str, at: usize) -> String {
        format!("line {}: {says}", self.text[..at].matches('\n').count() + 1)
    }
}

/// A value that is no string, list or table, or what is wrong with it.
fn scalar(token: &str) -> Result<Value, String> {
    match token {
        "true" => return Ok(Value::Bool(true)),
        "false" => return Ok(Value::Bool(false)),
        "inf" | "+inf" | "-inf" | "nan" | "+nan" | "-nan" => {
            return Err("is a number that JSON cannot hold".into());
        }
        _ => {}
    }
    if let Some(number) = integer(token) {
        return match number.filter(|number| number.unsigned_abs() <= MAX_SAFE as u128) {
            Some(number) => Ok(Value::Number(number as f64)),
            None => Err(format!("is too large: integers go up to {MAX_SAFE}")),
        };
    }
    if is_float(token) {
        let number: f64 = token.replace('_', "").parse().unwrap_or(f64::INFINITY);
        return if number.is_finite() {
            Ok(Value::Number(number))
        } else {
            Err("is a number that JSON cannot hold".into())
        };
    }
    let bytes = token.as_bytes();
    let fits = |pattern: &str| {
        bytes.len() >= pattern.len()
            && pattern.bytes().zip(bytes).all(|(p, b)| {
                if p == b'0' {
                    b.is_ascii_digit()
                } else {
                    p == *b
                }
            })
    };
    Err(if fits("0000-00-00") || fits("00:00") {
        "is a date or a time, which JSON cannot hold; put it in quotes".into()
    } else {
        "is not a value; put text in quotes".into()
    })
}

/// An integer, `Some(None)` where it is too large for anything.
fn integer(token: &str) -> Option<Option<i128>> {
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = token.strip_prefix(prefix) {
            return grouped(digits, radix)
                .then(|| i128::from_str_radix(&digits.replace('_', ""), radix).ok());
        }
    }
    is_decimal(token).then(|| token.replace('_', "").parse().ok())
}

/// Digits with single underscores between them.
fn grouped(digits: &str, radix: u32) -> bool {
    digits
        .split('_')
        .all(|group| !group.is_empty() && group.chars().all(|c| c.is_digit(radix)))
}

fn is_decimal(token: &str) -> bool {
    let digits = token.strip_prefix(['+', '-']).unwrap_or(token);
    digits == "0" || !digits.starts_with('0') && grouped(digits, 10)
}

fn is_float(token: &str) -> bool {
    let (number, exponent) = match token.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (token, None),
    };
    let (whole, part) = match number.split_once('.') {
        Some((whole, part)) => (whole, Some(part)),
        None => (number, None),
    };
    let exponent_fits = |text: &str| grouped(text.strip_prefix(['+', '-']).unwrap_or(text), 10);
    is_decimal(whole)
        && part.is_none_or(|part| grouped(part, 10))
        && exponent.is_none_or(exponent_fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_reads_tables_lists_and_values() {
        let text = "a = 1 # one\n[b.c]\nd.e = 'x'\n\"f g\" = [1, 0x1F,\n 1_000,]\n[[l]]\nn = {p = true, q.r = 1.5}\n[[l]]\n[l.m]\ns = \"\"\"\n\\u00e9\\n\"\"\"\n";
        assert_eq!(
            parse(text).unwrap().to_json().replace(['\n', ' '], ""),
            r#"{"a":1,"b":{"c":{"d":{"e":"x"},"fg":[1,31,1000]}},"l":[{"n":{"p":true,"q":{"r":1.5}}},{"m":{"s":"é\n"}}]}"#
        );
    }

    #[test]
    fn parse_names_the_line_of_what_is_wrong() {
        for (text, says) in [
            ("a = 1\na = 2", "line 2: the key \"a\" is given twice"),
            ("[a]\n[a]", "line 2: the table \"a\" is defined twice"),
            (
                "a = ",
                "line 1: expected a value, found the end of the file",
            ),
            ("a = x", "line 1: x is not a value; put text in quotes"),
            (
                "a = 1 b = 2",
                "line 1: expected the end of the line, found b",
            ),
            ("a = \"x", "line 1: the string does not end on its line"),
            (
                "a = 2020-01-01",
                "line 1: 2020-01-01 is a date or a time, which JSON cannot hold; put it in quotes",
            ),
            (
                "a = 9007199254740993",
                "line 1: 9007199254740993 is too large: integers go up to 9007199254740991",
            ),
            (
                "a = {b = 1}\na.c = 2",
                "line 2: \"a\" is complete already and cannot be extended",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err(), says);
        }
    }
}
