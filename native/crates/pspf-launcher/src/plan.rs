//! Which slot is extracted when, and to where.

use pspf_format::metadata::{Extracted, Lifecycle, Metadata, SetupCommand, SlotMetadata};
use pspf_format::{Result, SlotDescriptor};

use crate::codec::OutputLimit;
use crate::extract::{CASE_IS_IGNORED, Existing, Extraction, MemberPath, Spellings};
use crate::level::Level;
use crate::package::{Contents, Package};
use crate::rules::names::Names;

/// This operating system in the format's words.
pub(crate) const OS: &str = if cfg!(target_os = "macos") {
    "darwin"
} else {
    std::env::consts::OS
};
/// This processor architecture in the format's words.
pub(crate) const ARCH: &str = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => "amd64",
    b"aarch64" => "arm64",
    _ => std::env::consts::ARCH,
};

/// A slot, and when it is wanted.
#[derive(Clone, Debug)]
pub(crate) struct PlannedSlot {
    /// Number that `{slot:N}` uses.
    pub(crate) number: u64,
    /// When it is extracted.
    pub(crate) lifecycle: Lifecycle,
    /// Whether this machine, this environment and the package's own texts ask for it at all.
    pub(crate) wanted: bool,
    /// How it is extracted.
    pub(crate) extraction: Extraction,
}

/// Whether `FLAVOR_DEV` asks for the slots of developers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DevSlots(pub(crate) bool);

impl PlannedSlot {
    /// Whether the slot is extracted when the workenv is filled.
    pub(crate) fn at_fill(&self) -> bool {
        self.wanted && self.lifecycle != Lifecycle::Shutdown
    }

    /// Whether the slot is extracted anew at each start.
    pub(crate) fn at_each_start(&self) -> bool {
        self.wanted && self.lifecycle.policy().extracted == Extracted::AtEachStart
    }
}

/// Plans every slot of a package.
pub(crate) fn plan_slots(
    package: &Package,
    contents: &Contents<'_>,
    names: &Names<'_>,
    dev: DevSlots,
) -> Result<Vec<PlannedSlot>> {
    let mut spellings = Spellings::default();
    let described = contents
        .metadata
        .slots
        .iter()
        .zip(&contents.table)
        .zip(&contents.slots);
    described
        .enumerate()
        .map(|(position, ((slot, descriptor), checked))| {
            let chain = checked.chain;
            let target = if chain.is_archive() {
                // The members of an archive carry their full paths below the workenv.
                MemberPath::parse(b"")
            } else {
                MemberPath::parse(names.target(slot)?.as_bytes())
            };
            let target = target
                .and_then(|target| {
                    if CASE_IS_IGNORED && !chain.is_archive() {
                        spellings.check(&target)?;
                    }
                    Ok(target)
                })
                .map_err(|error| error.with("slot", position).with("target", &slot.target))?;
            let lifecycle = slot.lifecycle();
            Ok(PlannedSlot {
                number: slot.slot,
                lifecycle,
                wanted: is_wanted(lifecycle, descriptor, slot, &contents.metadata, dev),
                extraction: Extraction {
                    slot: position,
                    id: slot.id.to_string(),
                    stored: descriptor.stored,
                    chain,
                    limit: limit_of(package, descriptor, chain.is_empty()),
                    sha256: if package.level == Level::None {
                        None
                    } else {
                        slot.digest(descriptor.stored.size)?
                    },
                    short_digest: short_digest(package, descriptor, slot),
                    target,
                    mode: u32::from(checked.mode),
                    existing: if lifecycle == Lifecycle::Config {
                        Existing::Keep
                    } else {
                        Existing::Replace
                    },
                },
            })
        })
        .collect()
}

/// Sealed packages declare their sizes truthfully; others may not.
fn limit_of(package: &Package, descriptor: &SlotDescriptor, raw: bool) -> OutputLimit {
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
    package: &Package,
    descriptor: &SlotDescriptor,
    slot: &SlotMetadata<'_>,
) -> Option<u64> {
    let stands_for_package = slot.self_ref && descriptor.stored.size == 0;
    (package.level != Level::None && !stands_for_package).then_some(descriptor.checksum)
}

fn is_wanted(
    lifecycle: Lifecycle,
    descriptor: &SlotDescriptor,
    slot: &SlotMetadata<'_>,
    metadata: &Metadata<'_>,
    dev: DevSlots,
) -> bool {
    match lifecycle {
        Lifecycle::Lazy => is_mentioned(slot, metadata),
        Lifecycle::Dev => dev.0,
        Lifecycle::Platform => is_this_platform(descriptor.platform),
        _ => true,
    }
}

/// 0 any, 1 Linux, 2 macOS, 3 Windows.
fn is_this_platform(byte: u8) -> bool {
    match byte {
        0 => true,
        1 => cfg!(target_os = "linux"),
        2 => cfg!(target_os = "macos"),
        3 => cfg!(windows),
        _ => false,
    }
}

/// Whether any text that is used at a start refers to a slot.
fn is_mentioned(slot: &SlotMetadata<'_>, metadata: &Metadata<'_>) -> bool {
    let by_number = format!("{{slot:{}}}", slot.slot);
    let is_primary = slot.slot == metadata.execution.primary_slot;
    let mentions =
        |text: &str| text.contains(&by_number) || (is_primary && text.contains("{primary}"));
    let execution = &metadata.execution;
    let values = [
        &execution.env,
        &metadata.workenv.env,
        &metadata.runtime_env.set,
    ];
    mentions(&execution.command)
        || execution.cwd.as_deref().is_some_and(mentions)
        || execution
            .argv
            .iter()
            .flatten()
            .chain(&execution.args)
            .any(|text| mentions(text))
        || values
            .into_iter()
            .flatten()
            .any(|(_, value)| mentions(value))
        || metadata
            .setup_commands
            .iter()
            .any(|command| setup_texts(command).into_iter().any(mentions))
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
