//! One operation of a chain, by its code.

use core::fmt;

/// The code of an operation: any byte but zero, which ends a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation(pub u8);

macro_rules! supported {
    ($($(#[$doc:meta])* $kind:ident $constant:ident = $code:literal, $name:literal $(, $pair:literal)*;)+) => {
        /// The operations that can be undone, the v0 set: whoever undoes them has to match every one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Supported {
            $($(#[$doc])* $kind,)+
        }

        impl Operation {
            $($(#[$doc])* pub const $constant: Self = Self($code);)+

            /// Which of the operations that can be undone this is, if it is one.
            pub const fn supported(self) -> Option<Supported> {
                match self {
                    $(Self::$constant => Some(Supported::$kind),)+
                    _ => None,
                }
            }
        }

        /// Each with its name, and the names of the pair that it makes behind an archive, the usual one first.
        pub(crate) const SPELLINGS: &[(Operation, &str, &[&str])] =
            &[$((Operation::$constant, $name, &[$($pair),*]),)+];

        /// The names of everything that can be undone, separated by commas, as a literal.
        #[macro_export]
        macro_rules! operation_words {
            () => {
                concat!("none", $(",", $name),+)
            };
        }
    };
}

// Another operation is a row here, and what the compiler then asks for.
supported! {
    /// A tree of files as one tar archive.
    Tar TAR = 0x01, "tar";
    /// gzip (RFC 1952).
    Gzip GZIP = 0x10, "gzip", "tar.gz", "tgz";
    /// bzip2.
    Bzip2 BZIP2 = 0x13, "bzip2", "tar.bz2", "tbz2";
    /// xz.
    Xz XZ = 0x16, "xz", "tar.xz", "txz";
    /// Zstandard (RFC 8878).
    Zstd ZSTD = 0x1B, "zstd", "tar.zst";
}

impl Operation {
    /// The name in the format's registry, for messages; `None` for a code that was never assigned.
    pub fn name(self) -> Option<&'static str> {
        REGISTRY.iter().find_map(|(first, names)| {
            let position = usize::from(self.0.checked_sub(*first)?);
            names.split(' ').nth(position)
        })
    }
}

/// The registered name, or `unknown_xx`.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "unknown_{:02x}", self.0),
        }
    }
}

/// First code and names of each category, in falling order of codes, so that the first row at or
/// below a code is its own.
const REGISTRY: &[(u8, &str)] = &[
    (0xFF, "terminal"),
    (0xB0, "split merge dedupe delta patch"),
    (
        0x90,
        "ed25519_sign rsa_pss rsa_pkcs1 ecdsa_p256 ecdsa_p384 ecdsa_p521 eddsa hmac_sha256 hmac_sha512",
    ),
    (
        0x70,
        "sha256 sha512 sha3_256 sha3_512 blake2b blake2s blake3 md5 sha1 xxhash xxhash3 siphash highwayhash adler32 \
         crc32 crc64",
    ),
    (
        0x50,
        "base64 base64_url base32 base16 hex ascii85 uuencode xxencode quoted_printable punycode percent",
    ),
    (
        0x30,
        "aes128_gcm aes256_gcm aes128_cbc aes256_cbc aes128_ctr aes256_ctr chacha20_poly1305 xchacha20_poly1305 salsa20 \
         xsalsa20_poly1305 rsa_2048 rsa_4096 ed25519 x25519 secp256k1 secp256r1 nacl_box nacl_secretbox age pgp",
    ),
    (
        0x10,
        "gzip gzip_fast gzip_best bzip2 bzip2_fast bzip2_best xz xz_fast xz_best lzma lzma2 zstd zstd_fast zstd_best \
         lz4 lz4_hc snappy brotli brotli_text deflate deflate64 ppm ppmd",
    ),
    (
        0x00,
        "none tar tar_sorted tar_stream cpio cpio_newc ar ar_bsd zip_store zip_stream 7z rar pax ustar \
         bundle_reserved_e bundle_reserved_f",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn name_knows_the_ends_of_every_category() {
        for (code, name) in [
            (0x00, "none"),
            (0x01, "tar"),
            (0x0F, "bundle_reserved_f"),
            (0x10, "gzip"),
            (0x13, "bzip2"),
            (0x16, "xz"),
            (0x1B, "zstd"),
            (0x26, "ppmd"),
            (0x31, "aes256_gcm"),
            (0x43, "pgp"),
            (0x5A, "percent"),
            (0x7F, "crc64"),
            (0x98, "hmac_sha512"),
            (0xB4, "patch"),
            (0xFF, "terminal"),
        ] {
            assert_eq!(Operation(code).name(), Some(name), "{code:02x}");
        }
    }

    #[test]
    fn operation_displays_unassigned_codes_as_unknown() {
        for code in [0x27, 0x2F, 0x44, 0x5B, 0x80, 0x99, 0xB5, 0xD0, 0xFE] {
            assert_eq!(Operation(code).name(), None, "{code:02x}");
        }
        assert_eq!(Operation(0x2F).to_string(), "unknown_2f");
    }
}
