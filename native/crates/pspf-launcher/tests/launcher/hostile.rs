//! Archives that try to get out, and streams that try to fill the disk.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::builder::{PackageBuilder, Slot};
use crate::sandbox::{Sandbox, assert_code, assert_refused, stdout};
use crate::tar::Tar;

fn with_archive(archive: Vec<u8>) -> PackageBuilder {
    PackageBuilder::script("echo ran").slot(Slot::tar("archive", archive).zstd())
}

#[track_caller]
fn refuses(archive: Vec<u8>, exit: i32, code: &str) {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", with_archive(archive));
    assert_refused(&package.run([""; 0]), exit, code);
    assert!(!sandbox.workenv_exists(), "something was left");
    assert!(!sandbox.root.join("escaped").exists());
}

#[test]
fn members_that_lead_out_are_refused() {
    for name in ["../escaped", "a/../../escaped", "/tmp/escaped", ".."] {
        refuses(
            Tar::new().file(name, 0o644, b"x").finish(),
            103,
            "archive/unsafe-path",
        );
    }
    let deep = "d/".repeat(10_000);
    refuses(
        Tar::new()
            .pax(&[("path", &deep)])
            .file("x", 0o644, b"")
            .finish(),
        103,
        "archive/unsafe-path",
    );
}

#[test]
fn targets_that_lead_out_are_refused() {
    let sandbox = Sandbox::new();
    for target in ["../escaped", "{workenv}/../../escaped", "/tmp/escaped"] {
        let mut slot = Slot::file("x", "y");
        slot.target = target.to_owned();
        let package = sandbox.package("demo.psp", PackageBuilder::script("echo ran").slot(slot));
        assert_refused(&package.run([""; 0]), 103, "archive/unsafe-path");
    }
}

#[test]
fn nothing_is_written_through_a_link() {
    let outside = Sandbox::new();
    let target = outside.root.to_str().unwrap();
    for archive in [
        Tar::new()
            .symlink("out", target)
            .file("out/escaped", 0o644, b"x"),
        Tar::new()
            .symlink("out", target)
            .directory("out/escaped", 0o755),
        Tar::new()
            .symlink("a", ".")
            .symlink("a/b", target)
            .file("b/escaped", 0o644, b"x"),
    ] {
        let sandbox = Sandbox::new();
        let package = sandbox.package("demo.psp", with_archive(archive.finish()));
        assert_refused(&package.run([""; 0]), 103, "archive/unsafe-path");
        assert!(!outside.root.join("escaped").exists());
    }
}

#[test]
fn links_lead_anywhere_but_nothing_is_changed_through_them() {
    let outside = Sandbox::new();
    let victim = outside.root.join("victim");
    fs::write(&victim, "untouched").unwrap();
    fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
    let archive = Tar::new()
        .symlink("link", victim.to_str().unwrap())
        .file("link", 0o777, b"in its place")
        .symlink("other", victim.to_str().unwrap())
        .finish();
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", with_archive(archive));
    assert_eq!(stdout(&package.run([""; 0])), "ran\n");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
    assert_eq!(fs::metadata(&victim).unwrap().mode() & 0o777, 0o600);
    assert_eq!(
        fs::read_to_string(sandbox.workenv().join("link")).unwrap(),
        "in its place"
    );
    assert!(sandbox.workenv().join("other").is_symlink());
}

#[test]
fn special_bits_are_dropped_and_hard_links_stay_inside() {
    let archive = Tar::new()
        .file("tool", 0o6755, b"x")
        .directory("dir", 0o1777)
        .hard_link("dir/same", "tool")
        .finish();
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", with_archive(archive));
    assert_eq!(stdout(&package.run([""; 0])), "ran\n");
    let mode = |name: &str| fs::metadata(sandbox.workenv().join(name)).unwrap().mode() & 0o7777;
    assert_eq!((mode("tool"), mode("dir")), (0o755, 0o777));
    let inode = |name: &str| fs::metadata(sandbox.workenv().join(name)).unwrap().ino();
    assert_eq!(inode("tool"), inode("dir/same"));
    for target in ["/etc/passwd", "../../x"] {
        refuses(
            Tar::new().hard_link("x", target).finish(),
            103,
            "archive/unsafe-path",
        );
    }
}

