//! Compares a parsed manifest with the table of its keys, and notes everything that is wrong.

use crate::schema::Schema;
use crate::value::{MAX_SAFE, Value, format_number, quote};
use crate::value_checks;

/// Whose words and defaults count: JSON manifests are those of the existing builders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Format {
    Toml,
    Json,
}

struct Problem {
    path: String,
    message: String,
    /// What is forgiven is worth a word only beside something that is not.
    is_forgiven: bool,
}

/// Collects what a manifest does wrong, and what is only odd.
#[derive(Default)]
pub(crate) struct Notes {
    problems: Vec<Problem>,
    ignored: Vec<String>,
    words: Vec<String>,
}

impl Notes {
    pub(crate) fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem {
            path: path.into(),
            message: message.into(),
            is_forgiven: false,
        });
    }

    fn ignore(&mut self, path: &str, meant: Option<&str>) {
        let guess = meant.map_or_else(String::new, |meant| format!(" (did you mean \"{meant}\"?)"));
        self.ignored.push(format!("{path}{guess}"));
        if meant.is_some() {
            let message = unknown_key(meant, &[]);
            self.problems.push(Problem {
                path: path.into(),
                message,
                is_forgiven: true,
            });
        }
    }

    /// What makes the manifest unusable, a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        if self.problems.iter().all(|problem| problem.is_forgiven) {
            return Vec::new();
        }
        let line = |problem: &Problem| match problem.path.as_str() {
            "" => format!("it {}", problem.message),
            path => format!("{path} {}", problem.message),
        };
        self.problems.iter().map(line).collect()
    }

    /// What is odd, but not wrong: at most one warning of each kind.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let kinds = [
            ("keys without effect are ignored", &self.ignored),
            ("words that flavor does not know are kept", &self.words),
        ];
        let there = kinds.into_iter().filter(|(_, list)| !list.is_empty());
        there
            .map(|(says, list)| format!("{says}: {}", list.join(", ")))
            .collect()
    }

    /// Whether nothing in a section, or in one of its members, is wrong.
    pub(crate) fn is_sound(&self, path: &str) -> bool {
        !self.problems.iter().any(|problem| {
            let inside = problem.path.strip_prefix(path);
            !problem.is_forgiven
                && (problem.path.is_empty()
                    || inside.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])))
        })
    }
}

/// Names a member of a document, with quotes where the key needs them.
pub(crate) fn member_path(parent: &str, key: &str) -> String {
    let is_plain = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    match (is_plain, parent) {
        (false, _) => format!("{parent}[{}]", quote(key)),
        (true, "") => key.to_owned(),
        (true, _) => format!("{parent}.{key}"),
    }
}

/// Gives the document with nothing but known keys that have a value; where something is wrong it means nothing.
pub(crate) fn check(
    value: &Value,
    schema: Schema,
    path: &str,
    format: Format,
    notes: &mut Notes,
) -> Value {
    if schema.kind() == "either"
        && let Some(fitting) = schema.options().find(|option| has_kind(value, *option))
    {
        return check(value, fitting, path, format, notes);
    }
    if !has_kind(value, schema) {
        notes.problem(
            path,
            format!("is {}, expected {}", describe(value), name_kind(schema)),
        );
        return value.clone();
    }
    match value {
        Value::Table(members) if schema.kind() == "object" => {
            check_object(members, schema, path, format, notes)
        }
        Value::Table(members) if schema.kind() == "map" => {
            let checked = members.iter().map(|(key, member)| {
                let at = member_path(path, key);
                if let Some(problem) = schema
                    .check_key()
                    .and_then(|check| value_checks::run(check, key))
                {
                    notes.problem(&at, problem);
                }
                (
                    key.clone(),
                    check(member, schema.inner(), &at, format, notes),
                )
            });
            Value::Table(checked.collect())
        }
        Value::List(items) if schema.kind() == "array" => {
            let checked = items.iter().enumerate().map(|(index, item)| {
                check(
                    item,
                    schema.inner(),
                    &format!("{path}[{index}]"),
                    format,
                    notes,
                )
            });
            Value::List(checked.collect())
        }
        Value::Text(text) if schema.kind() == "string" => {
            check_text(text, schema, path, format, notes);
            value.clone()
        }
        Value::Number(number) if schema.kind() == "integer" => {
            let (min, max) = schema.bounds();
            if !(min..=max).contains(number) {
                let [number, min, max] = [*number, min, max].map(format_number);
                notes.problem(path, format!("is {number}, expected {min} to {max}"));
            }
            value.clone()
        }
        _ => value.clone(),
    }
}

