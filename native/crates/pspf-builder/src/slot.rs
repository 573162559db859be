//! Slots whose sources were found, and of which everything is settled but bytes.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use pspf_format::write::cut::{UNIT, file_unit};
use pspf_format::{Error, ErrorKind, Operation, OperationChain, Result};

use crate::encode::{Emit, take_memory};
use crate::failure::from_io;
use crate::ignore::Ignores;
use crate::plan::{SlotSpec, slot_problem};
use crate::tree::{ListOptions, Member, MemberList, list_members, mode_of, packed_mode};
use crate::{portable, secrets, tar};

/// Where the sources of slots are.
pub(crate) struct Places {
    /// Directory of the manifest, absolute.
    pub(crate) manifest: PathBuf,
    /// What `{workenv}` means in a source, absolute.
    pub(crate) workenv: PathBuf,
    /// The package that is written, absolute; it never contains itself.
    pub(crate) output: PathBuf,
    /// Whether private keys are packed.
    pub(crate) allows_secrets: bool,
}

/// What a slot is made of.
pub(crate) enum Content {
    File {
        path: PathBuf,
        size: u64,
    },
    Tree {
        members: BTreeMap<String, Member>,
        unit: u64,
        guard: Option<Guard>,
    },
}

/// Names files of a tree while they are looked at for private keys.
pub(crate) struct Guard {
    source: String,
    root: PathBuf,
}

impl Guard {
    pub(crate) fn check(&self, file: &Path, content: &[u8]) -> Result<()> {
        let inner = file.strip_prefix(&self.root).unwrap_or(file);
        secrets::check(content, &format!("{}/{}", self.source, inner.display()))
    }
}

/// A slot that can be packed.
pub(crate) struct Slot<'a> {
    pub(crate) spec: &'a SlotSpec,
    pub(crate) operations: OperationChain,
    /// Compressions that are left to do.
    pub(crate) compressions: Vec<Operation>,
    /// Whether the source has the form of its label already.
    pub(crate) is_kept: bool,
    pub(crate) target: String,
    pub(crate) permissions: u16,
    pub(crate) size: u64,
    pub(crate) content: Content,
}

const ROOT: &str = "{workenv}";
/// Mode that archives are labelled with; their members have their own.
const ARCHIVE_PERMISSIONS: u16 = 0o600;
/// Below this size compression gains nothing that anybody would notice.
const RAW_SIZE: u64 = 4096;
const DETECTION_SIZE: u64 = 512;

/// Finds the source of a slot and decides what is done to it.
pub(crate) fn open<'a>(
    spec: &'a SlotSpec,
    index: usize,
    places: &Places,
    is_portable: bool,
    warnings: &mut Vec<String>,
) -> Result<Slot<'a>> {
    let path = find_source(&spec.source, places)?;
    let facts = fs::metadata(&path).map_err(|error| from_io(&error, "open", &path))?;
    if facts.is_dir() {
        return open_directory(spec, index, &path, places, is_portable, warnings);
    }
    check_output(&places.output, &path)?;
    if is_guarded(spec, places) && facts.len() <= secrets::MAX_SIZE as u64 {
        let bytes = fs::read(&path).map_err(|error| from_io(&error, "read", &path))?;
        secrets::check(&bytes, &spec.source)?;
    }
    open_file(spec, index, &path, &facts, is_portable, warnings)
}

/// What others have published is no secret.
fn is_guarded(spec: &SlotSpec, places: &Places) -> bool {
    !places.allows_secrets && !matches!(spec.purpose.as_str(), "library" | "runtime")
}

