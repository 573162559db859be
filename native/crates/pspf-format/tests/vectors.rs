//! The vectors that both languages have to pass.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test reads its vectors from files, and stops where one is not as it should be"
)]

use std::fs;
use std::path::{Path, PathBuf};

use pspf_format::adler32::adler32;
use pspf_format::agreement::{check_slots, gaps, sections};
use pspf_format::constants::{DESCRIPTOR_SIZE, FORMAT_VERSION, TRAILER_SIZE};
use pspf_format::hex::{Hex, parse_hex};
use pspf_format::index::IndexHints;
use pspf_format::platform_signature::{Kind, examine};
use pspf_format::slot::{h8, parse_table};
use pspf_format::write::cut::{Cuts, TarMember, file_cuts, fnv1a32, tar_cuts_up_to, tar_size};
use pspf_format::write::encode_trailer;
use pspf_format::{
    ErrorKind, Index, IndexChecksum, Metadata, Operation, OperationChain, Seal, Section,
    SlotDescriptor, seal, signature, trailer,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/vectors")
}

fn file(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&file(name)).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn hex_u64(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap(), 16).unwrap()
}

fn section_bytes(package: &[u8], section: Section) -> &[u8] {
    let start = usize::try_from(section.offset).unwrap();
    &package[start..start + usize::try_from(section.size).unwrap()]
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    // The golden header has no optional fields: 10 bytes before the deflate stream, 8 after it.
    miniz_oxide::inflate::decompress_to_vec(&bytes[10..bytes.len() - 8]).unwrap()
}

#[test]
fn error_kinds_equal_the_shared_table() {
    let table = json("error_codes.json");
    let table = table.as_object().unwrap();
    assert_eq!(table.len(), ErrorKind::ALL.len());
    for kind in ErrorKind::ALL {
        let row = table
            .get(kind.code())
            .unwrap_or_else(|| panic!("{} is not in the table", kind.code()));
        assert_eq!(row["title"], kind.title(), "{}", kind.code());
        assert_eq!(row["launcher"], kind.exit_code(), "{}", kind.code());
    }
}

#[test]
fn operation_chain_packs_and_unpacks_the_vectors() {
    for vector in json("vectors.json")["packing"].as_array().unwrap() {
        let codes = vector["ops"].as_array().unwrap();
        let codes: Vec<Operation> = codes
            .iter()
            .map(|code| Operation(u8::try_from(code.as_u64().unwrap()).unwrap()))
            .collect();
        let packed = hex_u64(&vector["packed"]);
        assert_eq!(
            OperationChain::from_operations(&codes).unwrap().pack(),
            packed
        );
        assert!(OperationChain::unpack(packed).unwrap().iter().eq(codes));
    }
    let nine: Vec<Operation> = (1..=9).map(Operation).collect();
    assert_eq!(
        OperationChain::from_operations(&nine).unwrap_err().code(),
        "format/bad-operations"
    );
}

#[test]
fn h8_and_adler32_match_the_vectors() {
    let vectors = json("vectors.json");
    for vector in vectors["h8"].as_array().unwrap() {
        assert_eq!(
            h8(vector["input"].as_str().unwrap().as_bytes()),
            hex_u64(&vector["u64"])
        );
    }
    for vector in vectors["adler32"].as_array().unwrap() {
        assert_eq!(
            u64::from(adler32(vector[0].as_str().unwrap().as_bytes())),
            vector[1].as_u64().unwrap()
        );
    }
    assert_eq!(
        u64::from(adler32(&[0; 8192])),
        vectors["adler32_zero8192"].as_u64().unwrap()
    );
}

#[test]
fn signature_verify_accepts_the_vectors_and_nothing_beside_them() {
    for vector in json("vectors.json")["keys"].as_array().unwrap() {
        let key: [u8; 32] = bytes(&vector["public"]).try_into().unwrap();
        let good: [u8; 64] = bytes(&vector["sig_of_empty_object"]).try_into().unwrap();
        assert!(signature::verify(&key, b"{}", &good));
        assert!(!signature::verify(&key, b"{ }", &good));
        for at in 0..64 {
            let mut bad = good;
            bad[at] ^= 1;
            assert!(!signature::verify(&key, b"{}", &bad), "byte {at}");
        }
        assert!(!signature::verify(&[0; 32], b"{}", &good));
    }
}

