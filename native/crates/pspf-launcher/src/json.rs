//! Writing JSON, for the files and the output that other tools read.

use std::fmt::Write;

/// A JSON object under construction.
pub(crate) struct JsonObject(String);

impl JsonObject {
    /// An empty object.
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    /// Adds a text.
    #[must_use]
    pub(crate) fn text(self, key: &str, value: &str) -> Self {
        let value = quote(value);
        self.raw(key, &value)
    }

    /// Adds a number.
    #[must_use]
    pub(crate) fn number(self, key: &str, value: u64) -> Self {
        self.raw(key, &value.to_string())
    }

    /// Adds true or false.
    #[must_use]
    pub(crate) fn flag(self, key: &str, value: bool) -> Self {
        self.raw(key, if value { "true" } else { "false" })
    }

    /// Adds something that is JSON already.
    #[must_use]
    pub(crate) fn raw(mut self, key: &str, value: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quote(key));
        self.0.push(':');
        self.0.push_str(value);
        self
    }

    /// The finished text.
    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A JSON array of things that are JSON already.
pub(crate) fn array(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<_> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}

/// A JSON string.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_object_escapes_what_json_forbids() {
        let object = JsonObject::new()
            .text("a\"b", "x\n\u{1}\u{9b}é")
            .number("n", 3)
            .flag("ok", true)
            .finish();
        assert_eq!(
            object,
            "{\"a\\\"b\":\"x\\n\\u0001\\u009bé\",\"n\":3,\"ok\":true}"
        );
        assert_eq!(array(["1".to_owned(), quote("x")]), "[1,\"x\"]");
    }
}