fn open_directory<'a>(
    spec: &'a SlotSpec,
    index: usize,
    path: &Path,
    places: &Places,
    is_portable: bool,
    warnings: &mut Vec<String>,
) -> Result<Slot<'a>> {
    let operations = match spec.operations {
        Some(operations) => operations,
        None => OperationChain::from_operations(&[Operation::TAR, usual(is_portable)])?,
    };
    check_shape(spec, operations)?;
    if !operations.is_archive() {
        let what = format!(
            "\"{}\" is a directory, and \"{operations}\" does not begin with tar",
            spec.source
        );
        return Err(slot_problem(
            &spec.id,
            &what,
            "Use \"tar\", \"tar.gz\" or \"tar.zst\", or leave operations out",
        ));
    }
    if is_portable {
        portable::check_operations(spec, operations)?;
    }
    if spec.target.contains(['{', '}']) {
        return Err(wrong_target(
            spec,
            "has a placeholder, which cannot be put into an archive",
        ));
    }
    // A directory that a build has made is often ignored by git as a whole.
    let names: &[&str] = if absolute(path)? == places.manifest {
        &[".flavorignore", ".gitignore"]
    } else {
        &[".flavorignore"]
    };
    let MemberList {
        members,
        content_size,
        unused_patterns,
    } = list_members(
        path,
        &ListOptions {
            include: &spec.include,
            exclude: &spec.exclude,
            ignores: &Ignores::read(path, names)?,
            prefix: &spec.target,
            keeps_modes: spec.keeps_modes,
            is_portable,
            hidden: places.output.starts_with(path).then_some(&places.output),
        },
    )?;
    warnings.extend(unused_patterns.iter().map(|pattern| {
        format!(
            "slots[{index}].include \"{pattern}\" matches nothing in {}",
            spec.source
        )
    }));
    Ok(Slot {
        spec,
        operations,
        compressions: compressions_of(operations),
        is_kept: false,
        target: ROOT.into(),
        permissions: spec.permissions.unwrap_or(ARCHIVE_PERMISSIONS),
        size: content_size,
        content: Content::Tree {
            unit: tar::unit_of(&members),
            guard: is_guarded(spec, places).then(|| Guard {
                source: spec.source.clone(),
                root: path.to_owned(),
            }),
            members,
        },
    })
}

fn open_file<'a>(
    spec: &'a SlotSpec,
    index: usize,
    path: &Path,
    facts: &fs::Metadata,
    is_portable: bool,
    warnings: &mut Vec<String>,
) -> Result<Slot<'a>> {
    let size = facts.len();
    let file = File::open(path).map_err(|error| from_io(&error, "open", path))?;
    let mut head = Vec::new();
    file.take(DETECTION_SIZE)
        .read_to_end(&mut head)
        .map_err(|error| from_io(&error, "read", path))?;
    let (operations, compressions, is_kept) = choose_for_file(spec, size, &head, is_portable)?;
    if is_portable {
        portable::check_operations(spec, operations)?;
        portable::check_file(spec, operations, &head)?;
    }
    let at = format!("slots[{index}]");
    if !(spec.include.is_empty() && spec.exclude.is_empty()) {
        let key = if spec.include.is_empty() {
            "exclude"
        } else {
            "include"
        };
        warnings.push(format!(
            "{at}.{key} has no effect: {} is a file",
            spec.source
        ));
    }
    let is_archive = operations.is_archive();
    if is_archive && !spec.target.is_empty() {
        warnings.push(format!(
            "{at}.target has no effect: archives are unpacked into the workenv itself"
        ));
    }
    if !is_archive && spec.target.is_empty() {
        return Err(wrong_target(
            spec,
            "is the workenv, but the source is a file",
        ));
    }
    let default = if is_archive {
        ARCHIVE_PERMISSIONS
    } else {
        packed_mode(mode_of(facts), spec.keeps_modes)
    };
    Ok(Slot {
        spec,
        operations,
        compressions,
        is_kept,
        target: if is_archive {
            ROOT.into()
        } else {
            spec.target.clone()
        },
        permissions: spec.permissions.unwrap_or(default),
        size,
        content: Content::File {
            path: path.to_owned(),
            size,
        },
    })
}

