//! What is peculiar to Windows in names, command lines and access lists, as pure functions, so that it is tested everywhere.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::rules::template::WORKENV_MARK;

/// What the shell starts without being told the whole name.
const EXECUTABLE: [&str; 4] = ["exe", "com", "bat", "cmd"];

/// The names that a program can have on disk: as it is, where it ends like a program, else with such an end.
pub(super) fn executable_names(path: &Path) -> Vec<PathBuf> {
    let is_whole = path.extension().is_some_and(|end| {
        EXECUTABLE
            .iter()
            .any(|known| end.eq_ignore_ascii_case(known))
    });
    if is_whole {
        return vec![path.to_owned()];
    }
    // Appended, not replaced: `python3.11` is a name without such an end.
    let with = |end: &&str| {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(end);
        PathBuf::from(name)
    };
    EXECUTABLE.iter().map(with).collect()
}

/// A path without the prefix that only system calls understand, and with the separators that every program does.
pub(super) fn plain_path(path: &str) -> String {
    let path = path.replace('/', "\\");
    if let Some(share) = path.strip_prefix(r"\\?\UNC\") {
        return format!(r"\\{share}");
    }
    match path.strip_prefix(r"\\?\") {
        Some(rest) if rest.as_bytes().get(1) == Some(&b':') => rest.to_owned(),
        _ => path,
    }
}

/// A whole path as system calls take it where it has more than 260 characters.
pub(super) fn long_path(path: &str) -> String {
    let path = path.replace('/', "\\");
    let is_drive = matches!(
        path.as_bytes(),
        [b'a'..=b'z' | b'A'..=b'Z', b':', b'\\', ..]
    );
    match path.strip_prefix(r"\\") {
        Some(rest) if !rest.starts_with(['?', '.']) => format!(r"\\?\UNC\{rest}"),
        None if is_drive => format!(r"\\?\{path}"),
        _ => path,
    }
}

/// A line for `cmd`, in which [`WORKENV_MARK`] stands for the workenv's path.
///
/// The path comes from a variable that only its name stands for in the line: `cmd` puts values in once, before it looks for
/// quotes, and looks for no names in them, so no percent sign in a path can act. The quotes around it, ours or the line's own,
/// hold everything else; no path contains one.
pub(super) fn shell_line(marked: &str) -> String {
    const PATH: &str = "%FLAVOR_WORKENV%";
    let mut line = String::new();
    for (position, part) in marked.split(WORKENV_MARK).enumerate() {
        if position == 0 {
            line.push_str(part);
            continue;
        }
        let is_quoted = line.matches('"').count() % 2 == 1;
        let quote = if is_quoted { "" } else { "\"" };
        line.extend([quote, PATH, quote]);
        // What follows belongs to the path as far as it goes, and `cmd` takes a slash for the beginning of an option.
        let ends: &[char] = if is_quoted {
            &['"']
        } else {
            &[' ', '\t', '"', '&', '|', '<', '>', ';', ',', '=']
        };
        let end = part.find(ends).unwrap_or(part.len());
        let (path, rest) = part.split_at(end);
        line.push_str(&path.replace('/', "\\"));
        line.push_str(rest);
    }
    line
}

/// Whether a file can have this name, and the name means no device.
pub(super) fn is_possible_name(component: &[u8]) -> bool {
    const RESERVED: [&[u8]; 6] = [b"con", b"prn", b"aux", b"nul", b"conin$", b"conout$"];
    let stem = component
        .split(|byte| *byte == b'.')
        .next()
        .unwrap_or_default()
        .trim_ascii_end()
        .to_ascii_lowercase();
    let is_port = match stem.as_slice() {
        [b'c', b'o', b'm', number @ ..] | [b'l', b'p', b't', number @ ..] => {
            // Digits, three of which are also digits as superscripts.
            matches!(number, [b'0'..=b'9'])
                || matches!(
                    std::str::from_utf8(number),
                    Ok("\u{b9}" | "\u{b2}" | "\u{b3}")
                )
        }
        _ => false,
    };
    let bad_byte = component
        .iter()
        .any(|byte| *byte < 32 || b"\\:*?\"<>|".contains(byte));
    let bad_end = matches!(component.last(), Some(b'.' | b' '));
    !(bad_byte
        || bad_end
        || is_port
        || RESERVED.contains(&stem.as_slice())
        || std::str::from_utf8(component).is_err())
}

/// How somebody could put something else in the place of what we have checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// By changing what lies in the directory.
    Write,
    /// By giving the directory itself, or what lies in it, another name.
    Replace,
    /// By giving what lies in it another name: the root of a volume has none.
    ReplaceInside,
}