#[test]
fn slot_descriptor_reads_and_writes_the_vectors() {
    for vector in json("vectors.json")["descriptors"].as_array().unwrap() {
        let stored = bytes(&vector["corrected_hex"]);
        let descriptor = SlotDescriptor::decode(stored.first_chunk().unwrap());
        let expected = SlotDescriptor {
            id: vector["id"].as_u64().unwrap(),
            name_hash: u64::from_le_bytes(bytes(&vector["name_hash_bytes"]).try_into().unwrap()),
            stored: Section {
                offset: vector["offset"].as_u64().unwrap(),
                size: vector["size"].as_u64().unwrap(),
            },
            original_size: vector["original_size"].as_u64().unwrap(),
            operations: hex_u64(&vector["operations"]),
            checksum: hex_u64(&vector["checksum"]),
            purpose: u8::try_from(vector["purpose"].as_u64().unwrap()).unwrap(),
            lifecycle: u8::try_from(vector["lifecycle"].as_u64().unwrap()).unwrap(),
            permissions: u16::try_from(vector["permissions"].as_u64().unwrap()).unwrap(),
            ..SlotDescriptor::default()
        };
        assert_eq!(descriptor, expected, "{}", vector["name"]);
        assert_eq!(descriptor.encode(), stored);
        let upstream = bytes(&vector["upstream_hex"]);
        assert_eq!(
            SlotDescriptor::decode(upstream.first_chunk().unwrap()).encode(),
            upstream
        );
    }
}

/// Everything that a reader does with a whole package.
fn open(package: &[u8]) -> pspf_format::Result<Option<Seal>> {
    let block = trailer::find_index(package)?;
    let (index, checksum) = Index::parse(block, package.len() as u64)?;
    assert_eq!(checksum, IndexChecksum::Standard);
    let table_bytes = section_bytes(package, index.slot_table);
    let seal = Seal::parse(block)?;
    if let Some(seal) = &seal {
        seal.verify(block, &index.public_key)?;
        seal.verify_slot_table(table_bytes)?;
        let launcher: [u8; 32] = Sha256::digest(section_bytes(package, index.launcher())).into();
        assert_eq!(launcher, seal.launcher_digest);
    }
    let compressed = section_bytes(package, index.metadata);
    assert_eq!(Sha256::digest(compressed)[..], index.metadata_checksum);
    let document = gunzip(compressed);
    assert!(signature::verify(
        &index.public_key,
        &document,
        &index.signature
    ));
    let metadata = Metadata::parse(&document)?;
    let table = parse_table(table_bytes)?;
    check_slots(&index, &table, &metadata, seal.is_some())?;
    for (position, (descriptor, slot)) in table.iter().zip(&metadata.slots).enumerate() {
        let digest: [u8; 32] = Sha256::digest(section_bytes(package, descriptor.stored)).into();
        assert_eq!(slot.digest(descriptor.stored.size)?, Some(digest));
        descriptor.verify_checksum(position, &digest)?;
    }
    for gap in gaps(&sections(&index, &table), index.data_end())? {
        assert!(section_bytes(package, gap).iter().all(|byte| *byte == 0));
    }
    Ok(seal)
}

#[test]
fn golden_packages_open() {
    assert_eq!(open(&file("golden.psp")).unwrap(), None);
    assert_eq!(open(&file("golden-marker.psp")).unwrap(), None);
    let expected = json("sealed.json");
    let sealed = file("sealed.psp");
    let seal = open(&sealed).unwrap().unwrap();
    assert_eq!(
        Hex(&seal.launcher_digest).to_string(),
        expected["launcher_sha256"]
    );
    assert_eq!(
        Hex(&seal.slot_table_digest).to_string(),
        expected["slot_table_sha256"]
    );
    assert_eq!(Hex(&seal.signature).to_string(), expected["seal_signature"]);
    let message = seal::message(trailer::find_index(&sealed).unwrap());
    assert_eq!(
        Hex(&Sha256::digest(&message[..])).to_string(),
        expected["seal_message_sha256"]
    );
}

