//! From a manifest to what a package will hold, before any file is looked at.

use pspf_format::{Error, ErrorKind, OperationChain, Result};

use crate::check::{Format, Notes, check, member_path, nearest_name};
use crate::schema;
use crate::value::{Value, quote};
use crate::value_checks::{parse_permissions, place_in_workenv, umask, workenv_path};
use crate::{json, toml};

/// One slot to be built.
pub(crate) struct SlotSpec {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) include: Vec<String>,
    pub(crate) exclude: Vec<String>,
    /// Path below the workenv, `/`-separated; empty for the workenv itself.
    pub(crate) target: String,
    /// What is done to the bytes; chosen by the builder when absent.
    pub(crate) operations: Option<OperationChain>,
    pub(crate) level: Option<u32>,
    pub(crate) purpose: String,
    pub(crate) lifecycle: String,
    pub(crate) keeps_modes: bool,
    pub(crate) permissions: Option<u16>,
    /// The descriptor byte of where the slot is used.
    pub(crate) platform: u8,
    pub(crate) resolution: String,
}

/// Everything that a package will hold. Sections of the metadata are documents already.
pub(crate) struct Plan {
    pub(crate) format: Format,
    pub(crate) name: String,
    pub(crate) package: Value,
    pub(crate) slots: Vec<SlotSpec>,
    pub(crate) execution: Value,
    pub(crate) runtime: Option<Value>,
    pub(crate) workenv: Option<Value>,
    pub(crate) setup_commands: Vec<Value>,
    pub(crate) cache_validation: Option<Value>,
    pub(crate) custom: Option<Value>,
    pub(crate) launcher: Option<String>,
    pub(crate) is_portable: bool,
    pub(crate) warnings: Vec<String>,
}

/// No manifest that people write comes near.
const MAX_LENGTH: usize = 4 * 1024 * 1024;

/// Reads a manifest; `name` is what messages call it.
pub(crate) fn parse(text: &str, format: Format, name: &str) -> Result<Plan> {
    if text.encode_utf16().count() > MAX_LENGTH {
        return Err(Error::new(
            ErrorKind::ManifestSyntax,
            format!("Cannot read {name}: it has more than {MAX_LENGTH} characters"),
        ));
    }
    let content = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parsed = match format {
        Format::Toml => toml::parse(content),
        Format::Json => json::parse(content),
    };
    let document = parsed.map_err(|reason| {
        let error = Error::new(
            ErrorKind::ManifestSyntax,
            format!("Cannot read {name}: {reason}"),
        );
        if reason.starts_with("line ") {
            error
        } else {
            error.hint("Check commas, quotes and brackets near that place")
        }
    })?;
    plan_manifest(&document, format, name)
}

/// Keys of flat manifests, and where they belong.
const FLAT_KEYS: [(&str, &str); 5] = [
    ("name", "package.name"),
    ("version", "package.version"),
    ("description", "package.description"),
    ("command", "execution.command"),
    ("env", "execution.env"),
];

fn plan_manifest(document: &Value, format: Format, name: &str) -> Result<Plan> {
    let is_flat = matches!(document, Value::Table(_)) && document.get("package").is_none();
    let flat: Vec<String> = FLAT_KEYS
        .iter()
        .filter(|(key, _)| is_flat && document.get(key).is_some())
        .map(|(key, place)| format!("{key} belongs to {place}"))
        .collect();
    if !flat.is_empty() {
        return Err(
            invalid(name, &flat).hint("Put these keys into the tables package and execution")
        );
    }
    let mut notes = Notes::default();
    let known = check(document, schema::manifest(), "", format, &mut notes);
    let sound = Sound::of(&known, &notes);
    let plan = sound.plan(format, &mut notes);
    let lines = notes.lines();
    if !lines.is_empty() {
        return Err(invalid(name, &lines).hint("Every key is described in docs/manifest.md"));
    }
    Ok(Plan {
        warnings: notes.warnings(),
        ..plan
    })
}

fn invalid(name: &str, lines: &[String]) -> Error {
    let count = if lines.len() == 1 {
        "1 problem".into()
    } else {
        format!("{} problems", lines.len())
    };
    let message = format!("Cannot use {name}: {count}\n  {}", lines.join("\n  "));
    Error::new(ErrorKind::ManifestInvalid, message)
}

