//! What refuses to start, and at which level.

use std::fs;
use std::os::unix::fs::MetadataExt;

use pspf_format::hex::Hex;
use pspf_format::trailer::find_index;
use pspf_format::{Index, Seal};
use sha2::{Digest, Sha256};

use crate::builder::{PackageBuilder, Slot, zstd};
use crate::sandbox::{Sandbox, assert_code, assert_refused, stderr, stdout};

fn index_of(package: &[u8]) -> Index {
    Index::decode(find_index(package).unwrap()).unwrap()
}

#[test]
fn weakness_01_changed_slot_bytes_never_run() {
    let sandbox = Sandbox::new();
    let mut bytes = PackageBuilder::script("echo good").build();
    let at = bytes
        .windows(9)
        .rposition(|window| window == b"echo good")
        .unwrap();
    bytes[at + 5..at + 9].copy_from_slice(b"evil");
    let package = sandbox.install("demo.psp", &bytes);
    for level in ["strict", "standard", "relaxed", "minimal"] {
        assert_refused(
            &package.run_with(&[("FLAVOR_VALIDATION", level)]),
            107,
            "verify/slot-digest",
        );
    }
    assert!(!sandbox.workenv_exists());
}

#[test]
fn changed_bytes_that_do_not_decode_are_told_as_changed() {
    let sandbox = Sandbox::new();
    let content = "a line that compresses\n".repeat(100);
    let slot = Slot::file("share/text", &content).zstd();
    let stored = zstd(content.as_bytes());
    let mut bytes = PackageBuilder::script("echo ok").slot(slot).build();
    let at = bytes
        .windows(stored.len())
        .position(|window| window == stored)
        .unwrap();
    bytes[at] ^= 0xFF; // zstd's magic number
    let package = sandbox.install("demo.psp", &bytes);
    assert_refused(&package.run_with(&[]), 107, "verify/slot-digest");
}

#[test]
fn weakness_02_only_trusted_keys_may_start_where_a_list_is_given() {
    let sandbox = Sandbox::new();
    let builder = PackageBuilder::script("echo ok");
    let key = builder.public_key();
    let package = sandbox.package("demo.psp", builder);
    let print = Hex(&Sha256::digest(key)).to_string();
    assert_eq!(
        stdout(&package.run_with(&[("FLAVOR_TRUSTED_KEYS", &print)])),
        "ok\n"
    );
    let file = sandbox.root.join("key");
    fs::write(&file, key).unwrap();
    assert_eq!(
        stdout(&package.run_with(&[("FLAVOR_TRUSTED_KEYS", file.to_str().unwrap())])),
        "ok\n"
    );
    // The workenv is filled by now: a warm start is no way around the list.
    for level in ["standard", "none"] {
        let environment = [
            ("FLAVOR_TRUSTED_KEYS", "00".repeat(32)),
            ("FLAVOR_VALIDATION", level.to_owned()),
        ];
        let output = package.command().envs(environment).output().unwrap();
        assert_refused(&output, 107, "verify/untrusted-key");
        assert!(stderr(&output).contains(&print));
    }
}

#[test]
fn weakness_03_a_bad_signature_refuses_unless_the_level_says_otherwise() {
    let sandbox = Sandbox::new();
    let mut builder = PackageBuilder::script("echo ok").unsealed();
    builder.break_signature = true;
    let package = sandbox.package("demo.psp", builder);
    for level in ["strict", "standard", "", "nonsense"] {
        let output = package.run_with(&[("FLAVOR_VALIDATION", level)]);
        assert_code(&output, 107);
        assert!(
            !stderr(&output).contains("FLAVOR_VALIDATION"),
            "no advice to look away"
        );
    }
    let output = package.run_with(&[("FLAVOR_VALIDATION", "relaxed")]);
    assert_eq!(stdout(&output), "ok\n");
    assert!(stderr(&output).contains("verify/signature"));
    // A workenv that was filled at a lower level does not serve a higher one.
    assert_refused(&package.run_with(&[]), 107, "verify/signature");
    let output = package.run_with(&[("FLAVOR_VALIDATION", "minimal")]);
    assert_eq!(
        (stdout(&output).as_str(), stderr(&output).as_str()),
        ("ok\n", "")
    );
}

