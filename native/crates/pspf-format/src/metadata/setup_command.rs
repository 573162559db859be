//! Commands that run once, after a workenv was extracted.

use alloc::borrow::Cow;
use alloc::format;

use super::fields::{flag, object, optional, required, text};
use crate::error::Result;
use crate::json_reader::JsonReader;

/// One setup command. Its texts still hold their placeholders.
#[derive(Debug, PartialEq, Eq)]
pub enum SetupCommand<'a> {
    /// Runs a command line, split like a shell does but without a shell.
    Execute {
        /// The command line.
        command: Cow<'a, str>,
    },
    /// Runs a command line through the platform's shell.
    Shell {
        /// The command line, for the shell to read.
        command: Cow<'a, str>,
    },
    /// Runs a command for the files that match.
    EnumerateAndExecute {
        /// The command line. The file comes after it.
        command: Cow<'a, str>,
        /// Directory to look in.
        path: Cow<'a, str>,
        /// Pattern below it, such as `*.whl` or `**/*.py`.
        pattern: Cow<'a, str>,
        /// Once with all files instead of once for each.
        batch: bool,
    },
    /// Writes a file, exactly.
    WriteFile {
        /// Where to.
        path: Cow<'a, str>,
        /// The content.
        content: Cow<'a, str>,
        /// Permission bits as an octal word.
        mode: Option<Cow<'a, str>>,
    },
    /// Changes permission bits.
    Chmod {
        /// A path, or a pattern of paths.
        path: Cow<'a, str>,
        /// Permission bits as an octal word; 0700 where it is absent.
        mode: Option<Cow<'a, str>>,
    },
    /// A type that this version does not know. Running it has to fail; reading the package need
    /// not.
    Unknown {
        /// The type.
        kind: Cow<'a, str>,
    },
}

#[derive(Default)]
struct Members<'a> {
    kind: Option<Cow<'a, str>>,
    command: Option<Cow<'a, str>>,
    path: Option<Cow<'a, str>>,
    content: Option<Cow<'a, str>>,
    mode: Option<Cow<'a, str>>,
    enumerate: Option<Enumerate<'a>>,
    batch: bool,
}

#[derive(Default)]
struct Enumerate<'a> {
    path: Cow<'a, str>,
    pattern: Cow<'a, str>,
}

/// Reads a command: a bare string, or an object whose `type` is `execute` where it is absent.
pub(super) fn parse<'a>(reader: &mut JsonReader<'a>, _position: u64) -> Result<SetupCommand<'a>> {
    if reader.at_string() {
        return Ok(SetupCommand::Execute {
            command: reader.string()?,
        });
    }
    let members = read_members(reader)?;
    let kind = members.kind.unwrap_or(Cow::Borrowed("execute"));
    Ok(match &*kind {
        "execute" => SetupCommand::Execute {
            command: required(reader, members.command, "command")?,
        },
        "shell" => SetupCommand::Shell {
            command: required(reader, members.command, "command")?,
        },
        "enumerate_and_execute" => {
            let command = required(reader, members.command, "command")?;
            let Enumerate { path, pattern } = required(reader, members.enumerate, "enumerate")?;
            SetupCommand::EnumerateAndExecute {
                command,
                path,
                pattern,
                batch: members.batch,
            }
        }
        "write_file" => SetupCommand::WriteFile {
            path: required(reader, members.path, "path")?,
            content: required(reader, members.content, "content")?,
            mode: members.mode,
        },
        "chmod" => SetupCommand::Chmod {
            path: required(reader, members.path, "path")?,
            mode: members.mode,
        },
        _ => SetupCommand::Unknown { kind },
    })
}

fn read_members<'a>(reader: &mut JsonReader<'a>) -> Result<Members<'a>> {
    let mut members = Members::default();
    object(reader, |reader, key| {
        match key {
            "type" => members.kind = optional(reader, JsonReader::string)?,
            "command" => members.command = optional(reader, JsonReader::string)?,
            "path" => members.path = optional(reader, JsonReader::string)?,
            "content" => members.content = optional(reader, JsonReader::string)?,
            "mode" => members.mode = optional(reader, parse_mode_word)?,
            "enumerate" => members.enumerate = optional(reader, parse_enumerate)?,
            "batch" => members.batch = flag(reader)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(members)
}

/// A mode is an octal word; the Go launcher reads a number, which means its value.
fn parse_mode_word<'a>(reader: &mut JsonReader<'a>) -> Result<Cow<'a, str>> {
    if reader.at_string() {
        return reader.string();
    }
    let value = reader.integer()?;
    Ok(Cow::Owned(format!("{value:04o}")))
}

fn parse_enumerate<'a>(reader: &mut JsonReader<'a>) -> Result<Enumerate<'a>> {
    let mut enumerate = Enumerate {
        path: Cow::Borrowed("{workenv}"),
        pattern: Cow::Borrowed("*"),
    };
    object(reader, |reader, key| {
        match key {
            "path" => enumerate.path = text(reader)?,
            "pattern" => enumerate.pattern = text(reader)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(enumerate)
}
