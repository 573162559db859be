//! `FLAVOR_LAUNCHER_CLI`.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::builder::{PackageBuilder, Slot};
use crate::sandbox::{Installed, Sandbox, assert_code, assert_refused, stdout};
use crate::tar::Tar;

fn words(package: &Installed<'_>, words: &[&str]) -> Output {
    package
        .command()
        .env("FLAVOR_LAUNCHER_CLI", "1")
        .args(words)
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    assert_code(output, 0);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn demo() -> PackageBuilder {
    PackageBuilder::script("echo \"ran $* [$FLAVOR_LAUNCHER_CLI]\"").slot(
        Slot::tar(
            "tree",
            Tar::new()
                .directory("d", 0o755)
                .file("d/f", 0o644, b"x")
                .symlink("l", "d/f")
                .finish(),
        )
        .zstd(),
    )
}

#[test]
fn info_metadata_and_help_describe_the_package() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    assert!(stdout(&words(&package, &[])).starts_with("Package   demo 1.2.3\n"));
    let info = json(&words(&package, &["info", "--json"]));
    assert_eq!(
        (
            &info["package"],
            &info["sealed"],
            info["slots"].as_array().unwrap().len()
        ),
        (&"demo".into(), &true.into(), 2)
    );
    let metadata: Value = serde_json::from_str(&stdout(&words(&package, &["metadata"]))).unwrap();
    assert_eq!(metadata["package"]["name"], "demo");
    let help = stdout(&words(&package, &["help"]));
    assert_eq!(json(&words(&package, &["help", "--json"]))["help"], help);
    assert!(!sandbox.cache().exists(), "looking is not starting");
}

#[test]
fn unknown_words_end_with_105() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    assert_refused(
        &words(&package, &["frobnicate"]),
        105,
        "usage/unknown-command",
    );
    assert_refused(
        &words(&package, &["extract", "0"]),
        105,
        "usage/bad-argument",
    );
    assert_refused(
        &words(&package, &["extract", "nine", "x"]),
        105,
        "usage/bad-argument",
    );
    assert_refused(
        &words(&package, &["cache", "frobnicate"]),
        105,
        "usage/unknown-command",
    );
}

#[test]
fn run_starts_the_program_without_the_variable() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    assert_eq!(
        stdout(&words(&package, &["run", "a", "--json"])),
        "ran a --json []\n"
    );
}

#[test]
fn extract_takes_a_number_or_an_id() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    let target = sandbox.root.join("out");
    for slot in ["1", "tree"] {
        assert_code(
            &words(&package, &["extract", slot, target.to_str().unwrap()]),
            0,
        );
        assert_eq!(fs::read_to_string(target.join("d/f")).unwrap(), "x");
    }
    assert!(!sandbox.cache().exists());
}

#[test]
fn weakness_07_verify_compares_the_unpacked_files() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    assert_code(&words(&package, &["verify"]), 0);
    assert_code(&words(&package, &["verify", "--cache"]), 106);
    package.run([""; 0]);
    assert_eq!(
        json(&words(&package, &["verify", "--cache", "--json"]))["valid"],
        true
    );
    for (name, damage) in [("d/f", "changed"), ("bin/app", "#!/bin/sh\necho evil\n")] {
        fs::write(sandbox.workenv().join(name), damage).unwrap();
        let output = words(&package, &["verify", "--cache"]);
        assert_code(&output, 107);
        assert!(stdout(&output).contains(name));
    }
}

#[test]
fn cache_shows_and_removes_what_nobody_uses() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    package.run([""; 0]);
    let path = json(&words(&package, &["cache", "path", "--json"]));
    assert_eq!(
        (path["path"].as_str().unwrap(), &path["filled"]),
        (sandbox.workenv().to_str().unwrap(), &true.into())
    );
    assert!(
        stdout(&words(&package, &["cache", "size"]))
            .trim()
            .parse::<u64>()
            .unwrap()
            > 10
    );
    assert_code(&words(&package, &["cache", "remove"]), 0);
    assert!(!sandbox.workenv_exists());
    assert_code(&package.run([""; 0]), 0);
}

#[test]
fn trace_shows_the_steps_of_a_start() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    assert_eq!(json(&words(&package, &["trace", "--json"]))["warm"], false);
    let warm = json(&words(&package, &["trace", "--json"]));
    assert_eq!(warm["warm"], true);
    assert!(warm["steps"].as_array().unwrap().len() >= 4);
}
