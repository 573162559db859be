//! What a start does, decided from the metadata: which slot is extracted when and to where, and the launch record.

use std::borrow::Cow;

use pspf_format::agreement::CheckedSlot;
use pspf_format::metadata::{
    Extracted, Kept, Metadata, Policy, SetupCommand, SlotMetadata, Wanted,
};
use pspf_format::mode::parse_mode;
use pspf_format::{Error, ErrorKind, Result, SlotDescriptor};

use crate::codec::OutputLimit;
use crate::extract::{Existing, Extraction, MemberPath, Spellings};
use crate::level::Level;
use crate::package::{Contents, Package};
use crate::platform::{Os, Platform};
use crate::rules::environment_rules::EnvironmentRules;
use crate::rules::placeholders::Placeholders;
use crate::rules::record::{CacheCheck, DevSlots, Durability, LaunchRecord};
use crate::rules::template::{Template, WORKENV_MARK};
use crate::rules::words::split_words;

/// A slot, and when it is wanted.
#[derive(Clone, Debug)]
pub(crate) struct PlannedSlot {
    /// Number that `{slot:N}` uses.
    pub(crate) number: u64,
    /// What becomes of it.
    pub(crate) policy: Policy,
    /// Whether this machine, this environment and the package's own texts ask for it at all.
    pub(crate) wanted: bool,
    /// How it is extracted.
    pub(crate) extraction: Extraction,
}

impl PlannedSlot {
    /// Whether the slot is extracted when the workenv is filled.
    pub(crate) fn at_fill(&self) -> bool {
        self.wanted && self.policy.extracted != Extracted::AfterExit
    }

    /// Whether the slot is extracted anew at each start.
    pub(crate) fn at_each_start(&self) -> bool {
        self.wanted && self.policy.extracted == Extracted::AtEachStart
    }
}

/// Plans every slot of a package; `dev` asks for those of developers.
pub(crate) fn plan_slots(
    package: &Package<'_>,
    contents: &Contents<'_>,
    placeholders: &Placeholders<'_>,
    dev: bool,
) -> Result<Vec<PlannedSlot>> {
    let mut spellings = Spellings::default();
    let described = contents.metadata.slots.iter().zip(&contents.table);
    described
        .zip(&contents.slots)
        .enumerate()
        .map(|(position, ((slot, descriptor), checked))| {
            let target = plan_target(slot, checked, placeholders, &mut spellings)
                .map_err(|error| error.with("slot", position).with("target", &slot.target))?;
            let policy = slot.lifecycle().policy();
            Ok(PlannedSlot {
                number: slot.slot,
                policy,
                wanted: match policy.wanted {
                    Wanted::Always => true,
                    Wanted::WhereNamed => is_named(slot, &contents.metadata),
                    Wanted::ForDevelopers => dev,
                    Wanted::OnItsPlatform => matches!(descriptor.platform, 0 | Os::BYTE),
                },
                extraction: Extraction {
                    slot: position,
                    id: slot.id.to_string(),
                    stored: descriptor.stored,
                    chain: checked.chain,
                    frames: checked.frames.clone(),
                    limit: limit_of(package, descriptor, checked.chain.is_empty()),
                    sha256: if package.level == Level::None {
                        None
                    } else {
                        slot.digest(descriptor.stored.size)?
                    },
                    short_digest: short_digest(package, descriptor, slot),
                    target,
                    mode: u32::from(checked.mode),
                    existing: if policy.kept == Kept::WithApplication {
                        Existing::Keep
                    } else {
                        Existing::Replace
                    },
                },
            })
        })
        .collect()
}

/// Slots in the order in which they are extracted: of two files with one name the later one stays.
pub(crate) fn in_order(slots: &[PlannedSlot]) -> impl Iterator<Item = &PlannedSlot> {
    let is_first = |slot: &&PlannedSlot| slot.policy.extracted == Extracted::FirstAtFill;
    let others = slots.iter().filter(move |slot| !is_first(slot));
    slots.iter().filter(is_first).chain(others)
}

fn plan_target(
    slot: &SlotMetadata<'_>,
    checked: &CheckedSlot,
    placeholders: &Placeholders<'_>,
    spellings: &mut Spellings,
) -> Result<MemberPath> {
    if checked.chain.is_archive() {
        // The members of an archive carry their full paths below the workenv.
        return MemberPath::parse(b"");
    }
    let target = MemberPath::parse(placeholders.target(slot)?.as_bytes())?;
    if Os::FILES_IGNORE_CASE {
        spellings.check(&target)?;
    }
    Ok(target)
}

/// Sealed packages declare their sizes truthfully; others may not.
fn limit_of(package: &Package<'_>, descriptor: &SlotDescriptor, raw: bool) -> OutputLimit {
    if raw {
        OutputLimit::Exact(descriptor.stored.size)
    } else if package.is_sealed() {
        OutputLimit::Exact(descriptor.original_size)
    } else {
        OutputLimit::by_ratio(descriptor.stored.size)
    }
}

