//! Index, slot table and metadata have to tell the same story, to the letter where the package is sealed.

use pspf_format::agreement::check_slots;
use pspf_format::constants::FORMAT_VERSION;
use pspf_format::index::IndexHints;
use pspf_format::{Index, Metadata, Section, SlotDescriptor};

const DOCUMENT: &str = r#"{
    "format": "PSPF/2025",
    "package": { "name": "demo", "version": "1" },
    "slots": [
        { "id": "a", "target": "a", "checksum": "", "size": 10, "operations": "tgz", "permissions": "0755" },
        { "id": "b", "target": "b", "checksum": "", "size": 5 }
    ]
}"#;

fn index() -> Index {
    Index {
        format_version: FORMAT_VERSION,
        index_checksum: 0,
        package_size: 10_000,
        launcher_size: 100,
        metadata: Section {
            offset: 100,
            size: 100,
        },
        slot_table: Section {
            offset: 200,
            size: 128,
        },
        slot_count: 2,
        flags: 0,
        public_key: [0; 32],
        metadata_checksum: [0; 32],
        signature: [0; 64],
        hints: IndexHints::default(),
    }
}

fn table() -> [SlotDescriptor; 2] {
    let first = SlotDescriptor {
        stored: Section {
            offset: 328,
            size: 10,
        },
        operations: 0x1001,
        permissions: 0o755,
        ..SlotDescriptor::default()
    };
    let second = SlotDescriptor {
        stored: Section {
            offset: 344,
            size: 5,
        },
        permissions: 0o600,
        ..SlotDescriptor::default()
    };
    [first, second]
}

#[expect(
    clippy::unwrap_used,
    reason = "the documents of this test are well formed"
)]
fn verdict(document: &str, table: &[SlotDescriptor], sealed: bool) -> &'static str {
    let metadata = Metadata::parse(document.as_bytes()).unwrap();
    check_slots(&index(), table, &metadata, sealed).map_or_else(|error| error.code(), |_| "ok")
}

type Change = fn(&mut [SlotDescriptor; 2]);

#[test]
fn check_slots_holds_sealed_packages_to_their_document() {
    let cases: [(Change, &str, &str); 8] = [
        (|_| {}, "ok", "ok"),
        (|table| table[1].permissions = 0, "ok", "ok"),
        (|table| table[0].stored.size = 9, "format/bad-slot", "ok"),
        (
            |table| table[0].operations = 0x1B01,
            "format/bad-slot",
            "ok",
        ),
        (
            |table| table[0].permissions = 0o644,
            "format/bad-slot",
            "ok",
        ),
        (
            |table| table[1].permissions = 0o644,
            "format/bad-slot",
            "ok",
        ),
        (
            |table| table[1].stored.offset = 330,
            "format/bad-range",
            "ok",
        ),
        (
            |table| table[1].stored.offset = 50,
            "format/bad-range",
            "ok",
        ),
    ];
    for (case, (change, sealed, unsealed)) in cases.into_iter().enumerate() {
        let mut changed = table();
        change(&mut changed);
        assert_eq!(verdict(DOCUMENT, &changed, true), sealed, "case {case}");
        assert_eq!(verdict(DOCUMENT, &changed, false), unsealed, "case {case}");
    }
}

#[test]
fn check_slots_bounds_every_package() {
    let cases: [(Change, &str); 6] = [
        (|table| table[1].stored.offset = 1796, "format/bad-range"),
        (
            |table| table[1].stored.offset = u64::MAX,
            "format/bad-range",
        ),
        (|table| table[1].stored.size = u64::MAX, "format/bad-range"),
        (|table| table[1].stored.size = 1 << 32, "format/bad-range"),
        (
            |table| table[0].operations = 0x0010_0001,
            "format/bad-operations",
        ),
        (|table| table[0].operations = 0x30, "format/bad-operations"),
    ];
    for (case, (change, expected)) in cases.into_iter().enumerate() {
        let mut changed = table();
        change(&mut changed);
        assert_eq!(verdict(DOCUMENT, &changed, true), expected, "case {case}");
        assert_eq!(verdict(DOCUMENT, &changed, false), expected, "case {case}");
    }
}

