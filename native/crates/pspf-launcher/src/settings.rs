//! What the environment asks of the launcher. Read once, at the start.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::level::Level;
use crate::log;
use crate::plan::DevSlots;

/// What the environment asks of the launcher.
pub(crate) struct Settings {
    /// `FLAVOR_VALIDATION`.
    pub(crate) level: Level,
    /// `FLAVOR_TRUSTED_KEYS`.
    pub(crate) trusted: Option<OsString>,
    /// `FLAVOR_EXEC_MODE=spawn`: stay and wait for the program.
    pub(crate) wait: bool,
    /// `FLAVOR_WORKENV_CACHE=0`: fill again at this start.
    pub(crate) refill: bool,
    /// `FLAVOR_DEV`.
    pub(crate) dev: DevSlots,
    /// `FLAVOR_LAUNCHER_CLI`: words of the launcher instead of arguments for the program.
    pub(crate) cli: bool,
    environment: Vec<(OsString, OsString)>,
}

impl Settings {
    /// Reads the settings from an environment.
    pub(crate) fn read(environment: &[(OsString, OsString)]) -> Self {
        let flavor: Vec<_> = environment
            .iter()
            .filter(|(name, _)| is_ours(name))
            .cloned()
            .collect();
        let get = |name: &str| {
            flavor
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_os_str())
        };
        let word = |name: &str| {
            get(name)
                .and_then(OsStr::to_str)
                .unwrap_or_default()
                .to_ascii_lowercase()
        };
        // Of two levels the launcher's own counts.
        let level = ["FLAVOR_LAUNCHER_LOG_LEVEL", "FLAVOR_LOG_LEVEL"]
            .into_iter()
            .find_map(get);
        if let Some(level) = level.filter(|level| !level.is_empty()) {
            log::set_up(
                &level.to_string_lossy(),
                get("FLAVOR_LOG_PATH").map(PathBuf::from),
            );
        }
        Self {
            level: Level::parse(&word("FLAVOR_VALIDATION")),
            trusted: get("FLAVOR_TRUSTED_KEYS").map(OsStr::to_owned),
            wait: !cfg!(unix) || word("FLAVOR_EXEC_MODE") == "spawn",
            refill: matches!(word("FLAVOR_WORKENV_CACHE").as_str(), "0" | "false"),
            dev: DevSlots(matches!(word("FLAVOR_DEV").as_str(), "1" | "true")),
            cli: matches!(
                word("FLAVOR_LAUNCHER_CLI").as_str(),
                "1" | "true" | "on" | "yes" | "t"
            ),
            environment: flavor,
        }
    }

    /// A variable of those that the launcher knows.
    pub(crate) fn variable(&self, name: &str) -> Option<OsString> {
        self.environment
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    }
}

/// The variables that the launcher reads.
fn is_ours(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"FLAVOR_")
        || ["HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"]
            .iter()
            .any(|known| name == *known)
}
