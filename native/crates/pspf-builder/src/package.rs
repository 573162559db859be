//! A package in one pass and constant memory: launcher, slots, metadata, slot table, trailer.

use std::io::Write;

use pspf_format::hex::Hex;
use pspf_format::index::IndexHints;
use pspf_format::slot::h8;
use pspf_format::write::layout::Layout;
use pspf_format::write::{encode_base64, encode_trailer};
use pspf_format::{
    Error, ErrorKind, Index, Operation, OperationChain, Result, Seal, Section, SlotDescriptor, seal,
};
use sha2::{Digest, Sha256};

use crate::encode::{self, Encoded};
use crate::kept::Decoders;
use crate::keys::Key;
use crate::launcher::Launcher;
use crate::plan::Plan;
use crate::signing::{Signature, Signer};
use crate::slot::{Slot, compressions_of, is_tar};
use crate::value::Value;

/// What a build needs besides its slots.
pub(crate) struct Build<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) launcher: &'a Launcher,
    pub(crate) key: &'a Key,
    /// Whether existing launchers have to read it.
    pub(crate) is_portable: bool,
    pub(crate) jobs: usize,
    /// Seconds since 1970.
    pub(crate) time: u64,
}

/// A slot in its place, and what the package says about it.
pub(crate) struct StoredSlot {
    pub(crate) stored: Section,
    pub(crate) digest: [u8; 32],
    /// The pieces that it was written in, with the first bytes of their SHA-256; none where it came whole.
    pub(crate) pieces: Vec<(u64, [u8; 16])>,
    descriptor: SlotDescriptor,
    metadata: Value,
}

/// What was written.
pub(crate) struct Written {
    pub(crate) size: u64,
    pub(crate) slots: Vec<StoredSlot>,
    /// What comes behind it and over its start, where its platform wants a signature.
    pub(crate) signature: Option<Signature>,
}

impl Written {
    /// Length of the file: the package, and its platform's signature.
    pub(crate) fn file_size(&self) -> u64 {
        let tail = self.signature.as_ref().map_or(0, |one| one.tail.len());
        self.size + tail as u64
    }
}

const TOOL_NAME: &str = "flavor";
const METADATA_VERSION: &str = "1.0.0";
/// The existing Go launcher looks for magic bytes in the first 16 of a slot and fails when there are fewer.
const MIN_STORED: usize = 16;
/// Only what is smaller than this can end up below [`MIN_STORED`].
const MAX_BUFFERED: u64 = 64 * 1024;
const MAX_METADATA: usize = 16 * 1024 * 1024;
const MAX_PORTABLE_METADATA: usize = 1024 * 1024;

/// Writes a package.
pub(crate) fn write(build: &Build<'_>, slots: &[Slot<'_>], out: &mut dyn Write) -> Result<Written> {
    let signer = || Signer::new(&build.plan.name);
    let mut out = Counter {
        out,
        at: 0,
        signer: build.launcher.needs_signature.then(signer),
    };
    out.write(&build.launcher.bytes)?;
    let mut stored = Vec::new();
    for (index, slot) in slots.iter().enumerate() {
        stored.push(write_slot(build, slot, index, &mut out)?);
    }
    let document = describe(build, &stored).to_json().into_bytes();
    let most = if build.is_portable {
        MAX_PORTABLE_METADATA
    } else {
        MAX_METADATA
    };
    if document.len() > most {
        let message = format!(
            "Cannot build the package: its metadata has {} bytes, the most is {most}",
            document.len()
        );
        let error = Error::new(ErrorKind::BuildLimit, message);
        return Err(error.hint("Put fewer slots or less custom data into one package"));
    }
    let metadata = encode::gzip(&document)?;
    let sizes: Vec<u64> = stored.iter().map(|slot| slot.stored.size).collect();
    let layout = Layout::compute(
        build.launcher.bytes.len() as u64,
        &sizes,
        metadata.len() as u64,
    )?;
    out.pad_to(layout.metadata.offset)?;
    out.write(&metadata)?;
    let table: Vec<u8> = stored
        .iter()
        .flat_map(|slot| slot.descriptor.encode())
        .collect();
    out.pad_to(layout.slot_table.offset)?;
    out.write(&table)?;
    out.pad_to(layout.trailer_offset)?;
    let index = Index {
        format_version: pspf_format::constants::FORMAT_VERSION,
        index_checksum: 0,
        package_size: layout.package_size,
        launcher_size: build.launcher.bytes.len() as u64,
        metadata: layout.metadata,
        slot_table: layout.slot_table,
        slot_count: u32::try_from(stored.len()).unwrap_or(u32::MAX),
        flags: 0,
        public_key: build.key.public(),
        metadata_checksum: Sha256::digest(&metadata).into(),
        signature: build.key.sign(&document),
        hints: IndexHints {
            build_timestamp: build.time,
            ..IndexHints::default()
        },
    };
    let mut seal = Seal {
        launcher_digest: build.launcher.digest,
        slot_table_digest: Sha256::digest(&table).into(),
        signature: [0; 64],
    };
    let unsigned = index.encode(Some(&seal), true);
    seal.signature = build.key.sign(&*seal::message(&unsigned));
    out.write(&encode_trailer(&index.encode(Some(&seal), true)))?;
    Ok(Written {
        size: layout.package_size,
        slots: stored,
        signature: out.signer.map(Signer::finish).transpose()?,
    })
}

