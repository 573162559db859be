//! The table of error codes, shared with the TypeScript half (`tests/vectors/error_codes.json`).

macro_rules! error_kinds {
    ($($(#[$doc:meta])* $kind:ident => ($code:literal, $title:literal, $exit:literal),)+) => {
        /// What went wrong, as a closed set that callers can match on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* $kind,)+
        }

        impl ErrorKind {
            /// Every kind, in the order of the shared table.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// The code that both languages and every report use, such as `format/bad-range`.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$kind => $code,)+
                }
            }

            /// One sentence for people, without a period.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$kind => $title,)+
                }
            }

            /// The launcher's exit code: 101 to 110, or 130.
            pub const fn exit_code(self) -> u8 {
                match self {
                    $(Self::$kind => $exit,)+
                }
            }
        }
    };
}

error_kinds! {
    /// The file is not a PSPF/2025 package.
    FormatNotAPackage => ("format/not-a-package", "The file is not a PSPF/2025 package", 102),
    /// The index block's Adler-32 does not match.
    FormatBadChecksum => ("format/bad-checksum", "The index block's Adler-32 does not match", 102),
    /// The format version is not supported.
    FormatBadVersion => ("format/bad-version", "The format version is not supported", 102),
    /// The file length differs from the recorded package size.
    FormatBadSize => ("format/bad-size", "The file length differs from the recorded package size", 102),
    /// An offset or size lies outside the file.
    FormatBadRange => ("format/bad-range", "An offset or size lies outside the file", 102),
    /// Bytes between the sections of a sealed package are not zero.
    FormatBadPadding => ("format/bad-padding", "Bytes between the sections of a sealed package are not zero", 102),
    /// The metadata document is not valid.
    FormatBadMetadata => ("format/bad-metadata", "The metadata document is not valid", 102),
    /// The slot table and the metadata disagree.
    FormatBadSlot => ("format/bad-slot", "The slot table and the metadata disagree", 102),
    /// An operation chain is not supported or not well formed.
    FormatBadOperations => ("format/bad-operations", "An operation chain is not supported or not well formed", 102),
    /// The seal is not well formed.
    FormatBadSeal => ("format/bad-seal", "The seal is not well formed", 102),
    /// A declared size exceeds a limit.
    FormatTooLarge => ("format/too-large", "A declared size exceeds a limit", 102),
    /// The metadata signature does not verify.
    VerifySignature => ("verify/signature", "The metadata signature does not verify", 107),
    /// The seal signature does not verify.
    VerifySeal => ("verify/seal", "The seal signature does not verify", 107),
    /// The package carries no seal.
    VerifyUnsealed => ("verify/unsealed", "The package carries no seal", 107),
    /// The package is signed by a key that is not trusted.
    VerifyUntrustedKey => ("verify/untrusted-key", "The package is signed by a key that is not trusted", 107),
    /// The metadata digest does not match.
    VerifyMetadataDigest => ("verify/metadata-digest", "The metadata digest does not match", 107),
    /// The slot table digest does not match the seal.
    VerifySlotTableDigest => ("verify/slot-table-digest", "The slot table digest does not match the seal", 107),
    /// A slot's digest does not match.
    VerifySlotDigest => ("verify/slot-digest", "A slot's digest does not match", 107),
    /// The launcher's digest does not match.
    VerifyLauncherDigest => ("verify/launcher-digest", "The launcher's digest does not match", 107),
    /// An archive entry is not well formed.
    ArchiveBadEntry => ("archive/bad-entry", "An archive entry is not well formed", 103),
    /// An archive entry would leave its directory.
    ArchiveUnsafePath => ("archive/unsafe-path", "An archive entry would leave its directory", 103),
    /// An archive entry is of a kind that is never extracted.
    ArchiveUnsupportedEntry => ("archive/unsupported-entry", "An archive entry is of a kind that is never extracted", 103),
    /// An archive exceeds a limit.
    ArchiveTooLarge => ("archive/too-large", "An archive exceeds a limit", 103),
    /// An archive ends early.
    ArchiveTruncated => ("archive/truncated", "An archive ends early", 103),
    /// A compression is not supported here.
    CompressUnsupported => ("compress/unsupported", "A compression is not supported here", 103),
    /// Compressed data is damaged.
    CompressCorrupt => ("compress/corrupt", "Compressed data is damaged", 103),
    /// Decompressed data exceeds its limit.
    CompressTooLarge => ("compress/too-large", "Decompressed data exceeds its limit", 103),
    /// A key is not a valid Ed25519 key.
    CryptoBadKey => ("crypto/bad-key", "A key is not a valid Ed25519 key", 109),
    /// The public key does not belong to the private key.
    CryptoKeyMismatch => ("crypto/key-mismatch", "The public key does not belong to the private key", 109),
    /// The manifest cannot be parsed.
    ManifestSyntax => ("manifest/syntax", "The manifest cannot be parsed", 109),
    /// The manifest is not valid.
    ManifestInvalid => ("manifest/invalid", "The manifest is not valid", 109),
    /// The package cannot be built.
    BuildFailed => ("build/failed", "The package cannot be built", 108),
    /// A source changed while it was being packed.
    BuildSourceChanged => ("build/source-changed", "A source changed while it was being packed", 108),
    /// The package that was just written does not verify.
    BuildVerificationFailed => ("build/verification-failed", "The package that was just written does not verify", 108),
    /// The package would exceed a limit of the format or profile.
    BuildLimit => ("build/limit", "The package would exceed a limit of the format or profile", 108),
    /// A file is too large to be packed.
    BuildTooLarge => ("build/too-large", "A file is too large to be packed", 108),
    /// No launcher is available for the platform.
    LauncherNotFound => ("launcher/not-found", "No launcher is available for the platform", 110),
    /// The launcher does not fit the target platform.
    LauncherWrongFormat => ("launcher/wrong-format", "The launcher does not fit the target platform", 110),
    /// A native helper failed.
    LauncherFailed => ("launcher/failed", "A native helper failed", 110),
    /// No usable cache directory.
    CacheUnavailable => ("cache/unavailable", "No usable cache directory", 106),
    /// The cache directory can be changed by others.
    CacheInsecure => ("cache/insecure", "The cache directory can be changed by others", 106),
    /// A workenv is in use.
    CacheInUse => ("cache/in-use", "A workenv is in use", 106),
    /// No such workenv.
    CacheNotFound => ("cache/not-found", "No such workenv", 106),
    /// A setup command failed.
    RunSetupFailed => ("run/setup-failed", "A setup command failed", 104),
    /// The program cannot be started.
    RunCannotExecute => ("run/cannot-execute", "The program cannot be started", 104),
    /// A file does not exist.
    IoNotFound => ("io/not-found", "A file does not exist", 106),
    /// A file exists already.
    IoExists => ("io/exists", "A file exists already", 106),
    /// Access is denied.
    IoDenied => ("io/denied", "Access is denied", 106),
    /// The disk is full.
    IoNoSpace => ("io/no-space", "The disk is full", 106),
    /// Reading or writing failed.
    IoFailed => ("io/failed", "Reading or writing failed", 106),
    /// An argument is not valid.
    UsageBadArgument => ("usage/bad-argument", "An argument is not valid", 105),
    /// No such command.
    UsageUnknownCommand => ("usage/unknown-command", "No such command", 105),
    /// The operation was interrupted.
    AbortedInterrupted => ("aborted/interrupted", "The operation was interrupted", 130),
    /// An internal error.
    InternalBug => ("internal/bug", "An internal error", 101),
}