/// A manifest of which only the sections that fit the table are left, so that the rest can be checked further.
struct Sound {
    sections: Vec<(String, Value)>,
    /// `None` where a slot does not fit.
    slots: Vec<Option<Value>>,
}

impl Sound {
    fn of(document: &Value, notes: &Notes) -> Self {
        let mut sound = Self {
            sections: Vec::new(),
            slots: Vec::new(),
        };
        for (name, section) in document.as_table().unwrap_or_default() {
            if name == "slots"
                && let Some(slots) = section.as_list()
            {
                let kept = slots.iter().enumerate();
                let kept = kept.map(|(index, slot)| {
                    notes
                        .is_sound(&format!("slots[{index}]"))
                        .then(|| slot.clone())
                });
                sound.slots = kept.collect();
            } else if notes.is_sound(name) {
                sound.sections.push((name.clone(), section.clone()));
            }
        }
        sound
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.sections
            .iter()
            .find_map(|(section, value)| (section == name).then_some(value))
    }

    fn plan(&self, format: Format, notes: &mut Notes) -> Plan {
        // Stands in for a section that is broken and reported already.
        let stand_in = Value::table([("command", Some(Value::text("-")))]);
        let execution = self.get("execution").unwrap_or(&stand_in);
        let none = Value::List(Vec::new());
        let setup = self.get("setup_commands").unwrap_or(&none);
        for (section, value) in [
            ("execution", Some(execution)),
            ("workenv", self.get("workenv")),
            ("setup_commands", Some(setup)),
            ("runtime", self.get("runtime")),
        ] {
            if let Some(value) = value {
                check_placeholders(value, section, self.slots.len(), notes);
            }
        }
        let build = self.get("build");
        let level = build.and_then(|build| build.get("level"));
        let package = self.get("package");
        let text = |key| {
            package
                .and_then(|package| text_of(package, key))
                .unwrap_or_default()
        };
        let member = |key| package.and_then(|package| package.get(key)).cloned();
        Plan {
            format,
            name: text("name"),
            package: Value::table(["name", "version", "description"].map(|key| (key, member(key)))),
            slots: self.plan_slots(level, format, notes),
            execution: self.plan_execution(execution, notes),
            runtime: self
                .get("runtime")
                .and_then(|runtime| runtime.get("env"))
                .map(plan_runtime),
            workenv: self.get("workenv").map(plan_workenv),
            setup_commands: plan_setup_commands(setup, notes),
            cache_validation: self.get("cache_validation").map(|validation| {
                Value::table(
                    ["check_file", "expected_content"]
                        .map(|key| (key, validation.get(key).cloned())),
                )
            }),
            custom: self.get("custom").cloned(),
            launcher: self
                .get("launcher")
                .and_then(|launcher| launcher.as_text().map(str::to_owned)),
            is_portable: build.and_then(|build| build.get("portable")) == Some(&Value::Bool(true)),
            warnings: Vec::new(),
        }
    }

    fn plan_slots(
        &self,
        level: Option<&Value>,
        format: Format,
        notes: &mut Notes,
    ) -> Vec<SlotSpec> {
        let mut ids = Vec::new();
        let mut targets = Vec::new();
        let mut planned = Vec::new();
        for (index, slot) in self.slots.iter().enumerate() {
            let Some(slot) = slot else { continue };
            let at = format!("slots[{index}]");
            if let Some(position) = slot.get("slot").and_then(Value::as_whole)
                && position != index as u64
            {
                notes.problem(
                    &format!("{at}.slot"),
                    format!("is {position}, but the position is {index}"),
                );
            }
            let id = text_of(slot, "id").unwrap_or_default();
            report_repeated(&mut ids, &id, index, &format!("{at}.id"), notes);
            let target = workenv_path(&text_of(slot, "target").unwrap_or_default());
            // Only the workenv itself can take the content of several slots.
            if !target.is_empty() {
                report_repeated(&mut targets, &target, index, &format!("{at}.target"), notes);
            }
            planned.push(plan_slot(slot, id, target, level, format));
        }
        planned
    }

