//! What the environment asks of the launcher. Read once, at the start.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::level::Level;
use crate::platform::{Os, Platform};
use crate::report;
use crate::rules::environment::NameCase;

/// How many versions of an application stay in the cache where nothing else is asked for.
const KEPT_VERSIONS: usize = 2;

/// When a file that filled the cache, or another with the same content, is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recheck {
    /// When it may have been changed: the default.
    Changed,
    /// At every start.
    Always,
    /// Never; the seal alone has to hold.
    Never,
}

/// What the environment asks of the launcher.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a variable of its own"
)]
pub(crate) struct Settings {
    /// `FLAVOR_VALIDATION`, raised where a list of trusted keys makes every failure fatal.
    pub(crate) level: Level,
    /// `FLAVOR_TRUSTED_KEYS`, unless it is empty.
    pub(crate) trusted: Option<OsString>,
    /// `FLAVOR_RECHECK`.
    pub(crate) recheck: Recheck,
    /// `FLAVOR_EXEC_MODE=spawn`: stay and wait for the program.
    pub(crate) wait: bool,
    /// `FLAVOR_WORKENV_CACHE=0`: fill again at this start.
    pub(crate) refill: bool,
    /// `FLAVOR_DEV`: whether slots for developers are wanted.
    pub(crate) dev: bool,
    /// `FLAVOR_KEEP`: how many versions of an application stay in the cache.
    pub(crate) keep: usize,
    /// `FLAVOR_LAUNCHER_CLI`: words of the launcher instead of arguments for the program.
    pub(crate) cli: bool,
    environment: Vec<(OsString, OsString)>,
}

impl Settings {
    /// Reads the settings from an environment.
    pub(crate) fn read(environment: &[(OsString, OsString)]) -> Self {
        let mut settings = Self {
            level: Level::Standard,
            trusted: None,
            recheck: Recheck::Changed,
            wait: !Os::CAN_REPLACE,
            refill: false,
            dev: false,
            keep: KEPT_VERSIONS,
            cli: false,
            environment: environment
                .iter()
                .filter(|(name, _)| is_ours(name))
                .cloned()
                .collect(),
        };
        // Of two levels the launcher's own counts.
        let detail = ["FLAVOR_LAUNCHER_LOG_LEVEL", "FLAVOR_LOG_LEVEL"];
        let detail = detail.into_iter().find_map(|name| settings.variable(name));
        if let Some(detail) = detail {
            report::set_up(
                &detail.to_string_lossy(),
                settings.variable("FLAVOR_LOG_PATH").map(PathBuf::from),
            );
        }
        settings.trusted = settings.variable("FLAVOR_TRUSTED_KEYS");
        settings.level = Level::parse(&settings.word("FLAVOR_VALIDATION"));
        if settings.trusted.is_some() {
            // A key that signed nothing here would be no reason to trust: anybody can copy it.
            settings.level = settings.level.max(Level::Standard);
        }
        settings.recheck = match settings.word("FLAVOR_RECHECK").as_str() {
            "always" => Recheck::Always,
            "never" => Recheck::Never,
            _ => Recheck::Changed,
        };
        settings.wait |= settings.word("FLAVOR_EXEC_MODE") == "spawn";
        settings.refill = matches!(
            settings.word("FLAVOR_WORKENV_CACHE").as_str(),
            "0" | "false"
        );
        settings.dev = matches!(settings.word("FLAVOR_DEV").as_str(), "1" | "true");
        let keep = settings.word("FLAVOR_KEEP").parse().ok();
        settings.keep = keep.filter(|keep| *keep > 0).unwrap_or(KEPT_VERSIONS);
        settings.cli = matches!(
            settings.word("FLAVOR_LAUNCHER_CLI").as_str(),
            "1" | "true" | "on" | "yes" | "t"
        );
        settings
    }

    /// A variable of those that the launcher knows, unless it is empty.
    pub(crate) fn variable(&self, name: &str) -> Option<OsString> {
        self.environment
            .iter()
            .find(|(key, _)| NameCase::NATIVE.is_same(key, OsStr::new(name)))
            .map(|(_, value)| value.clone())
            .filter(|value| !value.is_empty())
    }

    /// The packages that are being filled while this one starts, by their ids.
    pub(crate) fn filling(&self) -> Option<OsString> {
        self.variable(FILLING)
    }

    fn word(&self, name: &str) -> String {
        let value = self.variable(name).unwrap_or_default();
        value.to_str().unwrap_or_default().to_ascii_lowercase()
    }
}

/// Names the packages that are being filled to the commands of their setup, separated by commas.
pub(crate) const FILLING: &str = "FLAVOR_FILLING";

/// The variables that the launcher reads.
fn is_ours(name: &OsStr) -> bool {
    const OTHERS: [&str; 6] = [
        "HOME",
        "LOCALAPPDATA",
        "TEMP",
        "TMPDIR",
        "USERPROFILE",
        "XDG_CACHE_HOME",
    ];
    let is = |known: &str| NameCase::NATIVE.is_same(name, OsStr::new(known));
    name.as_encoded_bytes()
        .first_chunk()
        .is_some_and(|start: &[u8; 7]| start.eq_ignore_ascii_case(b"FLAVOR_"))
        || OTHERS.into_iter().any(is)
}
