//! A strict JSON reader that pulls values instead of building a tree.
//!
//! More than one program has to understand the signed document in the same way, so whatever two
//! parsers could read differently is an error: a repeated key at any depth, an unpaired surrogate,
//! text after the end. A tree of values would let a hostile document of 16 MiB take hundreds; here
//! only the keys of the open objects are remembered.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use crate::constants::{MAX_JSON_DEPTH, MAX_METADATA};
use crate::error::{Error, Result};
use crate::error_kind::ErrorKind;

/// Reads one member of an object; it must consume exactly the member's value.
pub type MemberVisitor<'v, 'a> = dyn FnMut(&mut JsonReader<'a>, &str) -> Result<()> + 'v;
/// Reads one element of an array; it must consume exactly that element.
pub type ElementVisitor<'v, 'a> = dyn FnMut(&mut JsonReader<'a>) -> Result<()> + 'v;

/// A position in a JSON text.
pub struct JsonReader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Keys of all open objects, innermost last.
    keys: Vec<Key>,
    /// Where in the document the reader is, for messages.
    path: Vec<Step<'a>>,
}

/// A key as written, without its quotes. Half the size of a slice, and there may be millions.
#[derive(Clone, Copy)]
struct Key {
    start: u32,
    end: u32,
}

enum Step<'a> {
    Key(Cow<'a, str>),
    Element(usize),
}

impl<'a> JsonReader<'a> {
    /// Starts reading. The text must be UTF-8 and at most 16 MiB.
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        if u64::try_from(bytes.len()).map_or(true, |length| length > MAX_METADATA) {
            return Err(Error::new(
                ErrorKind::FormatTooLarge,
                "the metadata is larger than any package needs",
            )
            .with("size", bytes.len())
            .with("limit", MAX_METADATA));
        }
        let text = core::str::from_utf8(bytes).map_err(|error| {
            Error::new(ErrorKind::FormatBadMetadata, "the metadata is not UTF-8")
                .with("byte", error.valid_up_to())
        })?;
        Ok(Self {
            text,
            at: 0,
            depth: 0,
            keys: Vec::new(),
            path: Vec::new(),
        })
    }

    /// Reads an object, one member at a time. Repeated keys are refused at its end.
    pub fn object(&mut self, visit: &mut MemberVisitor<'_, 'a>) -> Result<()> {
        self.open(b'{', "an object")?;
        let first_key = self.keys.len();
        if !self.take(b'}') {
            loop {
                self.member(visit)?;
                if self.take(b'}') {
                    break;
                }
                self.expect(b',', "a comma or the end of the object")?;
            }
        }
        self.close();
        self.refuse_repeated_keys(first_key)
    }

    /// Reads an array, one element at a time.
    pub fn array(&mut self, visit: &mut ElementVisitor<'_, 'a>) -> Result<()> {
        self.open(b'[', "a list")?;
        if !self.take(b']') {
            for element in 0_usize.. {
                self.path.push(Step::Element(element));
                visit(self)?;
                self.path.pop();
                if self.take(b']') {
                    break;
                }
                self.expect(b',', "a comma or the end of the list")?;
            }
        }
        self.close();
        Ok(())
    }

    /// Reads a string. Only a string with escapes is copied.
    pub fn string(&mut self) -> Result<Cow<'a, str>> {
        let raw = self.raw_string()?;
        if raw.contains('\\') {
            self.unescape(raw).map(Cow::Owned)
        } else {
            Ok(Cow::Borrowed(raw))
        }
    }

    /// Reads `true` or `false`.
    pub fn boolean(&mut self) -> Result<bool> {
        if self.literal("true") {
            Ok(true)
        } else if self.literal("false") {
            Ok(false)
        } else {
            Err(self.unexpected("true or false"))
        }
    }

    /// Reads a whole number from 0 to 2^53 - 1, the most that every reader can hold.
    pub fn integer(&mut self) -> Result<u64> {
        const MAX_SAFE: u64 = (1 << 53) - 1;
        self.skip_blanks();
        let start = self.at;
        let digits = self.number()?;
        digits
            .parse()
            .ok()
            .filter(|value| *value <= MAX_SAFE)
            .ok_or_else(|| {
                self.at = start;
                self.unexpected("a whole number from 0")
            })
    }

    /// Takes a `null`, if one is next.
    pub fn null(&mut self) -> bool {
        self.literal("null")
    }

    /// Whether a string is next.
    pub fn at_string(&mut self) -> bool {
        self.next_byte() == Some(b'"')
    }

    /// Reads a value of any kind and forgets it. It has to be well formed all the same.
    pub fn skip(&mut self) -> Result<()> {
        match self.next_byte() {
            Some(b'{') => self.object(&mut |reader, _| reader.skip()),
            Some(b'[') => self.array(&mut Self::skip),
            Some(b'"') => self.string().map(drop),
            Some(b't' | b'f') => self.boolean().map(drop),
            Some(b'n') if self.null() => Ok(()),
            _ => self.number().map(drop),
        }
    }

    /// Checks that nothing but blanks follows.
    pub fn finish(mut self) -> Result<()> {
        match self.next_byte() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the document")),
        }
    }

    /// An error about the value that the reader is at or has just read.
    pub fn error(&self, problem: impl Into<Cow<'static, str>>) -> Error {
        let error = Error::new(ErrorKind::FormatBadMetadata, problem).with("byte", self.at);
        match self.path_text() {
            path if path.is_empty() => error,
            path => error.with("at", path),
        }
    }

    fn member(&mut self, visit: &mut MemberVisitor<'_, 'a>) -> Result<()> {
        self.skip_blanks();
        // Past the opening quote; `string` refuses whatever else stands here.
        let start = self.at.saturating_add(1);
        let key = self.string()?;
        let end = self.at.saturating_sub(1);
        if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) {
            self.keys.push(Key { start, end });
        }
        self.expect(b':', "a colon")?;
        self.path.push(Step::Key(key.clone()));
        visit(self, &key)?;
        self.path.pop();
        Ok(())
    }

    fn refuse_repeated_keys(&mut self, first_key: usize) -> Result<()> {
        let mut keys = self.keys.split_off(first_key);
        keys.sort_unstable_by(|a, b| self.decoded(*a).cmp(&self.decoded(*b)));
        let repeated = keys.windows(2).find_map(|pair| {
            let key = self.decoded(*pair.first()?);
            (key == self.decoded(*pair.last()?)).then_some(key)
        });
        match repeated {
            None => Ok(()),
            Some(key) => Err(self.error(format!("the key \"{key}\" is repeated"))),
        }
    }

    fn decoded(&self, key: Key) -> Cow<'a, str> {
        let raw = usize::try_from(key.start)
            .ok()
            .zip(usize::try_from(key.end).ok())
            .and_then(|(start, end)| self.text.get(start..end))
            .unwrap_or_default();
        // A key that was read once cannot fail to be read again.
        if raw.contains('\\') {
            Cow::Owned(self.unescape(raw).unwrap_or_default())
        } else {
            Cow::Borrowed(raw)
        }
    }

    fn open(&mut self, bracket: u8, what: &'static str) -> Result<()> {
        self.expect(bracket, what)?;
        if self.depth >= MAX_JSON_DEPTH {
            return Err(self
                .error("the metadata is nested too deeply")
                .with("limit", MAX_JSON_DEPTH));
        }
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Reads a string and gives the text between its quotes, as written.
    fn raw_string(&mut self) -> Result<&'a str> {
        self.expect(b'"', "a string")?;
        let start = self.at;
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.at = self.at.saturating_add(2),
                Some(0x20..) => self.at = self.at.saturating_add(1),
                Some(_) => return Err(self.error("a string holds a control character")),
                None => return Err(self.error("a string has no end")),
            }
        }
        let raw = self.text.get(start..self.at);
        self.at = self.at.saturating_add(1);
        raw.ok_or_else(|| self.error("an escape in a string is not valid"))
    }

    fn unescape(&self, raw: &str) -> Result<String> {
        let mut text = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((plain, escape)) = rest.split_once('\\') {
            text.push_str(plain);
            let (character, after) = unescape_one(escape)
                .ok_or_else(|| self.error("an escape in a string is not valid"))?;
            text.push(character);
            rest = after;
        }
        text.push_str(rest);
        Ok(text)
    }

    /// Reads a number and gives its text, which follows JSON's grammar.
    fn number(&mut self) -> Result<&'a str> {
        self.skip_blanks();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = number_length(rest.as_bytes()).ok_or_else(|| self.unexpected("a value"))?;
        self.at = self.at.saturating_add(length);
        Ok(rest.get(..length).unwrap_or_default())
    }

    fn literal(&mut self, word: &str) -> bool {
        self.skip_blanks();
        let found = self
            .text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word));
        if found {
            self.at = self.at.saturating_add(word.len());
        }
        found
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.next_byte() == Some(byte);
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<()> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.unexpected(what))
        }
    }

    fn next_byte(&mut self) -> Option<u8> {
        self.skip_blanks();
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.as_bytes().get(self.at) {
            self.at = self.at.saturating_add(1);
        }
    }

    fn unexpected(&self, expected: &'static str) -> Error {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let found: String = match rest.chars().next() {
            None => "the end".to_string(),
            Some(_) => rest
                .chars()
                .take_while(|c| !c.is_control())
                .take(24)
                .collect(),
        };
        self.error("the metadata holds something unexpected")
            .with("expected", expected)
            .with("found", found)
    }

    fn path_text(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            let dot = if text.is_empty() { "" } else { "." };
            // Writing to a string cannot fail.
            let _ = match step {
                Step::Key(key) => write!(text, "{dot}{key}"),
                Step::Element(element) => write!(text, "[{element}]"),
            };
        }
        text
    }
}