#[test]
fn golden_metadata_reads_as_it_was_written() {
    let document = json("golden.json");
    let metadata = Metadata::parse(document["metadata_json"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(
        (&*metadata.package.name, &*metadata.package.version),
        ("golden", "1.0.0")
    );
    assert_eq!(metadata.execution.command, "sh {workenv}/bin/run.sh one");
    assert_eq!(
        metadata.execution.env,
        [("A".into(), "1".into()), ("B".into(), "2".into())]
    );
    assert_eq!(metadata.primary_slot().unwrap().id, "hello");
    assert_eq!(metadata.slots[2].operations, "tar.gz");
    let launcher = metadata.launcher.unwrap();
    assert_eq!(
        launcher.digest(),
        parse_hex(launcher.checksum.strip_prefix("sha256:").unwrap())
    );
    assert!(launcher.digest().is_some());
}

#[test]
fn encoding_the_golden_inputs_gives_the_exact_bytes() {
    let golden = json("golden.json");
    let launcher = bytes(&golden["launcher_hex"]);
    let metadata = bytes(&golden["metadata_gz_hex"]);
    let slots: Vec<Vec<u8>> = golden["slots_stored_hex"]
        .as_array()
        .unwrap()
        .iter()
        .map(bytes)
        .collect();
    // The order of the existing builders, whose packages stay readable.
    let section = |offset, size| Section { offset, size };
    let (metadata_at, table_at) = (section(24, 817), section(848, 192));
    let places = [section(1040, 29), section(1072, 44), section(1120, 130)];

    let mut body = launcher;
    body.extend(&metadata);
    body.resize(usize::try_from(table_at.offset).unwrap(), 0);
    for (position, slot) in slots.iter().enumerate() {
        let (id, original_size, operations, purpose, lifecycle, permissions) = [
            ("hello", 29, "raw", 0, 2, 0o644),
            ("run", 24, "gzip", 1, 4, 0o755),
            ("lib", 10_240, "tar.gz", 2, 2, 0o600),
        ][position];
        let descriptor = SlotDescriptor {
            id: position as u64,
            name_hash: h8(id.as_bytes()),
            stored: places[position],
            original_size,
            operations: OperationChain::parse(operations).unwrap().pack(),
            checksum: h8(slot),
            purpose,
            lifecycle,
            priority: 1,
            permissions,
            ..SlotDescriptor::default()
        };
        let encoded = descriptor.encode();
        assert_eq!(encoded.len(), DESCRIPTOR_SIZE);
        assert_eq!(encoded, bytes(&golden["descriptors_hex"][position]));
        body.extend(encoded);
    }
    for (slot, place) in slots.iter().zip(&places) {
        body.resize(usize::try_from(place.offset).unwrap(), 0);
        body.extend(slot);
    }
    assert_eq!(body.len(), 1250);

    let index = Index {
        format_version: FORMAT_VERSION,
        index_checksum: 0,
        package_size: 9450,
        launcher_size: 24,
        metadata: metadata_at,
        slot_table: table_at,
        slot_count: 3,
        flags: 0,
        public_key: bytes(&golden["public_key"]).try_into().unwrap(),
        metadata_checksum: Sha256::digest(&metadata).into(),
        signature: bytes(&golden["signature"]).try_into().unwrap(),
        hints: IndexHints::default(),
    };
    let whole =
        |seal, tail_marker| [&body[..], &encode_trailer(&index.encode(seal, tail_marker))].concat();
    assert_eq!(whole(None, false), file("golden.psp"));
    assert_eq!(whole(None, true), file("golden-marker.psp"));
    let sealed = json("sealed.json");
    let seal = Seal {
        launcher_digest: bytes(&sealed["launcher_sha256"]).try_into().unwrap(),
        slot_table_digest: bytes(&sealed["slot_table_sha256"]).try_into().unwrap(),
        signature: bytes(&sealed["seal_signature"]).try_into().unwrap(),
    };
    assert_eq!(whole(Some(&seal), true), file("sealed.psp"));
}

#[test]
fn index_decode_is_the_inverse_of_encode() {
    for name in ["golden.psp", "golden-marker.psp", "sealed.psp"] {
        let package = file(name);
        let block = trailer::find_index(&package).unwrap();
        let index = Index::decode(block).unwrap();
        let seal = Seal::parse(block).unwrap();
        assert_eq!(
            *index.encode(seal.as_ref(), name != "golden.psp"),
            *block,
            "{name}"
        );
    }
}

#[test]
fn index_parse_refuses_every_changed_byte() {
    let package = file("sealed.psp");
    let start = package.len() - TRAILER_SIZE;
    for at in start..package.len() {
        let mut changed = package.clone();
        changed[at] ^= 0x40;
        let verdict = trailer::find_index(&changed)
            .and_then(|block| Index::parse(block, changed.len() as u64));
        assert!(verdict.is_err(), "byte {}", at - start);
    }
}

fn numbers(value: &Value) -> Vec<u64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_u64().unwrap())
        .collect()
}