/// A chain describes the stored bytes, so a file that has its last form already is kept as it is.
fn choose_for_file(
    spec: &SlotSpec,
    size: u64,
    head: &[u8],
    is_portable: bool,
) -> Result<(OperationChain, Vec<Operation>, bool)> {
    let compression = detect_compression(head);
    let Some(operations) = spec.operations else {
        let is_raw = size <= RAW_SIZE || compression.is_some();
        let compressions = if is_raw {
            Vec::new()
        } else {
            vec![usual(is_portable)]
        };
        return Ok((
            OperationChain::from_operations(&compressions)?,
            compressions,
            false,
        ));
    };
    check_shape(spec, operations)?;
    let last = operations.iter().last();
    let is_tar_label = operations.is_archive() && operations.len() == 1;
    let is_kept = last.is_some() && (last == compression.flatten() || is_tar_label && is_tar(head));
    if operations.is_archive() && !is_kept && !is_tar(head) {
        let what = format!(
            "\"{}\" is neither a tar archive nor one that is encoded as \"{operations}\"",
            spec.source
        );
        return Err(slot_problem(
            &spec.id,
            &what,
            "Give a directory or an archive, or an operation without tar",
        ));
    }
    Ok((
        operations,
        if is_kept {
            Vec::new()
        } else {
            compressions_of(operations)
        },
        is_kept,
    ))
}

/// The compression of whoever names none.
const fn usual(is_portable: bool) -> Operation {
    if is_portable {
        Operation::GZIP
    } else {
        Operation::ZSTD
    }
}

/// The compression that a file begins like; `Some(None)` for an archive that is none of ours.
fn detect_compression(head: &[u8]) -> Option<Option<Operation>> {
    [
        (&[0x1f, 0x8b, 0x08][..], Some(Operation::GZIP)),
        (&[0x28, 0xb5, 0x2f, 0xfd], Some(Operation::ZSTD)),
        (&[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], Some(Operation::XZ)),
        (b"BZh", Some(Operation::BZIP2)),
        (b"PK\x03\x04", None),
    ]
    .into_iter()
    .find_map(|(magic, operation)| head.starts_with(magic).then_some(operation))
}

/// Whether a file begins like an archive.
pub(crate) fn is_tar(head: &[u8]) -> bool {
    head.get(257..)
        .is_some_and(|rest| rest.starts_with(b"ustar"))
}

/// The operations of a chain that compress.
pub(crate) fn compressions_of(operations: OperationChain) -> Vec<Operation> {
    operations
        .iter()
        .filter(|operation| *operation != Operation::TAR)
        .collect()
}

/// An archive is made of files, so tar can only be the first operation.
fn check_shape(spec: &SlotSpec, operations: OperationChain) -> Result<()> {
    if operations
        .iter()
        .skip(1)
        .any(|operation| operation == Operation::TAR)
    {
        let what = format!("\"{operations}\" has tar after another operation");
        return Err(slot_problem(
            &spec.id,
            &what,
            "Write \"tar\" first, like \"tar.gz\"",
        ));
    }
    Ok(())
}

fn wrong_target(spec: &SlotSpec, what: &str) -> Error {
    slot_problem(
        &spec.id,
        &format!("its target {what}"),
        "Write the path of a file like \"bin/app\", or a directory",
    )
}