fn check_object(
    members: &[(String, Value)],
    schema: Schema,
    path: &str,
    format: Format,
    notes: &mut Notes,
) -> Value {
    let names: Vec<&str> = schema.fields().map(|field| field.name).collect();
    let mut known = Vec::new();
    for (key, member) in members {
        let at = member_path(path, key);
        match schema.fields().find(|field| field.name == key) {
            None => {
                let is_operations = key == "encoding" && names.contains(&"operations");
                let meant = if is_operations {
                    Some("operations")
                } else {
                    nearest_name(key, &names)
                };
                match format {
                    Format::Json => notes.ignore(&at, meant),
                    Format::Toml => notes.problem(&at, unknown_key(meant, &names)),
                }
            }
            // JSON manifests of the existing builders write null for "none".
            Some(field) if *member != Value::Null || field.is_required => {
                known.push((key.clone(), check(member, field.schema, &at, format, notes)));
            }
            Some(_) => {}
        }
    }
    for field in schema.fields().filter(|field| field.is_required) {
        if !members.iter().any(|(key, _)| key == field.name) {
            let at = member_path(path, field.name);
            notes.problem(
                &at,
                format!("is missing; for example {} = {}", field.name, field.example),
            );
        }
    }
    Value::Table(known)
}

fn check_text(text: &str, schema: Schema, path: &str, format: Format, notes: &mut Notes) {
    if let Some(problem) = schema
        .check()
        .and_then(|check| value_checks::run(check, text))
    {
        notes.problem(path, problem);
    }
    let Some(words) = schema.words() else { return };
    if words.iter().any(|word| word == text) {
        return;
    }
    if schema.is_open_in_json() && format == Format::Json {
        notes.words.push(format!("{path} = {}", quote(text)));
        return;
    }
    let names: Vec<&str> = words.iter().map(String::as_str).collect();
    let hint = match nearest_name(text, &names) {
        Some(nearest) => format!("did you mean \"{nearest}\"?"),
        None => {
            let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            format!("expected {}", quoted.join(", "))
        }
    };
    notes.problem(path, format!("is {}; {hint}", quote(text)));
}

fn unknown_key(meant: Option<&str>, known: &[&str]) -> String {
    match meant {
        None => format!("is not known; known are {}", known.join(", ")),
        Some(meant) => format!("is not known; did you mean \"{meant}\"?"),
    }
}

fn has_kind(value: &Value, schema: Schema) -> bool {
    match schema.kind() {
        "object" | "map" => matches!(value, Value::Table(_)),
        "array" => matches!(value, Value::List(_)),
        "integer" => {
            matches!(value, Value::Number(number) if number.fract() == 0.0 && number.abs() <= MAX_SAFE)
        }
        "either" => schema.options().any(|option| has_kind(value, option)),
        "boolean" => matches!(value, Value::Bool(_)),
        "string" => matches!(value, Value::Text(_)),
        _ => true,
    }
}

fn name_kind(schema: Schema) -> String {
    let name = match schema.kind() {
        "object" | "map" => "a table",
        "array" => "a list",
        "integer" => "a whole number",
        "boolean" => "true or false",
        "string" => "a string",
        "either" => {
            let names: Vec<String> = schema.options().map(name_kind).collect();
            return names.join(" or ");
        }
        _ => "anything",
    };
    name.to_owned()
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::List(_) => "a list".into(),
        Value::Table(_) => "a table".into(),
        Value::Text(_) => "a string".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {}", format_number(*number)),
    }
}

/// The known name that a misspelled one most likely means, when one is near.
pub(crate) fn nearest_name<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let normal = |text: &str| -> Vec<u16> {
        text.to_lowercase()
            .replace('-', "_")
            .encode_utf16()
            .collect()
    };
    // A third of the letters wrong is no misspelling any more.
    let mut best = (name.encode_utf16().count() / 3).max(1) + 1;
    let mut nearest = None;
    for candidate in known {
        let distance = edit_distance(&normal(name), &normal(candidate));
        if distance < best {
            best = distance;
            nearest = Some(*candidate);
        }
    }
    nearest
}

/// Fewest letters to insert, drop, replace or swap with their neighbour.
fn edit_distance(a: &[u16], b: &[u16]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = a[i - 1] == b[j - 1];
            let mut cost = (last[j - 1] + usize::from(!same))
                .min(last[j] + 1)
                .min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(before_last[j - 2] + 1);
            }
            row.push(cost);
        }
        before_last = last;
        last = row;
    }
    last.last().copied().unwrap_or_default()
}
