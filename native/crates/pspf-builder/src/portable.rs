//! The portable profile: a plan in the words of the existing launchers. What they cannot do is written so that they can, or
//! refused. JSON manifests have lived with those launchers all along: they stay as they are, with warnings.

use pspf_format::{Error, ErrorKind, OperationChain, Result};

use crate::check::Format;
use crate::launcher::Launcher;
use crate::plan::{Plan, SlotSpec, quote_command, text_of};
use crate::slot::is_tar;
use crate::value::Value;

const MAX_SLOTS: usize = 123;
/// Lifecycles that mean to existing launchers what they say.
const LIFECYCLES: [&str; 4] = ["runtime", "cache", "eager", "shutdown"];

/// Rewrites a plan.
pub(crate) fn rewrite(
    mut plan: Plan,
    launcher: &Launcher,
    warnings: &mut Vec<String>,
) -> Result<Plan> {
    if plan.slots.len() > MAX_SLOTS {
        let message = format!(
            "Cannot build {} in the portable profile: it has {} slots, the most is {MAX_SLOTS}",
            plan.name,
            plan.slots.len()
        );
        return Err(limit(
            message,
            "Use directories as slots, or a launcher of ours",
        ));
    }
    let is_foreign = plan.format == Format::Json;
    check_lifecycles(&plan, is_foreign, warnings)?;
    warnings.extend(
        own_keys(&plan)
            .into_iter()
            .map(|key| format!("{key} is unknown to existing launchers")),
    );
    if is_foreign {
        return Ok(plan);
    }
    let expander = Expander {
        slots: plan.slots.iter().map(|slot| slot.target.clone()).collect(),
        primary: plan
            .execution
            .get("primary_slot")
            .and_then(Value::as_whole)
            .and_then(|index| usize::try_from(index).ok()),
        os: launcher.os,
        arch: launcher.arch,
    };
    plan.execution = rewrite_execution(&plan, &expander, warnings)?;
    plan.workenv = rewrite_workenv(&plan);
    let setup = plan.setup_commands.iter().enumerate();
    plan.setup_commands = setup
        .map(|(index, command)| rewrite_setup(command, index, &expander))
        .collect::<Result<_>>()?;
    // Existing launchers extract every slot, but remove these before the start.
    for slot in plan.slots.iter_mut().filter(|slot| is_lazy_sbom(slot)) {
        slot.lifecycle = "init".into();
    }
    Ok(plan)
}

/// Refuses operations that the existing launchers cannot undo.
pub(crate) fn check_operations(spec: &SlotSpec, operations: OperationChain) -> Result<()> {
    if matches!(operations.pack(), 0 | 0x01 | 0x10 | 0x1001) {
        return Ok(());
    }
    let message = format!(
        "Cannot build slot \"{}\" in the portable profile: no existing launcher can undo \"{operations}\"",
        spec.id
    );
    Err(limit(
        message,
        "Use raw, gzip, tar or tar.gz, or a launcher of ours",
    ))
}

/// Refuses an archive that is to be stored as a file: the Go launcher unpacks whatever looks like tar.
pub(crate) fn check_file(spec: &SlotSpec, operations: OperationChain, head: &[u8]) -> Result<()> {
    if operations.is_archive() || !is_tar(head) {
        return Ok(());
    }
    let message = format!(
        "Cannot build slot \"{}\" in the portable profile: \"{}\" is a tar archive, which the Go launcher always unpacks",
        spec.id, spec.source
    );
    Err(limit(
        message,
        "Say operations = \"tar\" to have it unpacked, or use a launcher of ours",
    ))
}

fn limit(message: String, hint: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::BuildLimit, message).hint(hint.into())
}

fn check_lifecycles(plan: &Plan, is_foreign: bool, warnings: &mut Vec<String>) -> Result<()> {
    for (index, slot) in plan.slots.iter().enumerate() {
        let word = match slot.lifecycle.as_str() {
            "cached" => "cache",
            word => word,
        };
        if is_lazy_sbom(slot) || LIFECYCLES.contains(&word) {
            continue;
        }
        let message = format!(
            "Cannot build slot \"{}\" in the portable profile: existing launchers ignore the lifecycle \"{}\"",
            slot.id, slot.lifecycle
        );
        if !is_foreign {
            let hint = format!("Use {}, or a launcher of ours", LIFECYCLES.join(", "));
            return Err(limit(message, hint));
        }
        warnings.push(format!("slots[{index}].lifecycle: {message}"));
    }
    Ok(())
}

