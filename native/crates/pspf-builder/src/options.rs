//! The command line: that of the existing builders, and a few words more.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use pspf_format::Result;

use crate::failure::usage;

/// How much is said on standard error.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(crate) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
}

/// What is to be built, and how.
pub(crate) struct Options {
    pub(crate) manifest: PathBuf,
    pub(crate) output: PathBuf,
    pub(crate) launcher: Option<PathBuf>,
    pub(crate) private_key: Option<PathBuf>,
    pub(crate) public_key: Option<PathBuf>,
    pub(crate) key_seed: Option<String>,
    pub(crate) workenv_base: Option<PathBuf>,
    pub(crate) jobs: Option<usize>,
    pub(crate) is_portable: bool,
    pub(crate) allows_secrets: bool,
    /// A package that the output will be put in the place of: it is never packed.
    pub(crate) replaces: Option<PathBuf>,
    pub(crate) log_level: LogLevel,
}

/// What the command line asks for.
pub(crate) enum Request {
    Build(Options),
    Print(String),
}

const HELP: &str = "\
flavor-rs-builder packs an application into one signed executable file, as flavor pack does.

Usage: flavor-rs-builder --manifest FILE --output FILE --launcher-bin FILE [options]

  -m, --manifest FILE      what to pack: a flavor.toml or a JSON manifest
  -o, --output FILE        where the package goes
      --launcher-bin FILE  the program at its front (FLAVOR_LAUNCHER_BIN)
      --private-key FILE   Ed25519 key to sign with: PKCS#8 PEM, or 32 or 64 raw bytes
      --public-key FILE    refuse to pack unless the private key belongs to this one
      --key-seed TEXT      sign with the key made from this text; \"env\" takes it from FLAVOR_KEY_SEED
      --workenv-base DIR   what {workenv} stands for in the sources of slots (FLAVOR_WORKENV_BASE)
      --portable           write only what the launchers of other products understand
      --allow-secrets      pack files that are private keys
      --replaces FILE      never pack this one: the output will take its place
  -j, --jobs N             how many blocks to compress at once; by default one for each processor
      --log-level LEVEL    trace, debug, info, warn, error or off (FLAVOR_LOG_LEVEL)
  -h, --help               this text
  -V, --version            the version";

impl Request {
    pub(crate) fn parse(mut words: impl Iterator<Item = OsString>) -> Result<Self> {
        let path = |name| {
            env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let (mut manifest, mut output) = (None, None);
        let mut options = Options {
            manifest: PathBuf::new(),
            output: PathBuf::new(),
            launcher: path("FLAVOR_LAUNCHER_BIN"),
            private_key: None,
            public_key: None,
            key_seed: None,
            workenv_base: path("FLAVOR_WORKENV_BASE"),
            jobs: None,
            is_portable: false,
            allows_secrets: false,
            replaces: None,
            log_level: LogLevel::Info,
        };
        // Launchers of others take more words than these, in the same variable.
        if let Ok(level) = env::var("FLAVOR_LOG_LEVEL") {
            options.log_level = log_level(&level).unwrap_or(LogLevel::Info);
        }
        while let Some(word) = words.next() {
            let text = word.to_string_lossy().into_owned();
            let (name, attached) = match text.split_once('=').filter(|_| text.starts_with("--")) {
                Some((name, value)) => (name.to_owned(), Some(OsString::from(value))),
                None => (text, None),
            };
            match name.as_str() {
                "-h" | "--help" => return Ok(Self::Print(HELP.into())),
                "--portable" if attached.is_none() => {
                    options.is_portable = true;
                    continue;
                }
                "--allow-secrets" if attached.is_none() => {
                    options.allows_secrets = true;
                    continue;
                }
                "-V" | "--version" => {
                    return Ok(Self::Print(
                        concat!("flavor-rs-builder ", env!("CARGO_PKG_VERSION")).into(),
                    ));
                }
                "-m" | "--manifest" | "-o" | "--output" | "--launcher-bin" | "--private-key"
                | "--public-key" | "--key-seed" | "--workenv-base" | "-j" | "--jobs"
                | "--replaces" | "--log-level" => {}
                _ => return Err(usage(format!("There is no option \"{name}\""))),
            }
            let value = attached
                .or_else(|| words.next())
                .ok_or_else(|| usage(format!("{name} needs a value")))?;
            let as_text = || {
                value
                    .to_str()
                    .map(str::to_owned)
                    .ok_or_else(|| usage(format!("{name} is not UTF-8")))
            };
            match name.as_str() {
                "-m" | "--manifest" => manifest = Some(value.into()),
                "-o" | "--output" => output = Some(value.into()),
                "--launcher-bin" => options.launcher = Some(value.into()),
                "--private-key" => options.private_key = Some(value.into()),
                "--public-key" => options.public_key = Some(value.into()),
                "--workenv-base" => options.workenv_base = Some(value.into()),
                "--replaces" => options.replaces = Some(value.into()),
                "--key-seed" => options.key_seed = Some(as_text()?),
                "--log-level" => options.log_level = log_level(&as_text()?)?,
                _ => {
                    let number = as_text()?.parse().ok().filter(|number| *number > 0);
                    options.jobs =
                        Some(number.ok_or_else(|| {
                            usage(format!("{name} must be a whole number from 1"))
                        })?);
                }
            }
        }
        options.manifest = manifest.ok_or_else(|| usage("--manifest is missing"))?;
        options.output = output.ok_or_else(|| usage("--output is missing"))?;
        Ok(Self::Build(options))
    }
}

fn log_level(text: &str) -> Result<LogLevel> {
    match text.to_ascii_lowercase().as_str() {
        "off" => Ok(LogLevel::Off),
        "error" => Ok(LogLevel::Error),
        "warn" => Ok(LogLevel::Warn),
        "trace" | "debug" | "info" => Ok(LogLevel::Info),
        _ => Err(usage(format!(
            "--log-level is \"{text}\", expected trace, debug, info, warn, error or off"
        ))),
    }
}