#[test]
fn frames_are_cut_as_in_the_vectors() {
    let vectors = json("frames.json");
    for vector in vectors["fnv1a32"].as_array().unwrap() {
        let text = vector["text"].as_str().unwrap();
        assert_eq!(
            u64::from(fnv1a32(text.as_bytes())),
            vector["hash"].as_u64().unwrap(),
            "{text}"
        );
    }
    for case in vectors["cases"].as_array().unwrap() {
        let name = &case["name"];
        let cuts = if case["kind"] == "file" {
            file_cuts(case["size"].as_u64().unwrap())
        } else {
            tar_case(case)
        };
        assert_eq!(cuts.unit, case["unit"].as_u64().unwrap(), "{name}");
        if let Some(count) = case["count"].as_u64() {
            let first = numbers(&case["first_cuts"]);
            assert_eq!(cuts.positions.len() as u64 + 1, count, "{name}");
            assert_eq!(cuts.positions[..first.len()], first, "{name}");
        } else {
            assert_eq!(cuts.positions, numbers(&case["cuts"]), "{name}");
        }
    }
}

fn tar_case(case: &Value) -> Cuts {
    let members = case["members"].as_array().unwrap().iter();
    let members = members.map(|member| TarMember {
        path: member["path"].as_str().unwrap().as_bytes(),
        head: member["head"].as_u64().unwrap(),
        size: member["size"].as_u64().unwrap(),
    });
    assert_eq!(tar_size(members.clone()), case["total"].as_u64().unwrap());
    let most = case["max_frames"].as_u64().unwrap_or(65_536);
    tar_cuts_up_to(&members, usize::try_from(most).unwrap())
}

#[test]
fn platform_signatures_are_found_as_in_the_vectors() {
    let section = |value: &Value| {
        let [offset, size] = numbers(value)[..] else {
            unreachable!("a section is two numbers")
        };
        Section { offset, size }
    };
    for case in json("platform_signatures.json")["cases"]
        .as_array()
        .unwrap()
    {
        let name = &case["name"];
        let mut head = bytes(&case["head"]);
        let found = match examine(&head) {
            Err(error) => {
                assert_eq!(error.code(), case["error"], "{name}");
                continue;
            }
            Ok(found) => found,
        };
        assert!(case["error"].is_null(), "{name}");
        let Some(found) = found else {
            assert!(case["kind"].is_null(), "{name}");
            continue;
        };
        let kind = match found.kind {
            Kind::Pe => "pe",
            Kind::MachO => "macho",
        };
        assert_eq!(case["kind"], kind, "{name}");
        let rewritten = case["rewritten"].as_array().unwrap();
        assert!(
            found
                .rewritten
                .iter()
                .copied()
                .eq(rewritten.iter().map(section)),
            "{name}"
        );
        let signature = found.signature(case["file_size"].as_u64().unwrap());
        let expected = Some(&case["signature"]).filter(|value| !value.is_null());
        assert_eq!(signature, expected.map(section), "{name}");
        if let Some(signature) = signature {
            assert_eq!(
                found.package_end(signature, &bytes(&case["before"])),
                case["package_end"].as_u64(),
                "{name}"
            );
        }
        // In pieces, as a reader of a large file does it.
        for (number, piece) in head.chunks_mut(7).enumerate() {
            found.clear_rewritten(number as u64 * 7, piece);
        }
        assert_eq!(
            Hex(&Sha256::digest(&head)).to_string(),
            case["cleared_sha256"],
            "{name}"
        );
    }
}