/// The list of components is for people: it need not be there when the program starts.
fn is_lazy_sbom(slot: &SlotSpec) -> bool {
    slot.lifecycle == "lazy" && slot.purpose == "sbom"
}

fn own_keys(plan: &Plan) -> Vec<String> {
    let mut keys = Vec::new();
    if plan.execution.get("cwd").is_some() {
        keys.push("execution.cwd".to_owned());
    }
    if plan
        .workenv
        .as_ref()
        .is_some_and(|workenv| workenv.get("umask").is_some())
    {
        keys.push("workenv.umask".to_owned());
    }
    for (index, command) in plan.setup_commands.iter().enumerate() {
        if command.get("batch") == Some(&Value::Bool(true)) {
            keys.push(format!("setup_commands[{index}].batch"));
        }
    }
    keys
}

/// Existing launchers know few placeholders; the others are known already.
struct Expander {
    /// Targets, by slot.
    slots: Vec<String>,
    primary: Option<usize>,
    os: &'static str,
    arch: &'static str,
}

impl Expander {
    fn expand(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            let value = from.find('}').and_then(|end| {
                let value = self.value_of(&from[1..end])?;
                Some((value, &from[end + 1..]))
            });
            match value {
                Some((value, behind)) => {
                    out.push_str(&value);
                    rest = behind;
                }
                None => {
                    out.push('{');
                    rest = &from[1..];
                }
            }
        }
        out + rest
    }

    fn value_of(&self, name: &str) -> Option<String> {
        match name {
            "os" => Some(self.os.into()),
            "arch" => Some(self.arch.into()),
            "platform" => Some(format!("{}_{}", self.os, self.arch)),
            "primary" => self.place_of(self.primary?),
            _ => {
                let digits = name.strip_prefix("slot:")?;
                let is_number =
                    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                self.place_of(digits.parse().ok().filter(|_| is_number)?)
            }
        }
    }

    fn place_of(&self, index: usize) -> Option<String> {
        let target = self.slots.get(index)?;
        Some(match target.as_str() {
            "" => "{workenv}".into(),
            target => format!("{{workenv}}/{target}"),
        })
    }
}

/// One command line: existing launchers know neither `argv` nor `args`. They look a path up by its last part, put nothing into
/// variables and partly ignore them, all of which `env` does for them.
fn rewrite_execution(
    plan: &Plan,
    expander: &Expander,
    warnings: &mut Vec<String>,
) -> Result<Value> {
    let execution = &plan.execution;
    let words = |key| execution.get(key).map(Value::texts);
    let written = words("argv").map_or_else(
        || text_of(execution, "command").unwrap_or_default(),
        |argv| quote_command(&argv),
    );
    let mut line = expander.expand(&written);
    let args = words("args").unwrap_or_default();
    if !args.is_empty() {
        line = format!("{line} {}", expander.expand(&quote_command(&args)));
    }
    let describe = |command: String, env: Value| {
        Value::table([
            ("primary_slot", execution.get("primary_slot").cloned()),
            ("command", Some(Value::Text(command))),
            ("cwd", execution.get("cwd").cloned()),
            ("env", Some(env)),
        ])
    };
    let members = |value: Option<&Value>| -> Vec<(String, Value)> {
        value
            .and_then(|value| value.get("env"))
            .and_then(Value::as_table)
            .unwrap_or_default()
            .to_vec()
    };
    let env = members(Some(execution));
    if line.is_empty() {
        return Ok(describe(String::new(), Value::Table(env)));
    }
    let mut variables = members(plan.workenv.as_ref());
    for (name, value) in &env {
        match variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value.clone(),
            None => variables.push((name.clone(), value.clone())),
        }
    }
    let named = variables.into_iter().map(|(name, value)| {
        let value = expander.expand(value.as_text().unwrap_or_default());
        (name, value)
    });
    let is_moved = |(name, value): &(String, String)| {
        value.contains('{') || !env.iter().any(|(known, _)| known == name)
    };
    let (moved, kept): (Vec<_>, Vec<_>) = named.partition(is_moved);
    let program = line.split_whitespace().next().unwrap_or_default();
    let is_windows = expander.os == "windows";
    let needs_env = !is_windows && program.contains('/') && program != "/usr/bin/env";
    if let Some((name, _)) = moved.first().filter(|_| is_windows) {
        let message = format!(
            "Cannot pack the variable {name} in the portable profile: existing launchers put nothing into it, and Windows has no env to do it"
        );
        return Err(limit(message, "Use a launcher of ours"));
    }
    let mut words = Vec::new();
    if !moved.is_empty() || needs_env {
        words.push("env".to_owned());
        words.extend(moved.iter().map(|(name, value)| format!("{name}={value}")));
        warnings.push("execution.command starts with env, because existing launchers look a program up by its last part and put nothing into variables".into());
    }
    let is_odd = |text: &str, spaces: bool| {
        text.contains(['"', '\'', '\\']) || spaces && text.contains(char::is_whitespace)
    };
    if is_odd(&line, false) || moved.iter().any(|(_, value)| is_odd(value, true)) {
        return Err(limit(
            "Cannot pack the command in the portable profile: the existing Rust launcher splits it at blanks and understands no quotes".into(),
            "Start a script that holds the command, or use a launcher of ours",
        ));
    }
    words.push(line);
    let kept = kept
        .into_iter()
        .map(|(name, value)| (name, Value::Text(value)));
    Ok(describe(words.join(" "), Value::Table(kept.collect())))
}

