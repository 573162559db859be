//! How strictly a package is checked before it starts.

/// The value of `FLAVOR_VALIDATION`; later is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Bounds and structure only.
    None,
    /// As [`Level::Relaxed`], without the warnings.
    Minimal,
    /// Signatures that fail are warned about; digests of slots still refuse.
    Relaxed,
    /// Everything that the package carries has to be right.
    Standard,
    /// [`Level::Standard`], and the package has to carry a seal.
    Strict,
}

impl Level {
    /// Reads a level. What nobody knows means the default: a spelling mistake must not weaken anything.
    pub(crate) fn parse(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "strict" => Self::Strict,
            "relaxed" => Self::Relaxed,
            "minimal" => Self::Minimal,
            "none" => Self::None,
            _ => Self::Standard,
        }
    }

    /// The number that a launch record keeps; higher is stricter.
    pub(crate) const fn rank(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Minimal => 1,
            Self::Relaxed => 2,
            Self::Standard => 3,
            Self::Strict => 4,
        }
    }

    /// The word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Relaxed => "relaxed",
            Self::Standard => "standard",
            Self::Strict => "strict",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_takes_unknown_and_empty_for_standard() {
        for word in ["", "standard", "STANDARD", "off", "0", "nonee"] {
            assert_eq!(Level::parse(word), Level::Standard, "{word:?}");
        }
        assert_eq!(Level::parse("Strict"), Level::Strict);
        assert_eq!(Level::parse("none"), Level::None);
    }

    #[test]
    fn rank_rises_with_strictness() {
        let levels = [
            Level::None,
            Level::Minimal,
            Level::Relaxed,
            Level::Standard,
            Level::Strict,
        ];
        assert!(levels.is_sorted() && levels.map(Level::rank).is_sorted());
    }
}
