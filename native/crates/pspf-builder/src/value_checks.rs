//! What is wrong with single values of a manifest, if anything; by the names that the table of keys has for the checks.

use pspf_format::OperationChain;

use crate::value::quote;

const WORKENV: &str = "{workenv}";

/// Runs a check; gives what is wrong.
pub(crate) fn run(check: &str, value: &str) -> Option<String> {
    let says: &str = match check {
        "checkText" => check_text(value)?,
        "checkPackageName" if value.contains(['/', '\\']) => "holds a slash: it becomes a file name",
        "checkPackageName" if matches!(value, "." | "..") => "cannot be a file name",
        "checkPackageName" => check_text(value)?,
        "checkCommand" if is_blank(value) => "is empty",
        "checkVariableName" if value.is_empty() => "has an empty name",
        "checkVariableName" if value.contains(['=', '\0']) => "has a name with \"=\" or a zero byte",
        "checkCommand" | "checkValue" if value.contains('\0') => "holds a zero byte",
        "checkPermissions" => return parse_permissions(value).is_none().then(|| {
            "is not valid: expected an octal mode up to 0777 (Write three octal digits like \"755\"; setuid and sticky bits are not packed)".into()
        }),
        "checkUmask" => return umask(value).is_none().then(|| {
            format!("is {}, expected three octal digits like \"077\"", quote(value))
        }),
        "checkOperations" => return check_operations(value),
        "checkSource" if value == "$SELF" => "is $SELF, which the existing launchers cannot start",
        "checkSource" => check_text(value)?,
        "checkWorkenvPath" => check_workenv_path(value)?,
        _ => return None,
    };
    Some(says.into())
}

/// The characters that `trim` of JavaScript takes away.
fn is_blank(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_whitespace() && c != '\u{85}' || c == '\u{feff}')
}

fn check_text(value: &str) -> Option<&'static str> {
    if is_blank(value) {
        Some("is empty")
    } else {
        value
            .chars()
            .any(char::is_control)
            .then_some("holds a control character")
    }
}

/// Three or four octal digits, without setuid and sticky bits.
pub(crate) fn parse_permissions(text: &str) -> Option<u16> {
    let octal = |digits: &str| {
        (3..=4).contains(&digits.len()) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'))
    };
    let spellings = [text.strip_prefix("0o"), Some(text), text.strip_prefix('0')];
    let digits = spellings
        .into_iter()
        .flatten()
        .find(|digits| octal(digits))?;
    u16::from_str_radix(digits, 8)
        .ok()
        .filter(|bits| (1..=0o777).contains(bits))
}

/// Four octal digits; unlike a mode, a umask may be 0.
pub(crate) fn umask(value: &str) -> Option<String> {
    let digits = value
        .strip_prefix('0')
        .filter(|digits| digits.len() == 3)
        .unwrap_or(value);
    let is_octal = digits.len() == 3 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    is_octal.then(|| format!("{value:0>4}"))
}

fn check_operations(value: &str) -> Option<String> {
    let error = OperationChain::parse(value).err()?;
    let message = error.message();
    let reason = message
        .rsplit_once(": ")
        .map_or(message, |(_, reason)| reason);
    let hint = "Use raw, tar, gzip, bzip2, xz, zstd, tar.gz, tgz, tar.bz2, tbz2, tar.xz, txz, tar.zst, or names joined by |";
    Some(format!("is not valid: {reason} ({hint})"))
}

fn check_workenv_path(value: &str) -> Option<&'static str> {
    let path = without_workenv(value);
    let mut start = path.chars();
    let has_drive = start.next().is_some_and(|c| c.is_ascii_alphabetic())
        && start.next() == Some(':')
        && matches!(start.next(), None | Some('/'));
    if value.chars().any(char::is_control) {
        Some("holds a control character")
    } else if value.contains('\\') {
        Some("holds a backslash; write / on every platform")
    } else if path.starts_with('/') || has_drive {
        Some("is absolute; paths are relative to the workenv")
    } else {
        value
            .split('/')
            .any(|part| part == "..")
            .then_some("leaves the workenv with \"..\"")
    }
}

/// A checked path, without `{workenv}`, `.` and doubled slashes; empty for the workenv itself.
pub(crate) fn workenv_path(text: &str) -> String {
    let parts: Vec<&str> = without_workenv(text)
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    parts.join("/")
}

/// Spells a checked path as launchers read it everywhere.
pub(crate) fn place_in_workenv(text: &str) -> String {
    match workenv_path(text).as_str() {
        "" => WORKENV.into(),
        path => format!("{WORKENV}/{path}"),
    }
}

fn without_workenv(text: &str) -> &str {
    match text.strip_prefix(WORKENV) {
        Some("") => "",
        Some(rest) => rest.strip_prefix('/').unwrap_or(text),
        None => text,
    }
}
