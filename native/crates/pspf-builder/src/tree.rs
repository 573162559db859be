//! Directories as members of archives: filtered, put under a prefix, with every directory explicit, sorted by path bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pspf_format::{Error, ErrorKind, Result};

use crate::failure::from_io;
use crate::glob::{Pattern, matches};
use crate::ignore::Ignores;
use crate::links;
use crate::plan::json_quote;

/// What an entry of an archive is.
#[derive(Clone)]
pub(crate) enum Kind {
    Directory,
    File { size: u64, source: PathBuf },
    Link { target: String },
}

/// One entry of an archive to be written.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) kind: Kind,
    /// Permission bits, at most 0o777.
    pub(crate) mode: u16,
}

/// What a tree gives to an archive, by path inside of it.
pub(crate) struct MemberList {
    pub(crate) members: BTreeMap<String, Member>,
    pub(crate) content_size: u64,
    pub(crate) unused_patterns: Vec<String>,
}

/// Which members are taken, and how.
pub(crate) struct ListOptions<'a> {
    pub(crate) include: &'a [String],
    pub(crate) exclude: &'a [String],
    /// What is left out before the patterns see it.
    pub(crate) ignores: &'a Ignores,
    pub(crate) prefix: &'a str,
    pub(crate) keeps_modes: bool,
    /// Keeps to what the existing launchers can extract.
    pub(crate) is_portable: bool,
    /// A path that is not part of the tree: the package itself.
    pub(crate) hidden: Option<&'a Path>,
}

const DIRECTORY_MODE: u16 = 0o755;
const LINK_MODE: u16 = 0o777;
/// The largest size that eleven octal digits can say.
const MAX_MEMBER_SIZE: u64 = (1 << 33) - 1;

/// The permission bits that are packed: those of the owner decide, unless all are kept.
pub(crate) fn packed_mode(mode: u32, keeps_all: bool) -> u16 {
    let bits = (mode & 0o777) as u16;
    if keeps_all {
        return bits;
    }
    let owner = bits & 0o700;
    owner | (owner >> 3 & 0o050) | (owner >> 6 & 0o005)
}

/// The permission bits of a file. Windows has none that are worth keeping.
#[cfg(unix)]
pub(crate) fn mode_of(facts: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(facts) & 0o777
}

/// The permission bits of a file. Windows has none that are worth keeping.
#[cfg(not(unix))]
pub(crate) fn mode_of(_: &fs::Metadata) -> u32 {
    0o755
}

struct Lister<'a> {
    root: &'a Path,
    options: &'a ListOptions<'a>,
    include: Vec<Pattern>,
    exclude: Vec<Pattern>,
    directory_modes: BTreeMap<String, u16>,
    taken: Vec<(String, Member)>,
}

/// Lists a tree.
pub(crate) fn list_members(root: &Path, options: &ListOptions<'_>) -> Result<MemberList> {
    let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
    let mut lister = Lister {
        root,
        options,
        include: patterns(options.include),
        exclude: patterns(options.exclude),
        directory_modes: BTreeMap::new(),
        taken: Vec::new(),
    };
    let mut pending = vec![String::new()];
    while let Some(base) = pending.pop() {
        lister.list(&base, &mut pending)?;
    }
    let above = if options.prefix.is_empty() {
        String::new()
    } else {
        format!("{}/", options.prefix)
    };
    let mut list = MemberList {
        members: BTreeMap::new(),
        content_size: 0,
        unused_patterns: Vec::new(),
    };
    let modes = &lister.directory_modes;
    add_parents(&mut list.members, &above, &above, modes);
    let taken = if options.is_portable {
        links::resolve(root.display().to_string(), &lister.taken)?
    } else {
        lister.taken
    };
    for (inner, member) in taken {
        check_name(root, &inner, &above)?;
        let path = format!("{above}{inner}");
        add_parents(&mut list.members, &path, &above, modes);
        if let Kind::File { size, .. } = member.kind {
            check_size(root, &inner, size)?;
            list.content_size += size;
        }
        list.members.insert(path, member);
    }
    if options.is_portable {
        check_portable(root, &list.members)?;
    }
    let unused = lister
        .include
        .into_iter()
        .filter(|pattern| !pattern.is_used);
    list.unused_patterns = unused.map(|pattern| pattern.text).collect();
    Ok(list)
}

