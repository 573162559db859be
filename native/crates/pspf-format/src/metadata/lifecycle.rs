//! When a slot is extracted, and how long its files stay.

/// When a slot is extracted, and how long its files stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifecycle {
    /// Removed after the setup commands.
    Init,
    /// Extracted fresh at each start.
    Startup,
    /// Extracted once and kept: the default, also for words that nobody knows.
    #[default]
    Runtime,
    /// Wanted when the program ends.
    Shutdown,
    /// Extracted once and kept; may be dropped with the cache.
    Cache,
    /// Recreated at each start.
    Temp,
    /// Extracted on demand.
    Lazy,
    /// Extracted first.
    Eager,
    /// Only with `FLAVOR_DEV=1`.
    Dev,
    /// Never overwrites what is there.
    Config,
    /// Only where the descriptor's platform byte matches.
    Platform,
    /// Recreated at each start. The Go launcher's own word.
    Volatile,
}

impl Lifecycle {
    /// Reads the word in the metadata, in any spelling that is in use.
    pub fn parse(word: &str) -> Self {
        match word {
            "init" => Self::Init,
            "startup" => Self::Startup,
            "shutdown" => Self::Shutdown,
            "cache" | "cached" => Self::Cache,
            "temp" | "temporary" => Self::Temp,
            "lazy" => Self::Lazy,
            "eager" => Self::Eager,
            "dev" | "development" => Self::Dev,
            "config" => Self::Config,
            "platform" => Self::Platform,
            "volatile" => Self::Volatile,
            _ => Self::Runtime,
        }
    }

    /// The byte that stands for it in a descriptor.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Init => 0,
            Self::Startup => 1,
            Self::Runtime | Self::Volatile => 2,
            Self::Shutdown => 3,
            Self::Cache => 4,
            Self::Temp => 5,
            Self::Lazy => 6,
            Self::Eager => 7,
            Self::Dev => 8,
            Self::Config => 9,
            Self::Platform => 10,
        }
    }

    /// What becomes of a slot of this kind.
    pub const fn policy(self) -> Policy {
        let policy = Policy {
            wanted: Wanted::Always,
            extracted: Extracted::AtFill,
            kept: Kept::WithWorkenv,
        };
        match self {
            Self::Runtime | Self::Cache => policy,
            Self::Eager => Policy {
                extracted: Extracted::FirstAtFill,
                ..policy
            },
            Self::Init => Policy {
                kept: Kept::UntilSetupEnds,
                ..policy
            },
            Self::Config => Policy {
                kept: Kept::WithApplication,
                ..policy
            },
            Self::Startup => Policy {
                extracted: Extracted::AtEachStart,
                ..policy
            },
            Self::Temp | Self::Volatile => Policy {
                extracted: Extracted::AtEachStart,
                kept: Kept::UntilExit,
                ..policy
            },
            Self::Shutdown => Policy {
                extracted: Extracted::AfterExit,
                ..policy
            },
            Self::Lazy => Policy {
                wanted: Wanted::WhereNamed,
                ..policy
            },
            Self::Dev => Policy {
                wanted: Wanted::ForDevelopers,
                ..policy
            },
            Self::Platform => Policy {
                wanted: Wanted::OnItsPlatform,
                ..policy
            },
        }
    }
}

/// What becomes of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether it is extracted at all.
    pub wanted: Wanted,
    /// When.
    pub extracted: Extracted,
    /// How long its files stay.
    pub kept: Kept,
}

/// Who asks for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Every start.
    Always,
    /// A text of the package that a start uses, by naming the slot.
    WhereNamed,
    /// The environment, by `FLAVOR_DEV=1`.
    ForDevelopers,
    /// The platform that the descriptor names.
    OnItsPlatform,
}

/// When a slot is extracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extracted {
    /// When the workenv is filled.
    AtFill,
    /// Then, and before the others.
    FirstAtFill,
    /// When the workenv is filled, and anew at every later start.
    AtEachStart,
    /// When the program has ended, where somebody waits for that.
    AfterExit,
}

/// How long the files of a slot stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// As long as the workenv.
    WithWorkenv,
    /// They are the user's, and go with the application from version to version.
    WithApplication,
    /// Until the setup commands have run.
    UntilSetupEnds,
    /// Until the program has ended, where somebody waits for that.
    UntilExit,
}
