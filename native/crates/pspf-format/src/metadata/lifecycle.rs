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

    /// Whether the slot is extracted anew at each start.
    pub const fn is_per_start(self) -> bool {
        matches!(self, Self::Startup | Self::Temp | Self::Volatile)
    }
}
