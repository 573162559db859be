//! Numbers that the format fixes, and the limits we put on a file.

/// Version word of the index block.
pub const FORMAT_VERSION: u32 = 0x2025_0001;
/// Name of the format in the metadata document.
pub const FORMAT_NAME: &str = "PSPF/2025";
/// Entry of `compatibility.features` by which signed metadata says that its package is sealed, so that a seal cannot be
/// stripped unnoticed.
pub const SEAL_FEATURE: &str = "seal-1";

/// First bytes of the trailer, and our tail marker: U+1F4E6.
pub const START_MARKER: [u8; 4] = [0xF0, 0x9F, 0x93, 0xA6];
/// Last bytes of every package: U+1FA84.
pub const END_MARKER: [u8; 4] = [0xF0, 0x9F, 0xAA, 0x84];

/// Length of the index block in bytes.
pub const INDEX_SIZE: usize = 8192;
/// Length of the trailer in bytes: both markers and the index block.
pub const TRAILER_SIZE: usize = 8200;
/// Length of one slot descriptor in bytes.
pub const DESCRIPTOR_SIZE: usize = 64;
/// How far from the end of a file a displaced end marker is looked for, in bytes.
pub const APPENDED_SEARCH: usize = 64 * 1024;

/// Most slots a package can have.
pub const MAX_SLOTS: u32 = 65_535;
/// Longest metadata, compressed or not, in bytes.
pub const MAX_METADATA: u64 = 16 * 1024 * 1024;
/// Deepest nesting of the metadata document.
pub const MAX_JSON_DEPTH: usize = 64;
/// Most operations in one chain.
pub const MAX_OPERATIONS: usize = 8;

/// Length of an Ed25519 public key in bytes.
pub const PUBLIC_KEY_SIZE: usize = 32;
/// Length of an Ed25519 signature in bytes.
pub const SIGNATURE_SIZE: usize = 64;
/// Length of a SHA-256 digest in bytes.
pub const DIGEST_SIZE: usize = 32;