const FILE_ADD_FILE: u32 = 0x2;
const FILE_ADD_SUBDIRECTORY: u32 = 0x4;
const FILE_DELETE_CHILD: u32 = 0x40;
const DELETE: u32 = 0x1_0000;
const WRITE_DAC: u32 = 0x4_0000;
const WRITE_OWNER: u32 = 0x8_0000;
const GENERIC_ALL: u32 = 0x1000_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;
const FILE_ALL_ACCESS: u32 = 0x1F_01FF;

const DACL_PRESENT: u16 = 0x4;
const DACL_PROTECTED: u16 = 0x1000;
const SELF_RELATIVE: u16 = 0x8000;

/// An entry that is for what lies inside, files and directories.
const INHERITED_BY_ALL: u8 = 0x3;
/// An entry that is not for the directory itself.
const INHERIT_ONLY: u8 = 0x8;

/// The system.
const SYSTEM: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
/// Those who administer the machine.
const ADMINISTRATORS: [u8; 16] = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];

impl Reach {
    const fn rights(self) -> u32 {
        const ANYWAY: u32 = FILE_DELETE_CHILD | WRITE_DAC | WRITE_OWNER | GENERIC_ALL;
        match self {
            Self::Write => ANYWAY | FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY | DELETE | GENERIC_WRITE,
            Self::Replace => ANYWAY | DELETE,
            Self::ReplaceInside => ANYWAY,
        }
    }
}

/// Who, besides this user and those who administer the machine, can reach a directory with this owner and access list.
/// `descriptor` is a self-relative security descriptor.
pub(super) fn who_else(descriptor: &[u8], me: &[u8], reach: Reach) -> Option<String> {
    let is_trusted = |sid: &[u8]| sid == me || is_administrative(sid);
    let unreadable = || Some("its access list cannot be read".to_owned());
    let at =
        |offset: usize| Some(usize::try_from(u32_at(descriptor, offset)?).unwrap_or(usize::MAX));
    let (Some(control), Some(owner), Some(list)) = (u16_at(descriptor, 2), at(4), at(16)) else {
        return unreadable();
    };
    match sid_at(descriptor, owner) {
        None => return unreadable(),
        Some(owner) if !is_trusted(owner) => {
            return Some(format!("it belongs to {}, not to you", shown(owner)));
        }
        Some(_) => {}
    }
    if control & DACL_PRESENT == 0 || list == 0 {
        return Some("it has no access list, so everybody can write to it".to_owned());
    }
    let Some(entries) = entries_at(descriptor, list) else {
        return unreadable();
    };
    for entry in entries {
        // What takes rights away, and what notes their use, gives none. Whoever is refused here is not looked for above.
        if !matches!(entry.kind, 0 | 4 | 5 | 9 | 11) {
            continue;
        }
        let counts = entry.flags & INHERIT_ONLY == 0
            || (reach == Reach::Write && entry.flags & INHERITED_BY_ALL != 0);
        if !counts || entry.mask & reach.rights() == 0 {
            continue;
        }
        // An entry that is made differently could be for anybody.
        match entry.sid.filter(|_| matches!(entry.kind, 0 | 9)) {
            Some(sid) if is_trusted(sid) || is_owner(sid) => {}
            Some(sid) => return Some(format!("{} can write to it", shown(sid))),
            None => return unreadable(),
        }
    }
    None
}

/// One entry of an access list.
struct Entry<'a> {
    kind: u8,
    flags: u8,
    mask: u32,
    sid: Option<&'a [u8]>,
}

fn entries_at(descriptor: &[u8], list: usize) -> Option<Vec<Entry<'_>>> {
    const HEADER: usize = 8;
    let list = descriptor.get(list..)?;
    let count = u16_at(list, 4)?;
    let mut rest = list.get(HEADER..)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let (entry, next) = rest.split_at_checked(usize::from(u16_at(rest, 2)?))?;
        entries.push(Entry {
            kind: *entry.first()?,
            flags: *entry.get(1)?,
            mask: u32_at(entry, 4)?,
            sid: sid_at(entry, HEADER),
        });
        rest = next;
    }
    Some(entries)
}

/// The bytes of an identifier.
fn sid_at(bytes: &[u8], offset: usize) -> Option<&[u8]> {
    let sid = bytes.get(offset..)?;
    let parts = usize::from(*sid.get(1)?);
    sid.get(..parts.checked_mul(4)?.checked_add(8)?)
}

