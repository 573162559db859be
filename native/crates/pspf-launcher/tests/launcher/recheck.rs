//! What a start looks at when the cache is filled already.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Output;

use pspf_format::Index;
use pspf_format::trailer::find_index;

use crate::builder::{PackageBuilder, Slot};
use crate::sandbox::{Installed, Sandbox, assert_code, assert_refused, stderr, stdout};

/// A package whose slot no part of its program depends on.
fn demo() -> PackageBuilder {
    PackageBuilder::script("echo ok").slot(Slot::file("data", "a slot's contents"))
}

/// Changes one byte of a file in place.
fn flip(path: &Path, at: u64) {
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

fn index_of(path: &Path) -> Index {
    Index::decode(find_index(&fs::read(path).unwrap()).unwrap()).unwrap()
}

fn offset_of(path: &Path, text: &[u8]) -> u64 {
    let bytes = fs::read(path).unwrap();
    let found = bytes.windows(text.len()).rposition(|part| part == text);
    found.unwrap() as u64
}

/// Whether a start has read the whole package, by its log.
fn was_checked(output: &Output) -> bool {
    assert_code(output, 0);
    stderr(output).contains("the whole package was checked")
}

const INFO: [(&str, &str); 1] = [("FLAVOR_LOG_LEVEL", "info")];

#[test]
fn a_change_anywhere_after_the_first_start_is_noticed_before_anything_runs() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    assert_eq!(stdout(&package.run([""; 0])), "ok\n");
    let index = index_of(&package.path);
    let slot = offset_of(&package.path, b"a slot's contents");
    for (at, exit, code) in [
        (slot, 107, "verify/slot-digest"),
        // In the notes at the end of the launcher, which its code does not use.
        (index.launcher_size - 1, 107, "verify/launcher-digest"),
        (index.metadata.offset + 12, 107, "verify/metadata-digest"),
        (
            index.slot_table.offset + 62,
            107,
            "verify/slot-table-digest",
        ),
        (slot + 17, 102, "format/bad-padding"),
    ] {
        flip(&package.path, at);
        for _ in 0..2 {
            assert_refused(&package.run([""; 0]), exit, code);
        }
        flip(&package.path, at);
        assert_eq!(stdout(&package.run([""; 0])), "ok\n", "back again: {code}");
    }
}

#[test]
fn a_changed_copy_is_noticed_as_well() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    assert_eq!(stdout(&package.run([""; 0])), "ok\n");
    let mut bytes = fs::read(&package.path).unwrap();
    let at = usize::try_from(offset_of(&package.path, b"a slot's contents")).unwrap();
    bytes[at] ^= 1;
    let copy = sandbox.install("copy.psp", &bytes);
    assert_refused(&copy.run([""; 0]), 107, "verify/slot-digest");
    assert_eq!(stdout(&package.run([""; 0])), "ok\n");
}

#[test]
fn a_file_is_checked_once_and_then_known_until_it_changes() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    let checked = |package: &Installed<'_>| was_checked(&package.run_with(&INFO));
    assert!(!checked(&package), "a first start checks while it unpacks");
    assert!(!checked(&package));
    let copy = sandbox.install("copy.psp", &fs::read(&package.path).unwrap());
    assert!(checked(&copy));
    assert!(!checked(&copy) && !checked(&package), "both are known");
    // Its time alone, which anybody can set, is a change that could have been more.
    let file = fs::File::open(&package.path).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    drop(file);
    assert!(checked(&package) && !checked(&package) && !checked(&copy));
}

#[test]
fn eight_files_are_known_at_most() {
    let sandbox = Sandbox::new();
    let bytes = demo().build();
    let copies: Vec<_> = (0..9)
        .map(|number| sandbox.install(&format!("{number}.psp"), &bytes))
        .collect();
    for copy in &copies {
        assert_code(&copy.run([""; 0]), 0);
    }
    let checked = |number: usize| was_checked(&copies[number].run_with(&INFO));
    assert!(!checked(8) && !checked(1));
    assert!(checked(0), "the one that was seen longest ago");
    assert!(checked(1) && !checked(8));
}

#[test]
fn recheck_says_how_often() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    assert_code(&package.run([""; 0]), 0);
    let with = |word: &str| package.run_with(&[("FLAVOR_RECHECK", word), INFO[0]]);
    assert!(was_checked(&with("always")) && was_checked(&with("always")));
    assert!(!was_checked(&with("changed")) && !was_checked(&with("nonsense")));
    let slot = offset_of(&package.path, b"a slot's contents");
    flip(&package.path, slot);
    let output = with("never");
    assert_eq!(stdout(&output), "ok\n");
    assert!(!was_checked(&output));
    assert_refused(
        &package.run_with(&[("FLAVOR_RECHECK", "always")]),
        107,
        "verify/slot-digest",
    );
    flip(&package.path, slot);
    // The seal is checked all the same.
    let spoiled = fs::metadata(&package.path).unwrap().len() - 5000;
    flip(&package.path, spoiled);
    let output = package.run_with(&[("FLAVOR_RECHECK", "never")]);
    assert!(
        matches!(output.status.code(), Some(102 | 107)),
        "{output:?}"
    );
}

#[test]
fn a_known_file_is_checked_again_for_a_stricter_level() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    let at = |level: &str| package.run_with(&[("FLAVOR_VALIDATION", level)]);
    assert_eq!(stdout(&at("none")), "ok\n");
    let slot = offset_of(&package.path, b"a slot's contents");
    flip(&package.path, slot);
    assert_eq!(stdout(&at("none")), "ok\n");
    assert_refused(&at("minimal"), 107, "verify/slot-digest");
    assert_refused(&at("standard"), 107, "verify/slot-digest");
    flip(&package.path, slot);
    assert_eq!(stdout(&at("strict")), "ok\n");
}

#[test]
fn a_first_start_looks_at_what_it_does_not_unpack_as_well() {
    let sandbox = Sandbox::new();
    for (name, lifecycle) in [
        ("lazy.psp", "lazy"),
        ("dev.psp", "dev"),
        ("end.psp", "shutdown"),
    ] {
        let slot = Slot::file("data", "a slot's contents").lifecycle(lifecycle);
        let package = sandbox.package(name, PackageBuilder::script("echo ok").slot(slot));
        flip(
            &package.path,
            offset_of(&package.path, b"a slot's contents"),
        );
        assert_refused(&package.run([""; 0]), 107, "verify/slot-digest");
        assert!(!sandbox.workenv_exists());
    }
    let package = sandbox.package("launcher.psp", demo());
    flip(&package.path, index_of(&package.path).launcher_size - 1);
    assert_refused(&package.run([""; 0]), 107, "verify/launcher-digest");
    let package = sandbox.package("padding.psp", demo());
    flip(
        &package.path,
        offset_of(&package.path, b"a slot's contents") + 17,
    );
    assert_refused(&package.run([""; 0]), 102, "format/bad-padding");
    assert!(!sandbox.workenv_exists());
}