#[test]
fn devices_and_fifos_are_refused() {
    for kind in *b"346S" {
        refuses(
            Tar::new().entry(kind, b"node", b"", 0o644, b"").finish(),
            103,
            "archive/unsupported-entry",
        );
    }
}

#[test]
fn bombs_stop_at_their_declared_size() {
    let zeros = vec![0; 100 << 20];
    let sandbox = Sandbox::new();
    for (sealed, declared) in [(true, 1000), (false, 0)] {
        let mut slot = Slot::file("bomb", &zeros).zstd();
        slot.original_size = declared;
        let mut builder = PackageBuilder::script("echo ran").slot(slot);
        builder.sealed = sealed;
        let package = sandbox.package("demo.psp", builder);
        assert_refused(&package.run([""; 0]), 103, "compress/too-large");
        assert!(!sandbox.workenv_exists());
    }
}

#[test]
fn directories_that_may_not_be_written_can_still_be_filled_and_cleared() {
    let archive = Tar::new()
        .directory("ro", 0o555)
        .file("ro/file", 0o444, b"x")
        .directory("none", 0o000)
        .finish();
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", with_archive(archive));
    for _ in 0..2 {
        assert_code(&package.run_with(&[("FLAVOR_WORKENV_CACHE", "0")]), 0);
        assert_eq!(
            fs::metadata(sandbox.workenv().join("ro")).unwrap().mode() & 0o777,
            0o555
        );
    }
}

#[test]
fn long_names_of_both_kinds_work() {
    let long = format!("{}/file", "d".repeat(200));
    let archive = Tar::new()
        .pax(&[("path", &long)])
        .file("short", 0o644, b"pax")
        .entry(
            b'L',
            b"././@LongLink",
            b"",
            0,
            format!("{long}2\0").as_bytes(),
        )
        .file("short", 0o644, b"gnu")
        .finish();
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", with_archive(archive));
    assert_eq!(stdout(&package.run([""; 0])), "ran\n");
    assert_eq!(
        fs::read_to_string(sandbox.workenv().join(&long)).unwrap(),
        "pax"
    );
    assert_eq!(
        fs::read_to_string(sandbox.workenv().join(format!("{long}2"))).unwrap(),
        "gnu"
    );
}

#[test]
fn of_two_slots_with_one_name_the_later_wins() {
    let sandbox = Sandbox::new();
    let mut builder = PackageBuilder::new("{workenv}/app");
    for number in 0..8 {
        builder = builder.slot(Slot::file("app", format!("#!/bin/sh\necho {number}\n")));
    }
    let package = sandbox.package("demo.psp", builder);
    for _ in 0..5 {
        assert_eq!(
            stdout(&package.run_with(&[("FLAVOR_WORKENV_CACHE", "0")])),
            "7\n"
        );
    }
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    let archive = Tar::new()
        .file("open", 0o666, b"x")
        .directory("all", 0o777)
        .finish();
    for umask in ["077", "000"] {
        let sandbox = Sandbox::new();
        let package = sandbox.package(
            "demo.psp",
            with_archive(archive.clone()).slot(Slot::file("group", "x").mode(0o664)),
        );
        let script = format!("umask {umask}; exec \"$0\"");
        let output = std::process::Command::new("/bin/sh")
            .args(["-c", &script])
            .arg(&package.path)
            .env("FLAVOR_CACHE", sandbox.cache())
            .output()
            .unwrap();
        assert_code(&output, 0);
        let mode = |name: &str| fs::metadata(sandbox.workenv().join(name)).unwrap().mode() & 0o777;
        assert_eq!(
            (mode("open"), mode("all"), mode("group")),
            (0o666, 0o777, 0o664)
        );
    }
}