    fn plan_execution(&self, execution: &Value, notes: &mut Notes) -> Value {
        let argv = execution.get("argv");
        if argv
            .and_then(Value::as_list)
            .is_some_and(<[Value]>::is_empty)
        {
            notes.problem("execution.argv", "is empty");
        }
        let command =
            text_of(execution, "command").filter(|command| !command.is_empty() || argv.is_some());
        if command.is_none() && argv.is_none() {
            notes.problem(
                "execution.command",
                "is missing; for example command = \"{workenv}/bin/hello\"",
            );
        }
        if let Some(command) = text_of(execution, "command") {
            check_quotes(&command, "execution.command", notes);
        }
        let primary = self.find_primary_slot(execution.get("primary_slot"), notes);
        let env = merge_environment(execution, notes);
        let args = execution
            .get("args")
            .filter(|args| args.as_list().is_some_and(|list| !list.is_empty()));
        let command = text_of(execution, "command")
            .unwrap_or_else(|| quote_command(&argv.map(Value::texts).unwrap_or_default()));
        Value::table([
            ("primary_slot", Some(Value::number(primary))),
            // Readers that know no argv need the string all the same.
            ("command", Some(Value::Text(command))),
            ("argv", argv.cloned()),
            ("args", args.cloned()),
            (
                "cwd",
                text_of(execution, "cwd").map(|cwd| Value::Text(place_in_workenv(&cwd))),
            ),
            ("env", Some(env)),
        ])
    }

    fn find_primary_slot(&self, primary: Option<&Value>, notes: &mut Notes) -> u64 {
        let index = match primary {
            None => return 0,
            Some(Value::Text(id)) => {
                let is_it = |slot: &Option<Value>| {
                    slot.as_ref().and_then(|slot| text_of(slot, "id")).as_ref() == Some(id)
                };
                self.slots.iter().position(is_it).map(|index| index as u64)
            }
            Some(number) => number.as_whole(),
        };
        // Manifests without slots carry a 0 that means nothing.
        if let Some(index) = index.filter(|index| *index < self.slots.len().max(1) as u64) {
            return index;
        }
        // The slot may be one that is broken and reported already.
        if index.is_none() && self.slots.iter().any(Option::is_none) {
            return 0;
        }
        let shown = primary.map(Value::to_json).unwrap_or_default();
        notes.problem(
            "execution.primary_slot",
            format!("is {shown}, but there is no such slot"),
        );
        0
    }
}

pub(crate) fn text_of(table: &Value, key: &str) -> Option<String> {
    table
        .get(key)
        .and_then(|value| value.as_text().map(str::to_owned))
}

fn report_repeated(
    seen: &mut Vec<(String, usize)>,
    value: &str,
    index: usize,
    path: &str,
    notes: &mut Notes,
) {
    match seen.iter().find(|(known, _)| known == value) {
        Some((_, first)) => {
            notes.problem(path, format!("is \"{value}\" like that of slots[{first}]"))
        }
        None => seen.push((value.to_owned(), index)),
    }
}

fn plan_slot(
    slot: &Value,
    id: String,
    target: String,
    level: Option<&Value>,
    format: Format,
) -> SlotSpec {
    let is_json = format == Format::Json;
    // The existing builders store what a JSON manifest does not mention as it is.
    let operations = text_of(slot, "operations").or_else(|| is_json.then(|| "raw".into()));
    let word = |key, default: &str| text_of(slot, key).unwrap_or_else(|| default.into());
    let texts = |key| slot.get(key).map(Value::texts).unwrap_or_default();
    let permissions = text_of(slot, "permissions").filter(|text| !text.is_empty());
    let level = slot.get("level").or(level).and_then(Value::as_whole);
    SlotSpec {
        id,
        source: word("source", ""),
        include: texts("include"),
        exclude: texts("exclude"),
        target,
        operations: operations.and_then(|operations| OperationChain::parse(&operations).ok()),
        level: level.and_then(|level| u32::try_from(level).ok()),
        purpose: word("purpose", "data"),
        lifecycle: word("lifecycle", "runtime"),
        keeps_modes: text_of(slot, "modes").as_deref() == Some("exact"),
        permissions: match permissions {
            Some(text) => parse_permissions(&text),
            None => is_json.then_some(0o600),
        },
        platform: match text_of(slot, "platform").as_deref() {
            Some("linux") => 1,
            Some("darwin" | "macos") => 2,
            Some("windows") => 3,
            _ => 0,
        },
        resolution: word("resolution", "build"),
    }
}