/// A slot that stands for the package itself has no bytes, and two builders give it no checksum either.
fn short_digest(
    package: &Package<'_>,
    descriptor: &SlotDescriptor,
    slot: &SlotMetadata<'_>,
) -> Option<u64> {
    let stands_for_package = slot.self_ref && descriptor.stored.size == 0;
    (package.level != Level::None && !stands_for_package).then_some(descriptor.checksum)
}

/// Whether any text that is used at a start refers to a slot.
fn is_named(slot: &SlotMetadata<'_>, metadata: &Metadata<'_>) -> bool {
    let by_number = format!("{{slot:{}}}", slot.slot);
    let is_primary = slot.slot == metadata.execution.primary_slot;
    let names =
        |text: &str| text.contains(&by_number) || (is_primary && text.contains("{primary}"));
    let execution = &metadata.execution;
    let values = [
        &execution.env,
        &metadata.workenv.env,
        &metadata.runtime_env.set,
    ];
    names(&execution.command)
        || execution.cwd.as_deref().is_some_and(names)
        || execution
            .argv
            .iter()
            .flatten()
            .chain(&execution.args)
            .any(|text| names(text))
        || values.into_iter().flatten().any(|(_, value)| names(value))
        || metadata
            .setup_commands
            .iter()
            .any(|command| setup_texts(command).into_iter().any(names))
}

fn setup_texts<'a>(command: &'a SetupCommand<'_>) -> Vec<&'a str> {
    match command {
        SetupCommand::Execute { command } | SetupCommand::Shell { command } => vec![command],
        SetupCommand::EnumerateAndExecute {
            command,
            path,
            pattern,
            ..
        } => vec![command, path, pattern],
        SetupCommand::WriteFile { path, content, .. } => vec![path, content],
        SetupCommand::Chmod { path, .. } => vec![path],
        SetupCommand::Unknown { .. } => Vec::new(),
    }
}

/// Compiles the launch record of a package: every decision of a start, taken once.
pub(crate) fn compile_record(
    package: &Package<'_>,
    contents: &Contents<'_>,
    placeholders: &Placeholders<'_>,
    slots: &[PlannedSlot],
) -> Result<LaunchRecord<'static>> {
    let metadata = &contents.metadata;
    let dev = slots
        .iter()
        .find(|slot| slot.policy.wanted == Wanted::ForDevelopers);
    let umask = metadata.workenv.umask.as_deref().map(parse_umask);
    let cwd = metadata.execution.cwd.as_deref();
    let cwd = cwd.filter(|cwd| !cwd.is_empty());
    Ok(LaunchRecord {
        index_digest: package.index_digest,
        level: package.level.rank(),
        durability: Durability::Durable,
        identities: Vec::new(),
        dev: match dev {
            None => DevSlots::None,
            Some(slot) if slot.wanted => DevSlots::Extracted,
            Some(_) => DevSlots::Left,
        },
        per_start: slots.iter().any(PlannedSlot::at_each_start),
        umask: umask.transpose()?,
        argv: compile_argv(metadata, placeholders)?,
        cwd: cwd.map(|cwd| directory(placeholders, cwd)).transpose()?,
        cache_check: compile_check(metadata, placeholders)?,
        environment: EnvironmentRules::compile(metadata, placeholders)?,
    })
}

/// Program and arguments: `argv`, or `command` split into words; then `args`.
fn compile_argv(
    metadata: &Metadata<'_>,
    placeholders: &Placeholders<'_>,
) -> Result<Vec<Template<'static>>> {
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
    let program = words
        .first()
        .map(|program| program_path(placeholders, program));
    let arguments = words.iter().skip(1).map(|word| placeholders.compile(word));
    program.into_iter().chain(arguments).collect()
}

/// A program that is named by a path lies in the workenv, unless the path is absolute: what lies where the user happens to
/// stand is never started. A plain name is looked for in `PATH`.
fn program_path(placeholders: &Placeholders<'_>, program: &str) -> Result<Template<'static>> {
    let compiled = placeholders.compile(program)?;
    if compiled.as_marked().contains(std::path::is_separator) {
        directory(placeholders, program)
    } else {
        Ok(compiled)
    }
}

/// A directory of the package: relative ones are in the workenv.
fn directory(placeholders: &Placeholders<'_>, path: &str) -> Result<Template<'static>> {
    let compiled = placeholders.compile(path)?;
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
    placeholders: &Placeholders<'_>,
) -> Result<Option<CacheCheck<'static>>> {
    let Some(check) = metadata
        .cache_validation
        .as_ref()
        .filter(|check| !check.check_file.is_empty())
    else {
        return Ok(None);
    };
    Ok(Some(CacheCheck {
        file: directory(placeholders, &check.check_file)?,
        content: Cow::Owned(expected_content(placeholders, &check.expected_content)?),
    }))
}

/// The content may use placeholders, but not the workenv's path, which is not fixed.
fn expected_content(placeholders: &Placeholders<'_>, text: &str) -> Result<String> {
    let compiled = placeholders.compile(text)?;
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