#[test]
fn strict_demands_a_seal() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("open.psp", PackageBuilder::script("echo ok").unsealed());
    assert_eq!(stdout(&package.run_with(&[])), "ok\n");
    assert_refused(
        &package.run_with(&[("FLAVOR_VALIDATION", "strict")]),
        107,
        "verify/unsealed",
    );
    let package = sandbox.package("sealed.psp", PackageBuilder::script("echo ok"));
    assert_eq!(
        stdout(&package.run_with(&[("FLAVOR_VALIDATION", "strict")])),
        "ok\n"
    );
}

#[test]
fn a_seal_that_the_metadata_announces_cannot_be_taken_away() {
    let sandbox = Sandbox::new();
    let claim = serde_json::json!({"features": ["seal-1"]});
    let sealed = PackageBuilder::script("echo ok").set(&["compatibility"], claim.clone());
    assert_eq!(
        stdout(&sandbox.package("sealed.psp", sealed).run_with(&[])),
        "ok\n"
    );
    let stripped = PackageBuilder::script("echo ok")
        .set(&["compatibility"], claim)
        .unsealed();
    let package = sandbox.package("stripped.psp", stripped);
    assert_refused(&package.run_with(&[]), 107, "verify/unsealed");
    let output = package.run_with(&[("FLAVOR_VALIDATION", "relaxed")]);
    assert_eq!(stdout(&output), "ok\n");
    assert!(stderr(&output).contains("verify/unsealed"));
}

#[test]
fn weakness_04_any_changed_byte_of_index_or_table_refuses_cold_and_warm() {
    let sandbox = Sandbox::new();
    let good = PackageBuilder::script("echo ok").build();
    let index = index_of(&good);
    let package = sandbox.install("demo.psp", &good);
    assert_code(&package.run([""; 0]), 0);
    let trailer = good.len() - 8200;
    let table = usize::try_from(index.slot_table.offset).unwrap();
    let metadata = usize::try_from(index.metadata.offset).unwrap();
    for at in [
        trailer,
        trailer + 4,
        trailer + 12,
        trailer + 70,
        trailer + 100,
        trailer + 900,
        trailer + 5000,
        good.len() - 1,
    ] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let package = sandbox.install("demo.psp", &bad);
        let output = package.run([""; 0]);
        assert!(
            matches!(output.status.code(), Some(102 | 107)),
            "byte {at}: {output:?}"
        );
        assert_eq!(stdout(&output), "");
    }
    for at in [table + 20, table + 62, metadata + 10] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let package = sandbox.install("demo.psp", &bad);
        let output = package.run_with(&[("FLAVOR_WORKENV_CACHE", "0")]);
        assert_code(&output, 107);
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn a_seal_binds_the_launcher_and_verify_says_so() {
    let sandbox = Sandbox::new();
    let mut bytes = PackageBuilder::script("echo ok").build();
    let seal = Seal::parse(find_index(&bytes).unwrap()).unwrap();
    assert!(seal.is_some());
    // A byte in the notes at the end of the launcher's file, which its code does not use.
    let at = usize::try_from(index_of(&bytes).launcher_size).unwrap() - 1;
    bytes[at] ^= 1;
    let package = sandbox.install("demo.psp", &bytes);
    let output = package
        .command()
        .env("FLAVOR_LAUNCHER_CLI", "1")
        .arg("verify")
        .output()
        .unwrap();
    assert_code(&output, 107);
    assert!(stdout(&output).contains("verify/launcher-digest"));
}