/// Variables are in the command by now. The Go launcher creates no directories for files that it writes.
fn rewrite_workenv(plan: &Plan) -> Option<Value> {
    let mut directories = plan
        .workenv
        .as_ref()
        .and_then(|workenv| workenv.get("directories"))
        .and_then(Value::as_list)
        .unwrap_or_default()
        .to_vec();
    for command in &plan.setup_commands {
        if text_of(command, "type").as_deref() != Some("write_file") {
            continue;
        }
        let path = text_of(command, "path").unwrap_or_default();
        let parent = path
            .strip_prefix("{workenv}/")
            .and_then(|inner| inner.rsplit_once('/'))
            .filter(|(parent, name)| !parent.is_empty() && !name.is_empty());
        let Some((parent, _)) = parent else { continue };
        let parent = format!("{{workenv}}/{parent}");
        if !directories
            .iter()
            .any(|one| text_of(one, "path").as_ref() == Some(&parent))
        {
            directories.push(Value::table([("path", Some(Value::Text(parent)))]));
        }
    }
    if plan.workenv.is_none() && directories.is_empty() {
        return None;
    }
    let umask = plan
        .workenv
        .as_ref()
        .and_then(|workenv| workenv.get("umask"));
    Some(Value::table([
        ("directories", Some(Value::List(directories))),
        ("env", Some(Value::Table(Vec::new()))),
        ("umask", umask.cloned()),
    ]))
}

fn rewrite_setup(command: &Value, index: usize, expander: &Expander) -> Result<Value> {
    let at = format!("setup_commands[{index}]");
    let kind = text_of(command, "type").unwrap_or_default();
    let problem = match kind.as_str() {
        "shell" => Some((
            "existing launchers have no shell",
            "Pack a script and use type \"execute\" with \"sh {workenv}/script.sh\"",
        )),
        "chmod" => Some((
            "the existing Go launcher passes over chmod",
            "Use type \"execute\" with \"chmod 0755 {workenv}/file\"",
        )),
        _ => None,
    };
    if let Some((what, hint)) = problem {
        return Err(limit(
            format!("Cannot pack {at} in the portable profile: {what}"),
            hint,
        ));
    }
    let members = command.as_table().unwrap_or_default().iter();
    Ok(Value::Table(
        members
            .map(|(key, value)| {
                let value = match value {
                    Value::Text(text) if key != "type" => Value::Text(expander.expand(text)),
                    value => value.clone(),
                };
                (key.clone(), value)
            })
            .collect(),
    ))
}