struct Counter<'a> {
    out: &'a mut dyn Write,
    at: u64,
    signer: Option<Signer>,
}

impl Counter<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(signer) = &mut self.signer {
            signer.update(bytes);
        }
        self.at += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|error| {
            let full = error.kind() == std::io::ErrorKind::StorageFull;
            let kind = if full {
                ErrorKind::IoNoSpace
            } else {
                ErrorKind::IoFailed
            };
            Error::new(kind, format!("Cannot write the package: {error}"))
        })
    }

    fn pad_to(&mut self, offset: u64) -> Result<()> {
        let missing = offset.saturating_sub(self.at);
        self.write(&vec![0; missing as usize])
    }
}

/// What is known of a slot once all of its bytes were stored.
struct Facts {
    operations: OperationChain,
    stored: Section,
    original_size: u64,
    digest: [u8; 32],
    frames: Frames,
    pieces: Vec<(u64, [u8; 16])>,
}

#[derive(Default)]
struct Frames {
    stored: Vec<u64>,
    content: Vec<u64>,
    digests: Vec<u8>,
}

fn write_slot(
    build: &Build<'_>,
    slot: &Slot<'_>,
    index: usize,
    out: &mut Counter<'_>,
) -> Result<StoredSlot> {
    let can_be_too_small =
        slot.size < MAX_BUFFERED && !slot.operations.is_archive() && !slot.is_kept;
    let facts = if can_be_too_small {
        let mut bytes = Vec::new();
        let mut facts = encode_slot(
            build,
            slot,
            slot.operations,
            &slot.compressions,
            &mut |block| {
                bytes.extend_from_slice(block);
                Ok(())
            },
        )?;
        if bytes.len() < MIN_STORED {
            bytes.clear();
            let operations = OperationChain::from_operations(&[Operation::GZIP])?;
            facts = encode_slot(build, slot, operations, &[Operation::GZIP], &mut |block| {
                bytes.extend_from_slice(block);
                Ok(())
            })?;
        }
        out.pad_to(out.at.next_multiple_of(8))?;
        facts.stored.offset = out.at;
        out.write(&bytes)?;
        facts
    } else {
        let mut start = None;
        let mut facts = encode_slot(
            build,
            slot,
            slot.operations,
            &slot.compressions,
            &mut |block| {
                // What has no bytes takes no place, not even padding.
                if start.is_none() && !block.is_empty() {
                    out.pad_to(out.at.next_multiple_of(8))?;
                    start = Some(out.at);
                }
                out.write(block)
            },
        )?;
        facts.stored.offset = start.unwrap_or(out.at);
        facts
    };
    Ok(place(slot, index, facts))
}