#[test]
fn appended_bytes_are_named() {
    let sandbox = Sandbox::new();
    let mut bytes = PackageBuilder::script("echo ok").build();
    bytes.extend_from_slice(b"signature");
    let output = sandbox.install("demo.psp", &bytes).run([""; 0]);
    assert_refused(&output, 102, "format/not-a-package");
    assert!(
        stderr(&output).contains("9 bytes were appended"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn weakness_05_metadata_of_more_than_a_mebibyte_is_fine() {
    let sandbox = Sandbox::new();
    let padding: String = "x".repeat(2 << 20);
    let builder = PackageBuilder::script("echo ok")
        .set(&["custom"], serde_json::json!({ "padding": padding }));
    let package = sandbox.package("demo.psp", builder);
    assert_eq!(stdout(&package.run([""; 0])), "ok\n");
}

#[test]
fn weakness_06_a_package_replaced_while_it_starts_runs_what_was_checked() {
    // The package is opened once, so a file that is renamed over it is another file.
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", PackageBuilder::script("echo one"));
    assert_eq!(stdout(&package.run([""; 0])), "one\n");
    let package = sandbox.package("demo.psp", PackageBuilder::script("echo two"));
    assert_eq!(stdout(&package.run([""; 0])), "two\n");
}

#[test]
fn none_runs_what_nothing_else_does_and_says_so_once() {
    let sandbox = Sandbox::new();
    let mut builder = PackageBuilder::script("echo ok");
    builder.break_signature = true;
    let package = sandbox.package("demo.psp", builder.slot(Slot::file("x", "y")));
    for _ in 0..2 {
        let output = package.run_with(&[("FLAVOR_VALIDATION", "none")]);
        assert_eq!(stdout(&output), "ok\n");
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    }
}

#[test]
fn a_list_of_trusted_keys_makes_every_failing_signature_fatal_at_every_level() {
    let sandbox = Sandbox::new();
    let mut unsigned = PackageBuilder::script("echo ok").unsealed();
    unsigned.break_signature = true;
    let mut spoiled = PackageBuilder::script("echo ok");
    spoiled.break_seal = true;
    let print = Hex(&Sha256::digest(unsigned.public_key())).to_string();
    for (name, builder, code) in [
        ("unsigned.psp", unsigned, "verify/signature"),
        ("spoiled.psp", spoiled, "verify/seal"),
    ] {
        let package = sandbox.package(name, builder);
        for level in ["relaxed", "minimal", "none", "standard", "strict"] {
            let environment = [
                ("FLAVOR_TRUSTED_KEYS", print.as_str()),
                ("FLAVOR_VALIDATION", level),
            ];
            if level != "strict" || code == "verify/seal" {
                assert_refused(&package.run_with(&environment), 107, code);
            }
        }
        // Filled where nobody asked whose it is: no way around the list, either.
        let careless = [("FLAVOR_VALIDATION", "minimal")];
        assert_eq!(stdout(&package.run_with(&careless)), "ok\n");
        for level in ["minimal", "none"] {
            let environment = [
                ("FLAVOR_TRUSTED_KEYS", print.as_str()),
                ("FLAVOR_VALIDATION", level),
            ];
            assert_refused(&package.run_with(&environment), 107, code);
        }
    }
}

#[test]
fn a_descriptor_that_nothing_signs_does_not_change_the_signed_mode() {
    let sandbox = Sandbox::new();
    let good = PackageBuilder::script("echo ok")
        .slot(Slot::file("secret", "x").mode(0o600))
        .unsealed()
        .build();
    let index = index_of(&good);
    let second = usize::try_from(index.slot_table.offset).unwrap() + 64;
    let mut bytes = good;
    bytes[second + 62] = 0o66; // 0600 becomes 0066
    let package = sandbox.install("demo.psp", &bytes);
    assert_eq!(stdout(&package.run_with(&[])), "ok\n");
    let mode = fs::metadata(sandbox.workenv().join("secret"))
        .unwrap()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn both_orders_of_a_package_start() {
    let sandbox = Sandbox::new();
    for (name, old_layout) in [("old.psp", true), ("new.psp", false)] {
        let mut builder = PackageBuilder::script("cat \"$FLAVOR_WORKENV/data\"")
            .slot(Slot::file("data", format!("{name}\n")).zstd())
            .slot(Slot::file("empty", ""));
        builder.old_layout = old_layout;
        let package = sandbox.package(name, builder);
        assert_eq!(stdout(&package.run_with(&[])), format!("{name}\n"));
        let verify = [("FLAVOR_LAUNCHER_CLI", "1")];
        let mut command = package.command();
        assert_code(&command.envs(verify).arg("verify").output().unwrap(), 0);
    }
}
