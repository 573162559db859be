//! Index blocks that lie about sizes and offsets, with a checksum that is right.

use pspf_format::adler32::adler32;
use pspf_format::constants::FORMAT_VERSION;
use pspf_format::index::IndexHints;
use pspf_format::{Index, IndexChecksum, Seal, Section, signature};

const FILE_SIZE: u64 = 20_000;
const DATA_END: u64 = FILE_SIZE - 8200;

fn good() -> Index {
    Index {
        format_version: FORMAT_VERSION,
        index_checksum: 0,
        package_size: FILE_SIZE,
        launcher_size: 100,
        metadata: Section {
            offset: 100,
            size: 500,
        },
        slot_table: Section {
            offset: 600,
            size: 128,
        },
        slot_count: 2,
        flags: 0,
        public_key: [1; 32],
        metadata_checksum: [2; 32],
        signature: [3; 64],
        hints: IndexHints::default(),
    }
}

fn verdict(change: impl FnOnce(&mut Index)) -> &'static str {
    let mut index = good();
    change(&mut index);
    match Index::parse(&index.encode(None, true), FILE_SIZE) {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

#[test]
fn index_parse_bounds_every_field_at_its_extremes() {
    let extremes = [
        FILE_SIZE,
        DATA_END + 1,
        1 << 32,
        1 << 63,
        u64::MAX - 1,
        u64::MAX,
    ];
    assert_eq!(verdict(|_| {}), "ok");
    for value in extremes {
        assert_eq!(
            verdict(|index| index.launcher_size = value),
            "format/bad-range",
            "{value}"
        );
        assert_eq!(
            verdict(|index| index.metadata.offset = value),
            "format/bad-range",
            "{value}"
        );
        assert_eq!(
            verdict(|index| index.slot_table.offset = value),
            "format/bad-range",
            "{value}"
        );
        assert_eq!(
            verdict(|index| index.slot_table.size = value),
            "format/bad-range",
            "{value}"
        );
        assert_eq!(
            verdict(|index| index.metadata.size = value),
            "format/bad-range",
            "{value}"
        );
        if value != FILE_SIZE {
            assert_eq!(
                verdict(|index| index.package_size = value),
                "format/bad-size",
                "{value}"
            );
        }
    }
    for value in [0, 1] {
        assert_eq!(verdict(|index| index.launcher_size = value), "ok");
        assert_eq!(verdict(|index| index.metadata.offset = value), "ok");
        assert_eq!(verdict(|index| index.metadata.size = value), "ok");
        assert_eq!(
            verdict(|index| index.package_size = value),
            "format/bad-size"
        );
        assert_eq!(
            verdict(|index| index.slot_table.size = value),
            "format/bad-range"
        );
    }
    assert_eq!(verdict(|index| index.launcher_size = DATA_END), "ok");
}

#[test]
fn index_parse_bounds_the_slot_count() {
    for count in [0, 1, 3, 65_535] {
        assert_eq!(
            verdict(|index| index.slot_count = count),
            "format/bad-range",
            "{count}"
        );
    }
    for count in [65_536, 1 << 31, u32::MAX] {
        assert_eq!(
            verdict(|index| index.slot_count = count),
            "format/too-large",
            "{count}"
        );
    }
    let without_slots = |index: &mut Index| {
        index.slot_count = 0;
        index.slot_table = Section {
            offset: u64::MAX,
            size: 0,
        };
    };
    assert_eq!(
        verdict(without_slots),
        "ok",
        "the offset means nothing without slots"
    );
}

#[test]
fn index_parse_bounds_the_metadata_in_a_large_file() {
    let verdict = |metadata_size: u64| {
        let package_size = 64 << 20;
        let metadata = Section {
            offset: 728,
            size: metadata_size,
        };
        let index = Index {
            package_size,
            metadata,
            ..good()
        };
        Index::parse(&index.encode(None, true), package_size)
            .map_or_else(|error| error.code(), |_| "ok")
    };
    assert_eq!(verdict(16 << 20), "ok");
    assert_eq!(verdict((16 << 20) + 1), "format/too-large");
}

#[test]
fn index_parse_refuses_other_versions_and_checksums() {
    assert_eq!(
        verdict(|index| index.format_version = 0x2024_0001),
        "format/bad-version"
    );
    let mut block = good().encode(None, false);
    // A checksum of zero is a wrong checksum, not an absent one.
    for byte in block.iter_mut().skip(4).take(4) {
        *byte = 0;
    }
    assert_eq!(
        Index::parse(&block, FILE_SIZE).unwrap_err().code(),
        "format/bad-checksum"
    );
}

#[test]
fn index_parse_accepts_the_go_checksum_from_4_gib_on() {
    let go_block = |size: u64| {
        let mut block = Index {
            package_size: size,
            ..good()
        }
        .encode(None, false);
        let mut summed = block.clone();
        for at in [4, 5, 6, 7, 12, 13, 14, 15] {
            summed[at] = 0;
        }
        let checksum = adler32(&summed[..]).to_le_bytes();
        for (to, from) in block.iter_mut().skip(4).zip(checksum) {
            *to = from;
        }
        Index::parse(&block, size).map(|(_, checksum)| checksum)
    };
    assert_eq!(go_block(5 << 32).unwrap(), IndexChecksum::GoLarge);
    // Below 4 GiB the zeroed bytes are zero anyway.
    assert_eq!(go_block(FILE_SIZE).unwrap(), IndexChecksum::Standard);
}

#[test]
fn index_parse_knows_a_file_too_short_for_its_trailer() {
    let index = Index {
        package_size: 100,
        launcher_size: 1,
        ..good()
    };
    assert_eq!(
        Index::parse(&index.encode(None, false), 100)
            .unwrap_err()
            .code(),
        "format/bad-range"
    );
}

#[test]
fn seal_parse_ignores_foreign_bytes_and_refuses_unknown_seals() {
    let seal = Seal {
        launcher_digest: [4; 32],
        slot_table_digest: [5; 32],
        signature: [6; 64],
    };
    let block = good().encode(Some(&seal), true);
    assert_eq!(Seal::parse(&block).unwrap(), Some(seal));
    for at in 864..872 {
        let mut foreign = block.clone();
        foreign[at] ^= 1;
        assert_eq!(Seal::parse(&foreign).unwrap(), None, "{at}");
    }
    for at in (872..880).chain(944..976).chain(1040..1376) {
        let mut unknown = block.clone();
        unknown[at] ^= 1;
        assert_eq!(
            Seal::parse(&unknown).unwrap_err().code(),
            "format/bad-seal",
            "{at}"
        );
    }
    assert_eq!(Seal::parse(&good().encode(None, true)).unwrap(), None);
}

#[test]
fn signature_verify_refuses_weak_and_non_canonical_keys() {
    let identity = || {
        let mut key = [0_u8; 32];
        key[0] = 1;
        key
    };
    let order_eight: [u8; 32] = pspf_format::hex::parse_hex(
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
    .unwrap();
    let mut not_reduced = [0xFF_u8; 32];
    not_reduced[0] = 0xEE;
    not_reduced[31] = 0x7F;
    let mut minus_zero = identity();
    minus_zero[31] = 0x80;
    for key in [
        [0; 32],
        identity(),
        order_eight,
        not_reduced,
        minus_zero,
        [0xFF; 32],
    ] {
        // R is the neutral element and s is zero: a verifier that is not strict takes it for any
        // message.
        let mut forged = [0_u8; 64];
        forged[0] = 1;
        assert!(!signature::verify(&key, b"anything", &forged), "{key:02x?}");
    }
}
