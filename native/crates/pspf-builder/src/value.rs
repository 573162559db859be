//! Documents: what manifests are parsed into, and what the metadata is written from.

use std::fmt::Write;

/// A value as JSON has them; tables keep the order of their members.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Self>),
    Table(Vec<(String, Self)>),
}

/// The largest integer that a double holds exactly.
pub(crate) const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn number(number: u64) -> Self {
        Self::Number(number as f64)
    }

    /// A table without the members that are not there.
    pub(crate) fn table<const N: usize>(members: [(&str, Option<Self>); N]) -> Self {
        let there = members.into_iter();
        Self::Table(
            there
                .filter_map(|(key, value)| Some((key.to_owned(), value?)))
                .collect(),
        )
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Table(members) => members
                .iter()
                .find_map(|(name, value)| (name == key).then_some(value)),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn as_table(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Table(members) => Some(members),
            _ => None,
        }
    }

    pub(crate) fn as_whole(&self) -> Option<u64> {
        match self {
            Self::Number(number) if number.fract() == 0.0 && (0.0..=MAX_SAFE).contains(number) => {
                Some(*number as u64)
            }
            _ => None,
        }
    }

    /// The texts of a list; empty when this is none.
    pub(crate) fn texts(&self) -> Vec<String> {
        let items = self.as_list().unwrap_or_default().iter();
        items
            .filter_map(|item| item.as_text().map(str::to_owned))
            .collect()
    }

    /// A copy whose members are sorted as texts by name are written.
    pub(crate) fn sorted(&self) -> Self {
        let mut members = self.as_table().unwrap_or_default().to_vec();
        members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
        Self::Table(members)
    }

    /// The document as `JSON.stringify(value, undefined, 2)` writes it, which the signature covers.
    pub(crate) fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => out.push_str(&format_number(*number)),
            Self::Text(text) => write_text(out, text),
            Self::List(items) => write_members(
                out,
                depth,
                ['[', ']'],
                items.iter().map(|item| (None, item)),
            ),
            Self::Table(members) => {
                let members = in_order(members)
                    .into_iter()
                    .map(|(key, value)| (Some(key.as_str()), value));
                write_members(out, depth, ['{', '}'], members);
            }
        }
    }
}

/// JavaScript puts keys that are indexes before the others.
fn in_order(members: &[(String, Value)]) -> Vec<&(String, Value)> {
    let index = |key: &str| {
        key.parse::<u32>()
            .ok()
            .filter(|index| *index < u32::MAX && index.to_string() == key)
    };
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by_key(|(key, _)| index(key).map_or(u64::MAX, u64::from));
    sorted
}

fn write_members<'a>(
    out: &mut String,
    depth: usize,
    [open, close]: [char; 2],
    members: impl Iterator<Item = (Option<&'a str>, &'a Value)>,
) {
    out.push(open);
    let mut is_empty = true;
    for (key, value) in members {
        out.push_str(if is_empty { "\n" } else { ",\n" });
        is_empty = false;
        out.extend(std::iter::repeat_n("  ", depth + 1));
        if let Some(key) = key {
            write_text(out, key);
            out.push_str(": ");
        }
        value.write(out, depth + 1);
    }
    if !is_empty {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    }
    out.push(close);
}

fn write_text(out: &mut String, text: &str) {
    out.push_str(&quote(text));
}

/// A text as JSON writes it.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..'\u{20}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

/// A number as JavaScript writes it.
pub(crate) fn format_number(number: f64) -> String {
    if number == 0.0 {
        return "0".into();
    }
    let shortest = format!("{:e}", number.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let count = digits.len() as i32;
    let point = exponent + 1;
    let sign = if number < 0.0 { "-" } else { "" };
    let zeros = |count: i32| "0".repeat(count.max(0) as usize);
    let body = if (count..=21).contains(&point) {
        format!("{digits}{}", zeros(point - count))
    } else if (1..=21).contains(&point) {
        let (whole, part) = digits.split_at(point as usize);
        format!("{whole}.{part}")
    } else if (-5..=0).contains(&point) {
        format!("0.{}{digits}", zeros(-point))
    } else {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let plus = if exponent < 0 { '-' } else { '+' };
        format!("{first}{dot}{rest}e{plus}{}", exponent.abs())
    };
    format!("{sign}{body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_number_writes_what_javascript_writes() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (1e21, "1e+21"),
            (1e20, "100000000000000000000"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.25e-9, "1.25e-9"),
            (0.1, "0.1"),
            (123_456.789, "123456.789"),
            (9_007_199_254_740_991.0, "9007199254740991"),
        ] {
            assert_eq!(format_number(number), text);
        }
    }

    #[test]
    fn to_json_writes_what_javascript_writes() {
        let value = Value::Table(vec![
            ("b".into(), Value::text("a\"\\\u{1}\n\u{7f}\u{1F4E6}")),
            (
                "10".into(),
                Value::List(vec![Value::Null, Value::Bool(true)]),
            ),
            ("2".into(), Value::Table(vec![])),
            ("01".into(), Value::List(vec![])),
        ]);
        assert_eq!(
            value.to_json(),
            "{\n  \"2\": {},\n  \"10\": [\n    null,\n    true\n  ],\n  \"b\": \"a\\\"\\\\\\u0001\\n\u{7f}\u{1F4E6}\",\n  \"01\": []\n}"
        );
    }
}