/// Refuses a file where another slot needs a directory.
pub(crate) fn check_targets(slots: &[Slot<'_>]) -> Result<()> {
    let files: BTreeMap<&str, usize> = slots
        .iter()
        .enumerate()
        .filter(|(_, slot)| !slot.operations.is_archive())
        .map(|(index, slot)| (slot.spec.target.as_str(), index))
        .collect();
    for slot in slots {
        let target = &slot.spec.target;
        let inside = if slot.operations.is_archive() {
            format!("{target}/")
        } else {
            target.clone()
        };
        for (at, _) in inside.match_indices('/').filter(|(at, _)| *at > 0) {
            if let Some(file) = files.get(&inside[..at]) {
                return Err(wrong_target(
                    slot.spec,
                    &format!("\"{target}\" is below the file of slots[{file}]"),
                ));
            }
        }
    }
    Ok(())
}

/// Two different hits are an error of the manifest, because nobody can tell which was meant.
fn find_source(source: &str, places: &Places) -> Result<PathBuf> {
    let candidates = if source == ROOT {
        vec![places.workenv.clone()]
    } else if let Some(inner) = source
        .strip_prefix(ROOT)
        .and_then(|rest| rest.strip_prefix('/'))
    {
        vec![places.workenv.join(inner)]
    } else {
        let expanded = source.replace(ROOT, &places.workenv.to_string_lossy());
        if Path::new(&expanded).is_absolute() {
            vec![PathBuf::from(expanded)]
        } else {
            let mut both = vec![
                places.manifest.join(&expanded),
                places.workenv.join(&expanded),
            ];
            both.dedup();
            both
        }
    };
    let mut hits: Vec<(PathBuf, &PathBuf)> = Vec::new();
    for path in &candidates {
        if let Ok(real) = fs::canonicalize(path)
            && !hits.iter().any(|(known, _)| *known == real)
        {
            hits.push((real, path));
        }
    }
    match hits.as_slice() {
        [(_, path)] => Ok((*path).clone()),
        [] => {
            let searched: Vec<String> = candidates
                .iter()
                .map(|path| format!("\"{}\"", path.display()))
                .collect();
            let message = format!(
                "The source \"{source}\" does not exist; looked for {}",
                searched.join(" and ")
            );
            let error = Error::new(ErrorKind::IoNotFound, message);
            Err(error.hint("Sources are relative to the manifest; build the application first"))
        }
        [(_, first), (_, second), ..] => {
            let message = format!(
                "The source \"{source}\" can be \"{}\" or \"{}\"",
                first.display(),
                second.display()
            );
            let error = Error::new(ErrorKind::ManifestInvalid, message);
            Err(error.hint("Write {workenv}/ before it, or a path that fits only one"))
        }
    }
}

/// Refuses to write a package over a file that it is made from.
pub(crate) fn check_output(output: &Path, input: &Path) -> Result<()> {
    // Of a link only the name is replaced.
    let is_file = fs::symlink_metadata(output).is_ok_and(|facts| facts.is_file());
    let real = |path| fs::canonicalize(path).ok();
    if !is_file || real(input).is_none() || real(output) != real(input) {
        return Ok(());
    }
    let message = format!(
        "Cannot write the package to \"{}\": it is made from this file",
        output.display()
    );
    Err(Error::new(ErrorKind::UsageBadArgument, message).hint("Choose another output"))
}

impl Slot<'_> {
    /// Gives its content before compression, in blocks that are frames.
    pub(crate) fn read(&self, mtime: u64, emit: &mut Emit<'_>) -> Result<()> {
        match &self.content {
            Content::Tree {
                members,
                unit,
                guard,
            } => tar::write(members, *unit, mtime, guard.as_ref(), emit),
            Content::File { path, size } => read_file(path, *size, emit),
        }
    }
}

fn read_file(path: &Path, size: u64, emit: &mut Emit<'_>) -> Result<()> {
    let failed = |error: &std::io::Error| from_io(error, "read", path);
    let mut file = File::open(path).map_err(|error| failed(&error))?;
    let unit = file_unit(size).max(UNIT);
    let mut done = 0;
    while done < size {
        let part = unit.min(size - done) as usize;
        let mut block = take_memory(part);
        let count = Read::by_ref(&mut file)
            .take(part as u64)
            .read_to_end(&mut block)
            .map_err(|error| failed(&error))?;
        if count < part {
            return Err(changed(path, size, done + count as u64));
        }
        done += part as u64;
        emit(block)?;
    }
    match file.metadata().map_err(|error| failed(&error))?.len() {
        actual if actual != size => Err(changed(path, size, actual)),
        _ => Ok(()),
    }
}

fn changed(path: &Path, expected: u64, actual: u64) -> Error {
    let message = format!(
        "Cannot pack \"{}\": it had {expected} bytes when it was opened and has {actual} now",
        path.display()
    );
    Error::new(ErrorKind::BuildSourceChanged, message)
        .hint("Something writes to the source; wait until it is done and pack again")
}

/// An absolute path without `.` and `..`, as far as that can be told from the text.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    use std::path::Component;
    let current = env::current_dir().map_err(|error| from_io(&error, "find", Path::new(".")))?;
    let mut whole = PathBuf::new();
    for component in current.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                whole.pop();
            }
            other => whole.push(other),
        }
    }
    Ok(whole)
}