#[test]
fn check_slots_compares_numbers_and_spellings() {
    for (from, to, sealed) in [
        (
            "\"id\": \"b\"",
            "\"id\": \"b\", \"slot\": 5",
            "format/bad-slot",
        ),
        ("\"tgz\"", "\"TAR|GZIP\"", "ok"),
        ("\"tgz\"", "\"tar\"", "format/bad-slot"),
        ("\"tgz\"", "\"frob\"", "format/bad-operations"),
        ("\"0755\"", "\"0o755\"", "ok"),
        ("\"0755\"", "\"rwx\"", "format/bad-slot"),
    ] {
        let document = DOCUMENT.replace(from, to);
        assert_eq!(verdict(&document, &table(), true), sealed, "{to}");
        assert_eq!(verdict(&document, &table(), false), "ok", "{to}");
    }
}

#[test]
fn check_slots_counts_the_slots() {
    assert_eq!(verdict(DOCUMENT, &table()[..1], false), "format/bad-slot");
    assert_eq!(verdict(DOCUMENT, &[], false), "format/bad-slot");
}

/// A document of two slots, the second with these members beside the needed ones.
fn with_second(members: &str) -> String {
    DOCUMENT.replace("\"size\": 5 }", &format!("\"size\": 5{members} }}"))
}

#[expect(
    clippy::unwrap_used,
    reason = "the documents of this test are well formed"
)]
fn second_mode(members: &str, permissions: u16, sealed: bool) -> u16 {
    let document = with_second(members);
    let metadata = Metadata::parse(document.as_bytes()).unwrap();
    let mut table = table();
    table[1].permissions = permissions;
    let slots = check_slots(&index(), &table, &metadata, sealed).unwrap();
    slots.last().map_or(0, |slot| slot.mode)
}

#[test]
fn check_slots_gives_the_signed_mode_where_the_descriptor_is_not_signed() {
    for (members, descriptor, mode) in [
        (r#", "permissions": "0755""#, 0o777, 0o755),
        (r#", "permissions": "4755""#, 0o644, 0o755),
        (r#", "permissions": "0o640""#, 0, 0o640),
        // Where the document names none, there is nothing better.
        ("", 0o644, 0o644),
        ("", 0o6755, 0o755),
        ("", 0, 0o600),
        (r#", "permissions": """#, 0o644, 0o644),
        (r#", "permissions": "rwx""#, 0o644, 0o644),
        (r#", "permissions": "0""#, 0o644, 0o600),
    ] {
        assert_eq!(second_mode(members, descriptor, false), mode, "{members}");
    }
    assert_eq!(
        second_mode(r#", "permissions": "0755""#, 0o755, true),
        0o755
    );
}

#[test]
fn check_slots_holds_frame_tables_of_sealed_packages_to_their_slot() {
    let digests = "AAAAAAAAAAAAAAAAAAAAAP////////////////////8=";
    let mut table = table();
    table[1].original_size = 5;
    for (stored, content, sealed, frames) in [
        ("[2, 3]", "[2, 3]", "ok", 2),
        ("[2, 2]", "[2, 2]", "format/bad-slot", 0),
        ("[2, 3]", "[3, 2]", "format/bad-slot", 0),
        ("[5]", "[5]", "format/bad-slot", 0),
        ("null", "null", "format/bad-slot", 0),
    ] {
        let document = with_second(&format!(
            r#", "frames": {{ "stored": {stored}, "content": {content}, "digests": "{digests}", "later": [] }}"#
        ));
        assert_eq!(verdict(&document, &table, true), sealed, "{stored}");
        // Nobody else writes such tables, so one that does not fit is passed over.
        let metadata = Metadata::parse(document.as_bytes()).unwrap();
        let slots = check_slots(&index(), &table, &metadata, false).unwrap();
        assert_eq!(slots[1].frames.len(), frames, "{stored}");
    }
    assert_eq!(
        verdict(&with_second(r#", "frames": null"#), &table, true),
        "ok"
    );
}