/// The Rust builder calls it `env`, the Go builder `environment`.
fn merge_environment(execution: &Value, notes: &mut Notes) -> Value {
    let members = |key| {
        execution
            .get(key)
            .and_then(Value::as_table)
            .unwrap_or_default()
    };
    let (env, environment) = (members("env"), members("environment"));
    let mut merged = environment.to_vec();
    for (name, value) in env {
        match merged.iter_mut().find(|(known, _)| known == name) {
            Some((_, other)) if other != value => {
                let at = member_path("execution.environment", name);
                notes.problem(&at, "differs from the same variable in execution.env");
            }
            Some(_) => {}
            None => merged.push((name.clone(), value.clone())),
        }
    }
    Value::Table(merged)
}

fn plan_runtime(env: &Value) -> Value {
    let map = |key| env.get(key).map(Value::sorted);
    let rules = Value::table([
        ("unset", env.get("unset").cloned()),
        ("map", map("map")),
        ("set", map("set")),
        ("pass", env.get("pass").cloned()),
    ]);
    Value::table([("env", Some(rules))])
}

/// Directories begin with `{workenv}/`, because the Go launcher creates others in the user's working directory.
fn plan_workenv(workenv: &Value) -> Value {
    let directories = workenv
        .get("directories")
        .and_then(Value::as_list)
        .unwrap_or_default();
    let place = |directory: &Value| {
        let path = directory
            .as_text()
            .map(str::to_owned)
            .or_else(|| text_of(directory, "path"))
            .unwrap_or_default();
        let mode = text_of(directory, "mode").and_then(|mode| parse_permissions(&mode));
        Value::table([
            ("path", Some(Value::Text(place_in_workenv(&path)))),
            ("mode", mode.map(|mode| Value::Text(format!("{mode:04o}")))),
        ])
    };
    let env = workenv
        .get("env")
        .cloned()
        .unwrap_or_else(|| Value::Table(Vec::new()));
    Value::table([
        (
            "directories",
            Some(Value::List(directories.iter().map(place).collect())),
        ),
        ("env", Some(env)),
        (
            "umask",
            text_of(workenv, "umask")
                .and_then(|text| umask(&text))
                .map(Value::Text),
        ),
    ])
}

/// Objects with a type, which every launcher reads.
fn plan_setup_commands(commands: &Value, notes: &mut Notes) -> Vec<Value> {
    let commands = commands.as_list().unwrap_or_default().iter().enumerate();
    let plan = |(index, command): (usize, &Value)| {
        let at = format!("setup_commands[{index}]");
        if let Some(text) = command.as_text() {
            check_quotes(text, &at, notes);
            return Value::table([
                ("type", Some(Value::text("execute"))),
                ("command", Some(command.clone())),
            ]);
        }
        let kind = text_of(command, "type").unwrap_or_else(|| "execute".into());
        let needed: &[&str] = match kind.as_str() {
            "execute" | "shell" => &["command"],
            "enumerate_and_execute" => &["command", "enumerate"],
            "write_file" => &["path", "content"],
            "chmod" => &["path", "mode"],
            _ => &[],
        };
        for key in needed.iter().filter(|key| command.get(key).is_none()) {
            notes.problem(
                &format!("{at}.{key}"),
                format!("is missing: {kind} needs it"),
            );
        }
        if kind != "shell"
            && let Some(text) = text_of(command, "command")
        {
            check_quotes(&text, &format!("{at}.command"), notes);
        }
        let members = command
            .as_table()
            .unwrap_or_default()
            .iter()
            .filter(|(key, _)| key != "type")
            .cloned();
        Value::Table(
            std::iter::once(("type".into(), Value::Text(kind.clone())))
                .chain(members)
                .collect(),
        )
    };
    commands.map(plan).collect()
}