fn encode_slot(
    build: &Build<'_>,
    slot: &Slot<'_>,
    operations: OperationChain,
    compressions: &[Operation],
    write: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<Facts> {
    let mut hash = Sha256::new();
    let mut frames = Frames::default();
    let mut pieces = Vec::new();
    let (mut size, mut original_size) = (0, 0);
    if slot.is_kept {
        let mut decoders = Decoders::new(&slot.spec.source, &compressions_of(operations))?;
        slot.read(build.time, &mut |block| {
            decoders.push(&block)?;
            hash.update(&block);
            size += block.len() as u64;
            write(&block)
        })?;
        decoders.push(&[])?;
        if operations.is_archive() && !is_tar(&decoders.head) {
            let message = format!(
                "Cannot pack \"{}\": it is labelled as an archive, but there is no tar inside",
                slot.spec.source
            );
            let error = Error::new(ErrorKind::BuildFailed, message);
            return Err(error.hint("Use an operation without tar, or give a real archive"));
        }
        original_size = decoders.content;
    } else {
        let mut content = |emit: &mut encode::Emit<'_>| {
            slot.read(build.time, &mut |block| {
                original_size += block.len() as u64;
                emit(block)
            })
        };
        let mut sink = |block: Encoded| {
            hash.update(&block.bytes);
            size += block.bytes.len() as u64;
            pieces.push((block.bytes.len() as u64, block.digest));
            frames.stored.push(block.bytes.len() as u64);
            frames.content.push(block.content as u64);
            frames.digests.extend_from_slice(&block.digest);
            write(&block.bytes)?;
            encode::give_memory(block.bytes);
            Ok(())
        };
        encode::encode(
            compressions,
            slot.spec.level,
            build.jobs,
            &mut content,
            &mut sink,
        )?;
    }
    let is_framed = matches!(operations.pack(), 0 | 0x01 | 0x1b | 0x1b01);
    if build.is_portable || slot.is_kept || !is_framed || frames.stored.len() < 2 {
        // One frame needs no table: the slot's own digest says as much.
        frames = Frames::default();
    }
    let stored = Section { offset: 0, size };
    Ok(Facts {
        operations,
        stored,
        original_size,
        digest: hash.finalize().into(),
        frames,
        pieces,
    })
}

/// Describes a slot that was stored.
fn place(slot: &Slot<'_>, index: usize, facts: Facts) -> StoredSlot {
    let spec = slot.spec;
    let Facts {
        operations,
        stored,
        original_size,
        digest,
        frames,
        pieces,
    } = facts;
    let index_bytes = index & 0xffff;
    // What some reader would take for the start of JSON or of gzip.
    let is_odd = index_bytes & 0xff == 0x7b || index_bytes == 0x8b1f;
    let id = if is_odd {
        (1 << 32) + index as u64 * 256
    } else {
        index as u64
    };
    let descriptor = SlotDescriptor {
        id,
        name_hash: h8(spec.id.as_bytes()),
        stored,
        original_size,
        operations: operations.pack(),
        checksum: digest
            .first_chunk()
            .map_or(0, |first| u64::from_le_bytes(*first)),
        purpose: purpose_byte(&spec.purpose),
        lifecycle: lifecycle_byte(&spec.lifecycle),
        priority: 128,
        platform: spec.platform,
        reserved: [0; 2],
        permissions: slot.permissions,
    };
    let numbers = |sizes: &[u64]| {
        Some(Value::List(
            sizes.iter().map(|size| Value::number(*size)).collect(),
        ))
    };
    let table = (!frames.stored.is_empty()).then(|| {
        Value::table([
            ("stored", numbers(&frames.stored)),
            ("content", numbers(&frames.content)),
            ("digests", Some(Value::Text(encode_base64(&frames.digests)))),
        ])
    });
    let text = |text: &str| Some(Value::text(text));
    let metadata = Value::table([
        ("slot", Some(Value::number(index as u64))),
        ("id", text(&spec.id)),
        ("source", Some(Value::Text(recorded_source(&spec.source)))),
        ("target", text(&slot.target)),
        ("size", Some(Value::number(stored.size))),
        ("checksum", Some(checksum(&digest))),
        ("operations", Some(Value::Text(operations.to_string()))),
        ("purpose", text(&spec.purpose)),
        ("lifecycle", text(&spec.lifecycle)),
        (
            "permissions",
            Some(Value::Text(format!("{:04o}", slot.permissions))),
        ),
        ("resolution", text(&spec.resolution)),
        ("frames", table),
    ]);
    StoredSlot {
        stored,
        digest,
        pieces,
        descriptor,
        metadata,
    }
}

/// Names a source the way it is recorded: paths of the machine stay out.
fn recorded_source(source: &str) -> String {
    let bytes = source.as_bytes();
    let has_drive = bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.get(1) == Some(&b':')
        && matches!(bytes.get(2), Some(b'/' | b'\\'));
    if !source.starts_with(['/', '\\']) && !has_drive {
        return source.to_owned();
    }
    source
        .split(['/', '\\'])
        .rfind(|part| !part.is_empty())
        .unwrap_or_default()
        .to_owned()
}

fn purpose_byte(purpose: &str) -> u8 {
    match purpose {
        "code" | "runtime" => 1,
        "config" | "tool" => 2,
        "media" => 3,
        _ => 0,
    }
}