fn is_administrative(sid: &[u8]) -> bool {
    /// Services that install: `S-1-5-80-956008885-...`, `TrustedInstaller`.
    const INSTALLER: [u8; 16] = [1, 6, 0, 0, 0, 0, 0, 5, 80, 0, 0, 0, 0xB5, 0x89, 0xFB, 0x38];
    sid == SYSTEM || sid == ADMINISTRATORS || sid.starts_with(&INSTALLER)
}

/// Whether this stands for the owner, who is looked at already, or for whoever creates something: that is us.
fn is_owner(sid: &[u8]) -> bool {
    const CREATOR: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0];
    const OWNER_RIGHTS: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0];
    sid == CREATOR || sid == OWNER_RIGHTS
}

/// An identifier as people see it.
fn shown(sid: &[u8]) -> String {
    let authority = sid.get(2..8).unwrap_or_default();
    let authority = authority
        .iter()
        .fold(0_u64, |all, byte| (all << 8) | u64::from(*byte));
    let mut name = format!("S-1-{authority}");
    for part in sid.get(8..).unwrap_or_default().chunks_exact(4) {
        let _ = write!(name, "-{}", u32_at(part, 0).unwrap_or_default());
    }
    match name.as_str() {
        "S-1-1-0" => "everyone".to_owned(),
        "S-1-5-11" => "every user who has logged on".to_owned(),
        "S-1-5-32-545" => "every user".to_owned(),
        _ => name,
    }
}