/// A launcher could not split such a line into words.
fn check_quotes(line: &str, path: &str, notes: &mut Notes) {
    let mut quote = None;
    let mut rest = line.chars().peekable();
    let mut is_whole = true;
    while let Some(c) = rest.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('"'), '\\') if rest.peek().is_some_and(|c| "\"\\$`".contains(*c)) => {
                rest.next();
            }
            (None, '\'' | '"') => quote = Some(c),
            (None, '\\') => is_whole &= rest.next().is_some(),
            _ => {}
        }
    }
    if !is_whole || quote.is_some() {
        notes.problem(
            path,
            "has a quote that is not closed, or ends in a backslash",
        );
    }
}

const PLACEHOLDERS: [&str; 7] = [
    "workenv",
    "package_name",
    "version",
    "primary",
    "os",
    "arch",
    "platform",
];

/// Whether braces at a place are words of the launcher's, and not text of the application's.
fn holds_words(path: &str) -> bool {
    let behind = |prefix: &str| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    };
    ["command", "argv", "args", "cwd"]
        .iter()
        .any(|key| behind(&format!("execution.{key}")))
        || behind("workenv.directories")
        || path
            .strip_prefix("setup_commands[")
            .and_then(|rest| rest.split_once(']'))
            .is_some_and(|(_, rest)| matches!(rest, "" | ".path"))
}

/// What looks like a placeholder and is none: it would only be noticed on the user's machine.
fn check_words(text: &str, path: &str, notes: &mut Notes) {
    for (at, _) in text.match_indices('{') {
        let Some((name, _)) = text[at + 1..].split_once('}') else {
            break;
        };
        let is_word = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        // A variable of a shell is none.
        if !is_word || text[..at].ends_with('$') || PLACEHOLDERS.contains(&name) {
            continue;
        }
        let near = nearest_name(name, &PLACEHOLDERS);
        let says = match near {
            Some(near) => format!("did you mean {{{near}}}?"),
            None if holds_words(path) => {
                let known = PLACEHOLDERS.map(|one| format!("{{{one}}}"));
                format!("known are {}", known.join(", "))
            }
            None => continue,
        };
        notes.problem(
            path,
            format!("holds {{{name}}}, which no launcher knows; {says}"),
        );
    }
}

/// Reports every `{slot:N}` that names a slot which does not exist, and every placeholder that no launcher knows.
fn check_placeholders(value: &Value, path: &str, slots: usize, notes: &mut Notes) {
    match value {
        Value::Text(text) => {
            let mut rest = text.as_str();
            while let Some(at) = rest.find("{slot:") {
                let inner = &rest[at + "{slot:".len()..];
                let end = inner.find(['{', '}']).unwrap_or(inner.len());
                let (number, behind) = inner.split_at(end);
                rest = inner;
                if !behind.starts_with('}') {
                    continue;
                }
                let is_number =
                    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
                if !(is_number && number.parse::<usize>().is_ok_and(|number| number < slots)) {
                    notes.problem(
                        path,
                        format!("holds {{slot:{number}}}, but there is no such slot"),
                    );
                }
            }
            check_words(text, path, notes);
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                check_placeholders(item, &format!("{path}[{index}]"), slots, notes);
            }
        }
        Value::Table(members) => {
            for (key, item) in members {
                check_placeholders(item, &member_path(path, key), slots, notes);
            }
        }
        _ => {}
    }
}

/// Writes words as one command line that a shell-like split takes apart again.
pub(crate) fn quote_command(words: &[String]) -> String {
    let needs_quotes = |c: char| c.is_whitespace() || "\"'\\|&;<>()$`*?[]#~!".contains(c);
    let quoted = words.iter().map(|word| {
        if word.is_empty() || word.contains(needs_quotes) {
            format!("'{}'", word.replace('\'', "'\\''"))
        } else {
            word.clone()
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Where a problem of one slot is, in the words that manifest problems have.
pub(crate) fn slot_problem(id: &str, what: &str, hint: &'static str) -> Error {
    let message = format!("Cannot build slot {}: {what}", plain_quote(id));
    Error::new(ErrorKind::ManifestInvalid, message).hint(hint)
}

/// A text between quotes, without escapes.
pub(crate) fn plain_quote(text: &str) -> String {
    format!("\"{text}\"")
}

/// A text between quotes as JSON has it.
pub(crate) fn json_quote(text: &str) -> String {
    quote(text)
}