fn lifecycle_byte(lifecycle: &str) -> u8 {
    match lifecycle {
        "init" => 0,
        "startup" => 1,
        "shutdown" => 3,
        "cache" | "cached" => 4,
        "temp" | "temporary" => 5,
        "lazy" => 6,
        "eager" => 7,
        "dev" | "development" => 8,
        "config" => 9,
        "platform" => 10,
        _ => 2,
    }
}

fn checksum(digest: &[u8; 32]) -> Value {
    Value::Text(format!("sha256:{}", Hex(digest)))
}

/// Nothing in the document comes from the machine or the moment.
fn describe(build: &Build<'_>, slots: &[StoredSlot]) -> Value {
    let Build { plan, launcher, .. } = build;
    let text = |text: &str| Some(Value::text(text));
    let truth = Some(Value::Bool(true));
    let texts = |texts: &[&str]| {
        Some(Value::List(
            texts.iter().map(|text| Value::text(*text)).collect(),
        ))
    };
    let integrity = Value::table([("required", truth.clone()), ("algorithm", text("ed25519"))]);
    Value::table([
        ("format", text(pspf_format::constants::FORMAT_NAME)),
        ("format_version", text(METADATA_VERSION)),
        ("package", Some(plan.package.clone())),
        (
            "slots",
            Some(Value::List(
                slots.iter().map(|slot| slot.metadata.clone()).collect(),
            )),
        ),
        ("execution", Some(execution_document(&plan.execution))),
        (
            "verification",
            Some(Value::table([
                ("integrity_seal", Some(integrity)),
                ("signed", truth.clone()),
                ("require_verification", truth.clone()),
            ])),
        ),
        (
            "build",
            Some(Value::table([
                ("tool", text(TOOL_NAME)),
                ("tool_version", text(env!("CARGO_PKG_VERSION"))),
                ("timestamp", Some(Value::Text(timestamp(build.time)))),
                ("deterministic", truth),
                (
                    "platform",
                    Some(Value::table([
                        ("os", text(launcher.os)),
                        ("arch", text(launcher.arch)),
                        ("host", text("any")),
                    ])),
                ),
            ])),
        ),
        (
            "launcher",
            Some(Value::table([
                (
                    "tool",
                    text(if launcher.operations.is_some() {
                        "flavor-rs-launcher"
                    } else {
                        "launcher"
                    }),
                ),
                (
                    "tool_version",
                    text(launcher.version.as_deref().unwrap_or("unknown")),
                ),
                (
                    "source",
                    launcher
                        .source
                        .as_ref()
                        .map(|source| Value::Text(format!("sha256:{source}"))),
                ),
                ("size", Some(Value::number(launcher.bytes.len() as u64))),
                ("checksum", Some(checksum(&launcher.digest))),
                ("capabilities", texts(&["mmap", "signed"])),
            ])),
        ),
        (
            "compatibility",
            Some(Value::table([
                ("min_format_version", text(METADATA_VERSION)),
                ("features", texts(&[pspf_format::constants::SEAL_FEATURE])),
            ])),
        ),
        ("cache_validation", plan.cache_validation.clone()),
        ("runtime", plan.runtime.clone()),
        ("workenv", plan.workenv.as_ref().map(workenv_document)),
        (
            "setup_commands",
            Some(Value::List(plan.setup_commands.clone())),
        ),
        ("custom", plan.custom.clone()),
    ])
}

/// Variables are sorted. The Rust launcher reads them by one name, the Go launcher by another.
fn execution_document(execution: &Value) -> Value {
    let env = execution
        .get("env")
        .map(Value::sorted)
        .unwrap_or(Value::Null);
    let mut members = execution.as_table().unwrap_or_default().to_vec();
    members.retain(|(key, _)| key != "env");
    members.push(("env".into(), env.clone()));
    members.push(("environment".into(), env));
    Value::Table(members)
}

fn workenv_document(workenv: &Value) -> Value {
    let members = workenv.as_table().unwrap_or_default().iter();
    let sorted = |(key, value): &(String, Value)| {
        let value = if key == "env" {
            value.sorted()
        } else {
            value.clone()
        };
        (key.clone(), value)
    };
    Value::Table(members.map(sorted).collect())
}

/// A moment in ISO 8601, from seconds since 1970.
fn timestamp(time: u64) -> String {
    let (days, seconds) = (time / 86_400, time % 86_400);
    // Days are counted from 1 March of the year 0, so that the leap day is a year's last.
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+00:00")
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn timestamp_knows_leap_years() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00+00:00");
        assert_eq!(timestamp(951_827_696), "2000-02-29T12:34:56+00:00");
        assert_eq!(timestamp(4_107_542_400), "2100-03-01T00:00:00+00:00");
    }
}
