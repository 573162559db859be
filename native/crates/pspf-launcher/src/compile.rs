//! From the metadata document to the launch record: every decision of a start, taken once.

use std::borrow::Cow;

use pspf_format::metadata::{Extracted, Lifecycle, Metadata};
use pspf_format::mode::parse_mode;
use pspf_format::{Error, ErrorKind, Result};

use crate::package::{Contents, Package};
use crate::plan::PlannedSlot;
use crate::rules::environment_rules::EnvironmentRules;
use crate::rules::names::Names;
use crate::rules::record::{CacheCheck, LaunchRecord};
use crate::rules::template::{Template, WORKENV_MARK};
use crate::rules::words::split_words;

/// Compiles the launch record of a package.
pub(crate) fn compile_record(
    package: &Package,
    contents: &Contents<'_>,
    names: &Names<'_>,
    slots: &[PlannedSlot],
) -> Result<LaunchRecord<'static>> {
    let metadata = &contents.metadata;
    Ok(LaunchRecord {
        index_digest: package.index_digest,
        metadata_digest: package.index.metadata_checksum,
        level: package.level.rank(),
        per_start: slots.iter().any(needs_work_at_each_start),
        umask: metadata
            .workenv
            .umask
            .as_deref()
            .map(parse_umask)
            .transpose()?,
        argv: compile_argv(metadata, names)?,
        cwd: metadata
            .execution
            .cwd
            .as_deref()
            .filter(|cwd| !cwd.is_empty())
            .map(|cwd| directory(names, cwd))
            .transpose()?,
        cache_check: compile_check(metadata, names)?,
        environment: EnvironmentRules::compile(metadata, names)?,
    })
}

/// Slots for developers are decided at each start as well: the environment can ask for them any time.
fn needs_work_at_each_start(slot: &PlannedSlot) -> bool {
    slot.lifecycle.policy().extracted == Extracted::AtEachStart || slot.lifecycle == Lifecycle::Dev
}

/// Program and arguments: `argv`, or `command` split into words; then `args`.
fn compile_argv(metadata: &Metadata<'_>, names: &Names<'_>) -> Result<Vec<Template<'static>>> {
    let execution = &metadata.execution;
    let mut words: Vec<Cow<'_, str>> = match &execution.argv {
        Some(argv) if !argv.is_empty() => argv.clone(),
        _ => split_words(&execution.command)?
            .into_iter()
            .map(Cow::Owned)
            .collect(),
    };
    if words.first().is_none_or(|program| program.is_empty()) {
        return Err(Error::new(
            ErrorKind::FormatBadMetadata,
            "the package does not say which program to start",
        )
        .hint("its manifest needs execution.command"));
    }
    words.extend(execution.args.iter().cloned());
    let program = words.first().map(|program| program_path(names, program));
    let arguments = words.iter().skip(1).map(|word| names.compile(word));
    program.into_iter().chain(arguments).collect()
}

/// A program that is named by a path lies in the workenv, unless the path is absolute: what lies where the user happens to
/// stand is never started. A plain name is looked for in `PATH`.
fn program_path(names: &Names<'_>, program: &str) -> Result<Template<'static>> {
    let compiled = names.compile(program)?;
    if compiled.as_marked().contains(std::path::is_separator) {
        directory(names, program)
    } else {
        Ok(compiled)
    }
}

/// A directory of the package: relative ones are in the workenv.
fn directory(names: &Names<'_>, path: &str) -> Result<Template<'static>> {
    let compiled = names.compile(path)?;
    let marked = compiled.as_marked();
    if marked.starts_with(WORKENV_MARK)
        || marked.starts_with('/')
        || std::path::Path::new(marked).is_absolute()
    {
        return Ok(compiled);
    }
    Ok(Template::from_marked(format!("{WORKENV_MARK}/{marked}")))
}

fn compile_check(
    metadata: &Metadata<'_>,
    names: &Names<'_>,
) -> Result<Option<CacheCheck<'static>>> {
    let Some(check) = metadata
        .cache_validation
        .as_ref()
        .filter(|check| !check.check_file.is_empty())
    else {
        return Ok(None);
    };
    Ok(Some(CacheCheck {
        file: directory(names, &check.check_file)?,
        content: Cow::Owned(expected_content(names, &check.expected_content)?),
    }))
}

/// The content may use placeholders, but not the workenv's path, which is not fixed.
fn expected_content(names: &Names<'_>, text: &str) -> Result<String> {
    let compiled = names.compile(text)?;
    if compiled.as_marked().contains(WORKENV_MARK) {
        Ok(text.to_owned())
    } else {
        Ok(compiled.as_marked().to_owned())
    }
}

fn parse_umask(word: &str) -> Result<u16> {
    parse_mode(word)
        .filter(|mask| *mask <= 0o777)
        .ok_or_else(|| {
            Error::new(
                ErrorKind::FormatBadMetadata,
                "workenv.umask is not an octal number up to 0777",
            )
            .with("umask", word)
        })
}
