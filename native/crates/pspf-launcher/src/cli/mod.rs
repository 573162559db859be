//! `FLAVOR_LAUNCHER_CLI=1`: the launcher's own words, about the package that it is part of.

mod cache;
mod extract;
mod info;
mod verify;

use std::ffi::OsString;
use std::fmt::Write as _;

use pspf_format::{Error, ErrorKind, Result};

use crate::json::{JsonObject, array};
use crate::package::Opened;
use crate::report;
use crate::settings::Settings;
use crate::start::{Invocation, Start, Timeline};

/// One word, with everything that is known about it. A new word is a row here.
struct Word {
    name: &'static str,
    /// What comes behind it.
    arguments: &'static str,
    help: &'static str,
    act: fn(&Request<'_>) -> Result<i32>,
}

const WORDS: [Word; 9] = [
    Word {
        name: "info",
        arguments: "",
        help: "what the package is (the default)",
        act: info::info,
    },
    Word {
        name: "verify",
        arguments: "[--cache]",
        help: "check every signature and digest; with --cache the unpacked files as well",
        act: verify::verify,
    },
    Word {
        name: "metadata",
        arguments: "",
        help: "the signed metadata document, exactly as stored",
        act: info::metadata,
    },
    Word {
        name: "extract",
        arguments: "SLOT DIR",
        help: "unpack one slot, by number or id",
        act: extract::extract,
    },
    Word {
        name: "run",
        arguments: "[ARGUMENTS]",
        help: "start the program",
        act: run,
    },
    Word {
        name: "repair",
        arguments: "",
        help: "unpack everything again; changed configuration stays",
        act: cache::repair,
    },
    Word {
        name: "cache",
        arguments: "path|size|remove",
        help: "where the unpacked files are, how many bytes they take, or remove them",
        act: cache::cache,
    },
    Word {
        name: "trace",
        arguments: "",
        help: "prepare a start and show what took how long",
        act: trace,
    },
    Word {
        name: "help",
        arguments: "",
        help: "this text",
        act: |request| help(request.json).map(|()| 0),
    },
];

/// What was asked for.
struct Request<'a> {
    package: &'a Opened,
    invocation: &'a Invocation,
    settings: &'a Settings,
    /// What stands behind the word.
    arguments: Vec<OsString>,
    /// One JSON object is wanted.
    json: bool,
    usage: &'a str,
}

/// Obeys the words after the package's name. Without any, says what the package is.
pub(crate) fn obey(
    package: &Opened,
    mut invocation: Invocation,
    settings: &Settings,
) -> Result<i32> {
    let mut arguments = std::mem::take(&mut invocation.arguments);
    let name = if arguments.is_empty() {
        OsString::from("info")
    } else {
        arguments.remove(0)
    };
    let word = WORDS
        .iter()
        .find(|word| name == word.name || (word.name == "help" && is_help(&name)));
    let Some(word) = word else {
        let names: Vec<_> = WORDS.iter().map(|word| word.name).collect();
        return Err(Error::new(
            ErrorKind::UsageUnknownCommand,
            format!("there is no command {}", name.display()),
        )
        .hint(format!("use {}", names.join(", "))));
    };
    // What stands behind `run` is the program's.
    let takes_json = word.name != "run";
    let json = takes_json && arguments.iter().any(|argument| argument == "--json");
    arguments.retain(|argument| !takes_json || argument != "--json");
    let usage = format!("{} {} [--json]", word.name, word.arguments);
    (word.act)(&Request {
        package,
        invocation: &invocation,
        settings,
        arguments,
        json,
        usage: &usage,
    })
}

/// Whether a word asks for help.
pub(crate) fn is_help(word: &OsString) -> bool {
    ["help", "--help", "-h"].iter().any(|known| word == known)
}

/// What a launcher says about its words that has no package.
pub(crate) fn help_without_package(json: bool) -> Result<()> {
    let text = format!(
        "This is {}. There is no package behind it.\n\n{}",
        crate::version(),
        help_text()
    );
    answer(
        json,
        || JsonObject::new().text("help", &text).finish(),
        || text.clone(),
    )
}

fn help(json: bool) -> Result<()> {
    answer(
        json,
        || JsonObject::new().text("help", &help_text()).finish(),
        help_text,
    )
}

fn help_text() -> String {
    let mut text =
        "Words for the launcher of a package (FLAVOR_LAUNCHER_CLI=1 PACKAGE WORD):\n\n".to_owned();
    for Word {
        name,
        arguments,
        help,
        ..
    } in WORDS
    {
        let word = format!("{name} {arguments}");
        let _ = writeln!(text, "  {word:<24} {help}");
    }
    text.push_str("\n--json makes all but run answer with one JSON object.\n");
    text
}

/// Starts the program as if the launcher had not been asked for anything; the program shall not see the variable either.
fn run(request: &Request<'_>) -> Result<i32> {
    let environment = request.invocation.environment.iter();
    let invocation = Invocation {
        original_command: request.invocation.original_command.clone(),
        arguments: request.arguments.clone(),
        environment: environment
            .filter(|(name, _)| name != "FLAVOR_LAUNCHER_CLI")
            .cloned()
            .collect(),
    };
    Start {
        invocation: &invocation,
        ..request.start()
    }
    .run()
}

/// Prepares a start, as far as the moment at which the program would take over, and shows what took how long.
fn trace(request: &Request<'_>) -> Result<i32> {
    let [] = request.exactly()?;
    let mut timeline = Timeline::begin();
    let opened = crate::open_self(request.settings)?;
    timeline.step("open this file and find its index");
    let start = Start {
        package: &opened,
        timeline: Some(timeline),
        ..request.start()
    };
    let (warm, timeline) = start.prepare()?;
    let steps = timeline.map(|timeline| timeline.steps).unwrap_or_default();
    request.answer(
        || {
            let steps = steps.iter().map(|(name, at)| {
                let at = u64::try_from(*at).unwrap_or(u64::MAX);
                let step = JsonObject::new().text("step", name);
                step.number("at_us", at).finish()
            });
            let answer = JsonObject::new().flag("warm", warm);
            answer.raw("steps", &array(steps)).finish()
        },
        || {
            let mut text = String::new();
            for (name, at) in &steps {
                let _ = writeln!(text, "{at:>9} us  {name}");
            }
            text
        },
    )
}

impl Request<'_> {
    /// The only arguments a command takes.
    fn exactly<const N: usize>(&self) -> Result<&[OsString; N]> {
        self.arguments
            .as_slice()
            .try_into()
            .map_err(|_| self.misused())
    }

    fn misused(&self) -> Error {
        Error::new(
            ErrorKind::UsageBadArgument,
            "the command needs other arguments",
        )
        .hint(format!("usage: {}", self.usage))
    }

    /// A start of the package.
    fn start(&self) -> Start<'_> {
        Start {
            package: self.package,
            invocation: self.invocation,
            settings: self.settings,
            timeline: None,
        }
    }

    /// Writes a result: one JSON object, or text for people.
    fn answer(&self, json: impl FnOnce() -> String, text: impl FnOnce() -> String) -> Result<i32> {
        answer(self.json, json, text).map(|()| 0)
    }
}

fn answer(
    as_json: bool,
    json: impl FnOnce() -> String,
    text: impl FnOnce() -> String,
) -> Result<()> {
    report::output(&if as_json {
        format!("{}\n", json())
    } else {
        text()
    })
}
