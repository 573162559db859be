//! bzip2 and xz as other encoders write them, from a package to its program.

use std::fs;
use std::path::Path;

use crate::builder::{PackageBuilder, Slot, zstd};
use crate::sandbox::{Sandbox, assert_code, assert_refused, stdout};

const SCRIPT: &str = "#!/bin/sh\necho packed\n";
/// Length of the archive in `archive.tar.*`, in bytes.
const ARCHIVE_SIZE: u64 = 10240;

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fs::read(path.join(name)).unwrap()
}

/// The operation that the name of a fixture ends with.
fn operation_of(name: &str) -> &'static str {
    match Path::new(name).extension().and_then(|word| word.to_str()) {
        Some("bz2") => "bzip2",
        _ => "xz",
    }
}

/// A package whose program is stored like this.
fn program(operation: &str, stored: Vec<u8>) -> PackageBuilder {
    PackageBuilder::new("{workenv}/bin/app")
        .slot(Slot::file("bin/app", SCRIPT).stored_as(operation, stored))
}

#[test]
fn files_of_every_kind_of_bzip2_and_xz_are_decoded() {
    let sandbox = Sandbox::new();
    for name in [
        "script.bz2",
        "script-two-streams.bz2",
        "script-none.xz",
        "script-crc32.xz",
        "script-crc64.xz",
        "script-sha256.xz",
        "script-two-streams.xz",
        "script-padded.xz",
        "script-x86.xz",
    ] {
        let package = sandbox.package(name, program(operation_of(name), fixture(name)));
        let output = package.run([""; 0]);
        assert_code(&output, 0);
        assert_eq!(stdout(&output), "packed\n", "{name}");
    }
}

#[test]
fn archives_are_unpacked_from_bzip2_and_xz_and_from_both() {
    let sandbox = Sandbox::new();
    for (operations, name) in [
        ("tar.bz2", "archive.tar.bz2"),
        ("tar.xz", "archive.tar.xz"),
        ("tar|bzip2|xz", "archive.tar.bz2.xz"),
    ] {
        let mut slot = Slot::tar("t", fixture(name)).stored_as(operations, fixture(name));
        slot.original_size = ARCHIVE_SIZE;
        let builder = PackageBuilder::new("{workenv}/bin/app").slot(slot);
        let output = sandbox.package("demo.psp", builder).run([""; 0]);
        assert_code(&output, 0);
        assert_eq!(stdout(&output), "packed\n", "{operations}");
    }
}

#[test]
fn truncated_data_starts_nothing() {
    let sandbox = Sandbox::new();
    for name in ["script.bz2", "script-two-streams.bz2", "script-crc64.xz"] {
        let whole = fixture(name);
        for length in [0, 1, 5, whole.len() / 2, whole.len() - 1] {
            let builder = program(operation_of(name), whole[..length].to_vec());
            let output = sandbox.package("demo.psp", builder).run([""; 0]);
            assert_refused(&output, 103, "compress/corrupt");
            assert!(!sandbox.workenv_exists(), "{name}, {length} bytes of it");
        }
    }
}

#[test]
fn what_follows_the_last_stream_is_not_passed_over() {
    let sandbox = Sandbox::new();
    for name in ["script.bz2", "script-crc64.xz"] {
        let stored = [fixture(name), b"something else".to_vec()].concat();
        let package = sandbox.package("demo.psp", program(operation_of(name), stored));
        assert_refused(&package.run([""; 0]), 103, "compress/corrupt");
    }
}

#[test]
fn damage_is_found_by_the_checksums_of_the_format() {
    let sandbox = Sandbox::new();
    // The last bytes before the index of an xz stream, and of the block of a bzip2 stream, belong to the check value.
    for (name, at) in [
        ("script.bz2", 12),
        ("script-crc32.xz", 48),
        ("script-crc64.xz", 48),
        ("script-sha256.xz", 48),
    ] {
        let mut stored = fixture(name);
        stored[at] ^= 1;
        let package = sandbox.package("demo.psp", program(operation_of(name), stored));
        assert_refused(&package.run([""; 0]), 103, "compress/corrupt");
        assert!(!sandbox.workenv_exists(), "{name}");
    }
}

#[test]
fn weakness_12_bombs_of_bzip2_and_xz_stop_at_their_declared_size() {
    let sandbox = Sandbox::new();
    for name in ["zeros-100-mebibytes.bz2", "zeros-100-mebibytes.xz"] {
        for (sealed, declared) in [(true, 1000), (false, 0)] {
            let mut slot = Slot::file("bomb", "").stored_as(operation_of(name), fixture(name));
            slot.original_size = declared;
            let mut builder = PackageBuilder::script("echo ran").slot(slot);
            builder.sealed = sealed;
            let output = sandbox.package("demo.psp", builder).run([""; 0]);
            assert_refused(&output, 103, "compress/too-large");
            assert!(!sandbox.workenv_exists(), "{name}");
        }
    }
}

#[test]
fn a_dictionary_beyond_the_bound_is_refused() {
    let sandbox = Sandbox::new();
    let stored = fixture("script-dictionary-128-mebibytes.xz");
    let output = sandbox
        .package("demo.psp", program("xz", stored))
        .run([""; 0]);
    assert_refused(&output, 103, "compress/too-large");
}

#[test]
fn every_layer_of_a_chain_is_bounded_and_not_the_last_one_only() {
    // An empty frame takes 9 bytes and makes none, so that the inner layer could be of any length.
    let empty = zstd(b"");
    let inner = empty.repeat(40_000_000 / empty.len());
    let outer = zstd(&inner);
    assert!(outer.len() < 100_000, "{} bytes", outer.len());
    let sandbox = Sandbox::new();
    for (sealed, original_size) in [(true, 0), (false, 0)] {
        let mut slot = Slot::file("bomb", "").stored_as("zstd|zstd", outer.clone());
        slot.original_size = original_size;
        let mut builder = PackageBuilder::script("echo ran").slot(slot);
        builder.sealed = sealed;
        let output = sandbox.package("demo.psp", builder).run([""; 0]);
        if sealed {
            assert_refused(&output, 103, "compress/too-large");
            assert!(!sandbox.workenv_exists());
        } else {
            // Below the bound for packages that declare nothing.
            assert_code(&output, 0);
        }
    }
}

#[test]
fn the_layers_of_a_chain_share_the_memory_for_windows() {
    let sandbox = Sandbox::new();
    let wide = |data: &[u8]| {
        let mut out = Vec::with_capacity(zstd_safe::compress_bound(data.len()));
        let mut context = zstd_safe::CCtx::create();
        let wide = zstd_safe::CParameter::WindowLog(26);
        context.set_parameter(wide).unwrap();
        // The encoder does not know yet how little there is.
        let mut output = zstd_safe::OutBuffer::around(&mut out);
        let mut input = zstd_safe::InBuffer::around(data);
        while input.pos() < data.len() {
            context.compress_stream(&mut output, &mut input).unwrap();
        }
        context.end_stream(&mut output).unwrap();
        out
    };
    let once = wide(SCRIPT.as_bytes());
    let package = sandbox.package("once.psp", program("zstd", once.clone()));
    assert_eq!(stdout(&package.run([""; 0])), "packed\n");
    let package = sandbox.package("twice.psp", program("zstd|zstd", wide(&once)));
    assert_refused(&package.run([""; 0]), 103, "compress/too-large");
}
