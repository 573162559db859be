//! JSON manifests: strict, because more than one program has to understand them in the same way.

use crate::value::Value;

const MAX_DEPTH: usize = 64;

/// Parses a document; the message of what is wrong ends a sentence.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(parser.unexpected());
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn unexpected(&self) -> String {
        let at = self.text[..self.at].encode_utf16().count();
        match self.rest().chars().next() {
            None => "Unexpected end of JSON input".into(),
            Some(found) => format!("Unexpected token '{found}' at position {at}"),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        self.blanks();
        let word = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
        ];
        for (token, value) in word {
            if self.take(token) {
                return Ok(value);
            }
        }
        if depth >= MAX_DEPTH && self.rest().starts_with(['{', '[']) {
            return Err(format!("it is nested deeper than {MAX_DEPTH}"));
        }
        match self.rest().chars().next() {
            Some('"') => Ok(Value::Text(self.text()?)),
            Some('[') => self.list(depth),
            Some('{') => self.table(depth),
            Some('-' | '0'..='9') => self.number(),
            _ => Err(self.unexpected()),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        self.take("[");
        let mut items = Vec::new();
        self.blanks();
        if self.take("]") {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.take("]") {
                return Ok(Value::List(items));
            }
            if !self.take(",") {
                return Err(self.unexpected());
            }
        }
    }

    fn table(&mut self, depth: usize) -> Result<Value, String> {
        self.take("{");
        let mut members: Vec<(String, Value)> = Vec::new();
        self.blanks();
        if self.take("}") {
            return Ok(Value::Table(members));
        }
        loop {
            self.blanks();
            if !self.rest().starts_with('"') {
                return Err(self.unexpected());
            }
            let key = self.text()?;
            self.blanks();
            if !self.take(":") {
                return Err(self.unexpected());
            }
            if members.iter().any(|(known, _)| *known == key) {
                return Err(format!("key \"{key}\" is repeated"));
            }
            members.push((key, self.value(depth + 1)?));
            self.blanks();
            if self.take("}") {
                return Ok(Value::Table(members));
            }
            if !self.take(",") {
                return Err(self.unexpected());
            }
        }
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        self.take("-");
        let digits = |parser: &mut Self| {
            let rest = parser.rest();
            let count = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            parser.at += count;
            count
        };
        let is_zero = self.rest().starts_with('0');
        let count = digits(self);
        let mut is_number = count == 1 || count > 0 && !is_zero;
        if self.take(".") {
            is_number &= digits(self) > 0;
        }
        if self.take("e") || self.take("E") {
            let _ = self.take("+") || self.take("-");
            is_number &= digits(self) > 0;
        }
        let number = self.text[start..self.at].parse().ok().filter(|_| is_number);
        number.map(Value::Number).ok_or_else(|| self.unexpected())
    }

    fn text(&mut self) -> Result<String, String> {
        self.take("\"");
        let mut text = String::new();
        loop {
            let Some(next) = self.rest().chars().next() else {
                return Err("Unterminated string".into());
            };
            if next < ' ' {
                return Err(self.unexpected());
            }
            self.at += next.len_utf8();
            match next {
                '"' => return Ok(text),
                '\\' => text.push(self.escape()?),
                _ => text.push(next),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let Some(kind) = self.rest().chars().next() else {
            return Err(self.unexpected());
        };
        self.at += kind.len_utf8();
        Ok(match kind {
            '"' | '\\' | '/' => kind,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.unit()?;
                let second = if (0xD800..0xDC00).contains(&first) && self.take("\\u") {
                    Some(self.unit()?)
                } else {
                    None
                };
                let units = std::iter::once(first).chain(second);
                let mut decoded = char::decode_utf16(units);
                match (decoded.next(), decoded.next()) {
                    (Some(Ok(character)), None) => character,
                    _ => return Err("a string has an unpaired surrogate".into()),
                }
            }
            _ => return Err(format!("Bad escaped character '{kind}'")),
        })
    }

    fn unit(&mut self) -> Result<u16, String> {
        let digits = self
            .rest()
            .get(..4)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        self.at += 4;
        unit.ok_or_else(|| "Bad Unicode escape".into())
    }
}
