/**
 * The numbers of the PSPF/2025 format. All integers on disk are little-endian
 * and unsigned; all offsets count from the first byte of the file.
 *
 * @module
 */

/** Index block bytes 0..3. */
export const FORMAT_VERSION = 0x2025_0001;

/** Value of the `format` key in the metadata document. */
export const FORMAT_NAME = "PSPF/2025";

/** `F0 9F 93 A6` before the index block, read as a little-endian u32. */
export const START_MARKER = 0xa693_9ff0;

/** `F0 9F AA 84`, the last four bytes of a package, as a little-endian u32. */
export const END_MARKER = 0x84aa_9ff0;

/** Bytes of a marker. */
export const MARKER_SIZE = 4;

/** Bytes of the index block. */
export const INDEX_BLOCK_SIZE = 8192;

/** Start marker, index block and end marker: the end of every package. */
export const TRAILER_SIZE = 8200;

/** Bytes of a slot descriptor. */
export const SLOT_DESCRIPTOR_SIZE = 64;

/** Most slots that a package can have. */
export const MAX_SLOT_COUNT = 65_535;

/** Most slots that the existing Rust launcher can read. */
export const MAX_PORTABLE_SLOT_COUNT = 123;

/** Largest metadata document read, compressed or not, in bytes. */
export const MAX_METADATA_SIZE = 16 * 1024 * 1024;

/** Largest metadata document that existing launchers read, uncompressed, in bytes. */
export const MAX_PORTABLE_METADATA_SIZE = 1024 * 1024;

/** Deepest nesting of the metadata document. */
export const MAX_METADATA_DEPTH = 64;

/** Bytes of a SHA-256 digest. */
export const SHA256_SIZE = 32;

/** Bytes of an Ed25519 public key. */
export const PUBLIC_KEY_SIZE = 32;

/** Bytes of an Ed25519 signature. */
export const SIGNATURE_SIZE = 64;

/** Alignment of everything after the launcher, in bytes. */
export const ALIGNMENT = 8;

/** Largest number of operations in a chain. */
export const MAX_OPERATIONS = 8;

/** Permission bits of a file whose descriptor says 0. */
export const DEFAULT_PERMISSIONS = 0o600;

/** Priority byte that the format documents as normal. */
export const DEFAULT_PRIORITY = 128;

/**
 * Entry of `compatibility.features` by which signed metadata says that its
 * package is sealed, so that a seal cannot be stripped unnoticed.
 */
export const SEAL_FEATURE = "seal-1";