/// A security descriptor that gives a directory, and all that will lie in it, to this user and to those who administer the
/// machine.
pub(super) fn private_descriptor(me: &[u8]) -> Vec<u8> {
    const HEADER: u32 = 20;
    let mut entries = Vec::new();
    for sid in [me, &SYSTEM, &ADMINISTRATORS] {
        let size = u16::try_from(sid.len().saturating_add(8)).unwrap_or_default();
        entries.extend_from_slice(&[0, INHERITED_BY_ALL]);
        entries.extend_from_slice(&size.to_le_bytes());
        entries.extend_from_slice(&FILE_ALL_ACCESS.to_le_bytes());
        entries.extend_from_slice(sid);
    }
    let size = u16::try_from(entries.len().saturating_add(8)).unwrap_or_default();
    let control = SELF_RELATIVE | DACL_PRESENT | DACL_PROTECTED;
    let list = HEADER.saturating_add(u32::try_from(me.len()).unwrap_or_default());
    let mut descriptor = vec![1, 0];
    descriptor.extend_from_slice(&control.to_le_bytes());
    for offset in [HEADER, 0, 0, list] {
        descriptor.extend_from_slice(&offset.to_le_bytes());
    }
    descriptor.extend_from_slice(me);
    descriptor.extend_from_slice(&[2, 0]);
    descriptor.extend_from_slice(&size.to_le_bytes());
    descriptor.extend_from_slice(&[3, 0, 0, 0]);
    descriptor.extend_from_slice(&entries);
    descriptor
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executable_names_appends_to_names_with_a_dot() {
        let names = |path: &str| -> Vec<String> {
            let names = executable_names(Path::new(path));
            names
                .iter()
                .map(|name| name.display().to_string())
                .collect()
        };
        assert_eq!(names("a.exe"), ["a.exe"]);
        assert_eq!(names("a.EXE"), ["a.EXE"]);
        assert_eq!(names("a")[0], "a.exe");
        assert_eq!(names("python3.11")[0], "python3.11.exe");
    }

    #[test]
    fn plain_path_takes_the_prefix_off_where_it_can_be_done_without() {
        for (given, plain) in [
            (r"\\?\C:\a\b", r"C:\a\b"),
            (r"\\?\C:\a/b/c", r"C:\a\b\c"),
            (r"\\?\UNC\host\share\a", r"\\host\share\a"),
            (r"C:\a/b", r"C:\a\b"),
            (r"\\host\share", r"\\host\share"),
            (r"\\?\Volume{0}\a", r"\\?\Volume{0}\a"),
        ] {
            assert_eq!(plain_path(given), plain);
        }
    }

    #[test]
    fn is_possible_name_refuses_devices_and_what_cannot_be_written() {
        assert!(is_possible_name(b"file.txt"));
        for name in [
            &b"NUL"[..],
            b"com1.txt",
            b"a:b",
            b"a\\b",
            b"dot.",
            b"space ",
            b"nul .txt",
            "lpt\u{b2}".as_bytes(),
            b"\xFF",
        ] {
            assert!(!is_possible_name(name), "{name:?}");
        }
    }

    #[test]
    fn long_path_is_taken_by_system_calls_whole() {
        for (given, long) in [
            (r"C:\a/b", r"\\?\C:\a\b"),
            (r"\\host\share\a", r"\\?\UNC\host\share\a"),
            (r"\\?\C:\a", r"\\?\C:\a"),
            (r"\\.\pipe\a", r"\\.\pipe\a"),
            (r"a\b", r"a\b"),
        ] {
            assert_eq!(long_path(given), long);
        }
    }

    #[test]
    fn shell_line_quotes_the_workenv_once_whatever_the_line_does() {
        for (marked, line) in [
            ("echo a/b", "echo a/b"),
            ("\0/bin/x.exe /c", "\"%FLAVOR_WORKENV%\"\\bin\\x.exe /c"),
            ("\"\0/bin/x y\" /c", "\"%FLAVOR_WORKENV%\\bin\\x y\" /c"),
            (
                "a \0/b&c/d \0",
                "a \"%FLAVOR_WORKENV%\"\\b&c/d \"%FLAVOR_WORKENV%\"",
            ),
        ] {
            assert_eq!(shell_line(marked), line);
        }
    }

    const ME: [u8; 16] = [1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 2, 3, 4];
    const EVERYONE: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];

    /// A descriptor with one more entry than [`private_descriptor`] makes.
    #[expect(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "a few bytes"
    )]
    fn with_entry(owner: &[u8], kind: u8, flags: u8, mask: u32, sid: &[u8]) -> Vec<u8> {
        let mut descriptor = private_descriptor(owner);
        // The number of entries stands in the fifth byte of the list, which follows the owner.
        let (_, list) = descriptor.split_at_mut(20_usize.saturating_add(owner.len()));
        list[4] = 4;
        let size = u16::try_from(sid.len().saturating_add(8)).unwrap();
        descriptor.extend_from_slice(&[kind, flags]);
        descriptor.extend_from_slice(&size.to_le_bytes());
        descriptor.extend_from_slice(&mask.to_le_bytes());
        descriptor.extend_from_slice(sid);
        descriptor
    }

    #[test]
    fn who_else_accepts_what_we_create() {
        let descriptor = private_descriptor(&ME);
        for reach in [Reach::Write, Reach::Replace, Reach::ReplaceInside] {
            assert_eq!(who_else(&descriptor, &ME, reach), None);
            // Whoever administers the machine owns what they create while they do.
            assert_eq!(
                who_else(&private_descriptor(&ADMINISTRATORS), &ME, reach),
                None
            );
        }
    }

    #[test]
    fn who_else_names_whoever_can_write_rename_or_own() {
        let says = |descriptor: &[u8], reach| who_else(descriptor, &ME, reach);
        let other = private_descriptor(&EVERYONE);
        assert_eq!(
            says(&other, Reach::Replace).unwrap(),
            "it belongs to everyone, not to you"
        );
        for (mask, write, replace, inside) in [
            (FILE_ADD_FILE, true, false, false),
            (FILE_ADD_SUBDIRECTORY, true, false, false),
            (GENERIC_WRITE, true, false, false),
            (DELETE, true, true, false),
            (FILE_DELETE_CHILD, true, true, true),
            (WRITE_DAC, true, true, true),
            (GENERIC_ALL, true, true, true),
            // To read and to execute.
            (0x0012_00A9, false, false, false),
        ] {
            let open = with_entry(&ME, 0, 0, mask, &EVERYONE);
            for (reach, refused) in [
                (Reach::Write, write),
                (Reach::Replace, replace),
                (Reach::ReplaceInside, inside),
            ] {
                assert_eq!(says(&open, reach).is_some(), refused, "{mask:x} {reach:?}");
            }
            // To refuse a right gives none.
            assert_eq!(
                says(&with_entry(&ME, 1, 0, mask, &EVERYONE), Reach::Write),
                None
            );
            let inherited = with_entry(&ME, 0, INHERIT_ONLY | 1, mask, &EVERYONE);
            assert_eq!(says(&inherited, Reach::Write).is_some(), write, "{mask:x}");
            assert_eq!(says(&inherited, Reach::Replace), None);
        }
    }

    #[test]
    fn who_else_trusts_no_list_that_is_missing_or_damaged() {
        let mut missing = private_descriptor(&ME);
        missing[16..20].fill(0);
        assert!(
            who_else(&missing, &ME, Reach::ReplaceInside)
                .unwrap()
                .contains("everybody")
        );
        let whole = private_descriptor(&ME);
        for length in 0..whole.len() {
            assert!(
                who_else(&whole[..length], &ME, Reach::Write).is_some(),
                "{length}"
            );
        }
        let odd = with_entry(&ME, 5, 0, GENERIC_ALL, &EVERYONE);
        assert!(who_else(&odd, &ME, Reach::Write).is_some());
    }
}