impl Lister<'_> {
    fn list(&mut self, base: &str, pending: &mut Vec<String>) -> Result<()> {
        let full = if base.is_empty() {
            self.root.to_owned()
        } else {
            self.root.join(base)
        };
        let entries = fs::read_dir(&full).map_err(|error| from_io(&error, "list", &full))?;
        for entry in entries {
            let entry = entry.map_err(|error| from_io(&error, "list", &full))?;
            let path = entry.path();
            if self.options.hidden == Some(path.as_path()) {
                continue;
            }
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                return Err(not_utf8("name", &path));
            };
            let inner = if base.is_empty() {
                name
            } else {
                format!("{base}/{name}")
            };
            self.add(&path, inner, &entry, pending)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        path: &Path,
        inner: String,
        entry: &fs::DirEntry,
        pending: &mut Vec<String>,
    ) -> Result<()> {
        let facts = entry
            .metadata()
            .map_err(|error| from_io(&error, "look at", path))?;
        let is_directory = facts.is_dir();
        if self.options.ignores.ignores(&inner, is_directory) {
            return Ok(());
        }
        let mode = packed_mode(mode_of(&facts), self.options.keeps_modes);
        if is_directory {
            self.directory_modes.insert(inner.clone(), mode);
            if !matches(&mut self.exclude, &inner, true) {
                pending.push(inner.clone());
            }
        }
        let is_taken = !matches(&mut self.exclude, &inner, is_directory)
            && (self.include.is_empty() || matches(&mut self.include, &inner, is_directory));
        if !is_taken {
            return Ok(());
        }
        let member = if is_directory {
            Member {
                kind: Kind::Directory,
                mode,
            }
        } else if facts.is_symlink() {
            let target = fs::read_link(path).map_err(|error| from_io(&error, "look at", path))?;
            let target = target
                .to_str()
                .ok_or_else(|| not_utf8("link target", path))?
                .to_owned();
            Member {
                kind: Kind::Link { target },
                mode: LINK_MODE,
            }
        } else if facts.is_file() {
            Member {
                kind: Kind::File {
                    size: facts.len(),
                    source: path.to_owned(),
                },
                mode,
            }
        } else {
            let message = format!(
                "Cannot pack {} of {}: it is neither a file nor a directory nor a symbolic link",
                json_quote(&inner),
                self.root.display()
            );
            let error = Error::new(ErrorKind::ArchiveUnsupportedEntry, message);
            return Err(error.hint("Exclude it: exclude = [...] in the slot"));
        };
        self.taken.push((inner, member));
        Ok(())
    }
}

fn add_parents(
    members: &mut BTreeMap<String, Member>,
    of: &str,
    above: &str,
    modes: &BTreeMap<String, u16>,
) {
    for (end, _) in of.match_indices('/') {
        let path = &of[..end];
        if !members.contains_key(path) {
            let mode = path
                .get(above.len()..)
                .and_then(|inner| modes.get(inner))
                .copied();
            let member = Member {
                kind: Kind::Directory,
                mode: mode.unwrap_or(DIRECTORY_MODE),
            };
            members.insert(path.to_owned(), member);
        }
    }
}

/// What no reader would extract, or what would be stored as another name.
fn check_name(root: &Path, inner: &str, above: &str) -> Result<()> {
    let problem =
        unsafe_name(inner, true).or_else(|| unsafe_name(&format!("{above}{inner}"), false));
    let Some(reason) = problem else { return Ok(()) };
    let message = format!(
        "Cannot pack {} of {}: {reason}",
        json_quote(inner),
        root.display()
    );
    Err(Error::new(ErrorKind::BuildFailed, message)
        .hint("Rename the file, or leave it out with an exclude pattern"))
}

fn unsafe_name(path: &str, is_whole: bool) -> Option<&'static str> {
    let has_drive = path.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && path.as_bytes().get(1) == Some(&b':');
    let names: Vec<&str> = path
        .split('/')
        .filter(|name| !matches!(*name, "" | "."))
        .collect();
    if path.contains('\0') {
        Some("it holds a NUL byte")
    } else if path.starts_with(['/', '\\']) {
        Some("it is absolute")
    } else if has_drive {
        Some("it has a drive letter")
    } else if path.split(['/', '\\']).any(|part| part == "..") {
        Some("it holds ..")
    } else if path.len() > 4096 {
        Some("it is longer than 4096 bytes")
    } else if names.len() > 256 {
        Some("it has more than 256 names")
    } else if names.iter().any(|name| name.len() > 255) {
        Some("a name is longer than 255 bytes")
    } else {
        (is_whole && names.join("/") != path).then_some("the name is not valid Unicode")
    }
}

fn check_size(root: &Path, inner: &str, size: u64) -> Result<()> {
    if size <= MAX_MEMBER_SIZE {
        return Ok(());
    }
    let message = format!(
        "Cannot pack {} of {}: it has {size} bytes, and a file in an archive must be smaller than 8 GiB",
        json_quote(inner),
        root.display()
    );
    Err(Error::new(ErrorKind::BuildTooLarge, message)
        .hint("Give the file a slot of its own, and exclude it here: exclude = [...]"))
}

/// What the existing launchers would put elsewhere or not extract at all.
fn check_portable(root: &Path, members: &BTreeMap<String, Member>) -> Result<()> {
    let dissolved = members.iter().find(|(path, member)| {
        matches!(member.kind, Kind::Directory) && path.starts_with("slot_") && !path.contains('/')
    });
    let what = match dissolved {
        Some((path, _)) => format!(
            "Cannot pack \"{path}\" of {} in the portable profile: top-level directories that start with \"slot_\" are dissolved by the Go launcher",
            root.display()
        ),
        None if members.is_empty() => format!(
            "Cannot pack {} in the portable profile: the archive would be empty",
            root.display()
        ),
        None => return Ok(()),
    };
    Err(Error::new(ErrorKind::BuildFailed, what)
        .hint("Rename the directory, give the slot a target, or use our launcher"))
}

fn not_utf8(what: &str, path: &Path) -> Error {
    let shown = path.to_string_lossy();
    let message = format!(
        "Cannot pack {}: its {what} is not UTF-8",
        json_quote(&shown)
    );
    Error::new(ErrorKind::ArchiveUnsupportedEntry, message)
        .hint("Rename it, or exclude its directory: exclude = [...] in the slot")
}