/// Decodes the escape whose backslash was just taken off, and gives what follows it.
fn unescape_one(escape: &str) -> Option<(char, &str)> {
    let mut characters = escape.chars();
    let character = match characters.next()? {
        '"' => '"',
        '\\' => '\\',
        '/' => '/',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unescape_unicode(characters.as_str()),
        _ => return None,
    };
    Some((character, characters.as_str()))
}

/// Decodes `XXXX`, or `XXXX\uXXXX` where two surrogates make one character.
fn unescape_unicode(digits: &str) -> Option<(char, &str)> {
    let (first, rest) = hex_unit(digits)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, rest));
    }
    let (second, rest) = hex_unit(rest.strip_prefix("\\u")?)?;
    if !(0xD800..0xDC00).contains(&first) || !(0xDC00..0xE000).contains(&second) {
        return None;
    }
    let character = (((first & 0x3FF) << 10) | (second & 0x3FF)).checked_add(0x1_0000)?;
    Some((char::from_u32(character)?, rest))
}

fn hex_unit(digits: &str) -> Option<(u32, &str)> {
    let (unit, rest) = digits.split_at_checked(4)?;
    let is_hex = unit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex
        .then(|| u32::from_str_radix(unit, 16).ok())?
        .map(|unit| (unit, rest))
}

/// Length of the JSON number at the start of a text.
fn number_length(text: &[u8]) -> Option<usize> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.first() == Some(&b'0')) {
        return None;
    }
    rest = rest.get(whole..)?;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return None;
        }
        rest = fraction.get(count..)?;
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let exponent = exponent
            .strip_prefix(b"+")
            .or_else(|| exponent.strip_prefix(b"-"))
            .unwrap_or(exponent);
        let count = digits(exponent);
        if count == 0 {
            return None;
        }
        rest = exponent.get(count..)?;
    }
    text.len().checked_sub(rest.len())
}
