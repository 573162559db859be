//! What is peculiar to Windows in names and command lines, as pure functions, so that it is tested everywhere.

use std::path::{Path, PathBuf};

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

/// Whether a file can have this name, and the name means no device.
pub(super) fn is_possible_name(component: &[u8]) -> bool {
    const RESERVED: [&[u8]; 6] = [b"con", b"prn", b"aux", b"nul", b"conin$", b"conout$"];
    let stem = component
        .split(|byte| *byte == b'.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is_port = matches!(
        stem.as_slice(),
        [b'c', b'o', b'm', b'0'..=b'9'] | [b'l', b'p', b't', b'0'..=b'9']
    );
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
            b"\xFF",
        ] {
            assert!(!is_possible_name(name), "{name:?}");
        }
    }
}
