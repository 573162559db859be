//! The keys of a manifest, from the table that the toolkit checks by. `scripts/dev docs` writes it down.

use std::sync::OnceLock;

use crate::json;
use crate::value::Value;

/// What a value has to be: one node of the table.
#[derive(Clone, Copy)]
pub(crate) struct Schema(&'static Value);

/// One key of a table.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) schema: Schema,
    pub(crate) example: &'static str,
    pub(crate) is_required: bool,
}

pub(crate) fn manifest() -> Schema {
    static TABLE: OnceLock<Value> = OnceLock::new();
    Schema(TABLE.get_or_init(|| {
        // A test of the toolkit holds the file to what wrote it.
        json::parse(include_str!("manifest_schema.json")).unwrap_or(Value::Null)
    }))
}

impl Schema {
    pub(crate) fn kind(self) -> &'static str {
        self.text("kind").unwrap_or("any")
    }

    /// The name of the check that a text has to pass.
    pub(crate) fn check(self) -> Option<&'static str> {
        self.text("check")
    }

    /// The name of the check that keys of a map have to pass.
    pub(crate) fn check_key(self) -> Option<&'static str> {
        self.text("checkKey")
    }

    pub(crate) fn words(self) -> Option<Vec<String>> {
        self.0.get("words").map(Value::texts)
    }

    pub(crate) fn is_open_in_json(self) -> bool {
        self.0.get("openInJson") == Some(&Value::Bool(true))
    }

    pub(crate) fn bounds(self) -> (f64, f64) {
        let bound = |key| match self.0.get(key) {
            Some(Value::Number(number)) => *number,
            _ => 0.0,
        };
        (bound("min"), bound("max"))
    }

    /// What the items of a list, or the values of a map, have to be.
    pub(crate) fn inner(self) -> Self {
        let key = if self.kind() == "array" {
            "items"
        } else {
            "values"
        };
        Self(self.0.get(key).unwrap_or(&Value::Null))
    }

    pub(crate) fn options(self) -> impl Iterator<Item = Self> {
        self.0
            .get("options")
            .and_then(Value::as_list)
            .unwrap_or_default()
            .iter()
            .map(Self)
    }

    pub(crate) fn fields(self) -> impl Iterator<Item = Field> {
        let members = self
            .0
            .get("fields")
            .and_then(Value::as_table)
            .unwrap_or_default()
            .iter();
        members.map(|(name, field)| Field {
            name,
            schema: Self(field.get("schema").unwrap_or(&Value::Null)),
            example: field
                .get("example")
                .and_then(Value::as_text)
                .unwrap_or_default(),
            is_required: field.get("required") == Some(&Value::Bool(true)),
        })
    }

    fn text(self, key: &str) -> Option<&'static str> {
        self.0.get(key).and_then(Value::as_text)
    }
}
