//! `FLAVOR_LAUNCHER_CLI`.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Output, Stdio};

use serde_json::{Value, json};

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

fn parsed(output: &Output) -> Value {
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
    let info = parsed(&words(&package, &["info", "--json"]));
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
    assert_eq!(parsed(&words(&package, &["help", "--json"]))["help"], help);
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
        parsed(&words(&package, &["verify", "--cache", "--json"]))["valid"],
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
    let path = parsed(&words(&package, &["cache", "path", "--json"]));
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
    assert_eq!(
        parsed(&words(&package, &["trace", "--json"]))["warm"],
        false
    );
    let warm = parsed(&words(&package, &["trace", "--json"]));
    assert_eq!(warm["warm"], true);
    assert!(warm["steps"].as_array().unwrap().len() >= 4);
}

#[test]
fn verify_looks_at_every_byte_between_the_sections() {
    let sandbox = Sandbox::new();
    let mut builder = demo();
    builder.padding = vec![0; 3 << 20];
    assert_code(
        &words(&sandbox.package("good.psp", builder), &["verify"]),
        0,
    );
    let mut builder = demo();
    builder.padding = vec![0; 3 << 20];
    builder.padding[(3 << 20) - 9] = 1;
    let output = words(&sandbox.package("bad.psp", builder), &["verify"]);
    assert!(stdout(&output).contains("format/bad-padding"), "{output:?}");
    assert_code(&output, 102);
}

#[test]
fn verify_says_one_line_about_a_workenv_that_is_as_it_should_be() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    package.run([""; 0]);
    let output = words(&package, &["verify", "--cache"]);
    assert_code(&output, 0);
    let text = stdout(&output);
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains("workenv"))
        .collect();
    assert_eq!(lines, ["ok    workenv (5 entries)"], "{text}");
}

/// What is damaged, and how that is done and undone.
type Damage<'a> = (&'a str, &'a dyn Fn(), &'a dyn Fn());

#[test]
fn verify_finds_what_was_added_and_what_has_another_mode() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    package.run([""; 0]);
    let workenv = sandbox.workenv();
    let mode = |name: &str, mode| {
        fs::set_permissions(workenv.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let cases: [Damage<'_>; 5] = [
        (
            "d/new",
            &|| fs::write(workenv.join("d/new"), "x").unwrap(),
            &|| {
                fs::remove_file(workenv.join("d/new")).unwrap();
            },
        ),
        (
            "d/away",
            &|| symlink("/etc", workenv.join("d/away")).unwrap(),
            &|| {
                fs::remove_file(workenv.join("d/away")).unwrap();
            },
        ),
        (
            "more",
            &|| fs::create_dir(workenv.join("more")).unwrap(),
            &|| {
                fs::remove_dir(workenv.join("more")).unwrap();
            },
        ),
        ("d/f", &|| mode("d/f", 0o666), &|| mode("d/f", 0o644)),
        ("d", &|| mode("d", 0o777), &|| mode("d", 0o755)),
    ];
    for (name, damage, mend) in cases {
        damage();
        let output = words(&package, &["verify", "--cache"]);
        mend();
        assert_code(&output, 107);
        let named = format!("FAIL  {name}: ");
        assert!(stdout(&output).contains(&named), "{}", stdout(&output));
        assert_eq!(
            stdout(&output).matches("FAIL").count(),
            1,
            "{}",
            stdout(&output)
        );
    }
    assert_code(&words(&package, &["verify", "--cache"]), 0);
}

#[test]
fn verify_knows_what_setup_made_and_what_is_the_programs_and_the_users_own() {
    let sandbox = Sandbox::new();
    let setup = json!([
        {"type": "shell", "command": "echo made > made; ln -s made link; mkdir -m 700 dir; rm gone; echo more >> changed"},
        {"type": "chmod", "path": "chmodded", "mode": "0400"},
    ]);
    let builder = PackageBuilder::script("")
        .slot(Slot::file("gone", "x"))
        .slot(Slot::file("changed", "x"))
        .slot(Slot::file("chmodded", "x"))
        .slot(Slot::file("etc/app.conf", "x").lifecycle("config"))
        .slot(Slot::file("fresh", "x").lifecycle("startup"))
        .slot(Slot::file("first", "x").lifecycle("init"))
        .set(&["workenv"], json!({"directories": [{"path": "var/log"}]}))
        .set(&["setup_commands"], setup);
    let package = sandbox.package("demo.psp", builder);
    assert_code(&package.run([""; 0]), 0);
    let workenv = sandbox.workenv();
    fs::write(workenv.join("var/log/today"), "x").unwrap();
    fs::write(workenv.join("etc/app.conf"), "the user's").unwrap();
    fs::write(workenv.join("fresh"), "used").unwrap();
    let output = words(&package, &["verify", "--cache"]);
    assert_code(&output, 0);
    for name in ["made", "changed"] {
        let before = fs::read(workenv.join(name)).unwrap();
        fs::write(workenv.join(name), "other").unwrap();
        let output = words(&package, &["verify", "--cache"]);
        assert_code(&output, 107);
        assert!(stdout(&output).contains(&format!("FAIL  {name}: ")));
        fs::write(workenv.join(name), before).unwrap();
    }
    fs::write(workenv.join("gone"), "x").unwrap();
    assert_code(&words(&package, &["verify", "--cache"]), 107);
}

#[test]
fn repair_brings_back_what_was_lost_and_leaves_configuration_alone() {
    let sandbox = Sandbox::new();
    let builder = demo().slot(Slot::file("etc/app.conf", "x").lifecycle("config"));
    let package = sandbox.package("demo.psp", builder);
    package.run([""; 0]);
    let workenv = sandbox.workenv();
    fs::remove_dir_all(workenv.join("d")).unwrap();
    fs::write(workenv.join("bin/app"), "broken").unwrap();
    fs::write(workenv.join("added"), "x").unwrap();
    fs::write(workenv.join("etc/app.conf"), "the user's").unwrap();
    let output = words(&package, &["repair"]);
    assert_code(&output, 0);
    assert_eq!(stdout(&output), format!("repaired {}\n", workenv.display()));
    assert_code(&words(&package, &["verify", "--cache"]), 0);
    let read = |name: &str| fs::read_to_string(workenv.join(name)).unwrap();
    assert_eq!(
        (read("d/f"), read("etc/app.conf")),
        ("x".into(), "the user's".into())
    );
    let output = words(&package, &["repair", "--json"]);
    assert_eq!(parsed(&output)["repaired"], true);
    assert_refused(
        &words(&package, &["repair", "x"]),
        105,
        "usage/bad-argument",
    );
}

#[test]
fn repair_mends_in_place_what_a_program_runs_from() {
    let sandbox = Sandbox::new();
    let script = "[ -z \"$1\" ] || { echo up; read -r _; }; cat \"$FLAVOR_WORKENV/data\"";
    let builder = PackageBuilder::script(script).slot(Slot::file("data", "signed\n"));
    let package = sandbox.package("demo.psp", builder);
    let mut command = package.command();
    command
        .arg("stay")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut running = command.spawn().unwrap();
    let mut up = [0; 3];
    running
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut up)
        .unwrap();
    let workenv = sandbox.workenv();
    fs::write(workenv.join("data"), "changed\n").unwrap();
    fs::write(workenv.join("its own"), "").unwrap();
    assert_code(&words(&package, &["repair"]), 0);
    assert!(workenv.join("its own").exists());
    drop(running.stdin.take());
    assert_eq!(stdout(&running.wait_with_output().unwrap()), "signed\n");
}

#[test]
fn verify_checks_the_digests_of_frames_as_well() {
    let sandbox = Sandbox::new();
    let with = |spoiled| {
        let mut slot = Slot::file("data", vec![b'x'; 3_000_000]).zstd_frames(1 << 20);
        slot.spoiled_frame = spoiled;
        PackageBuilder::script("").slot(slot)
    };
    assert_code(
        &words(&sandbox.package("good.psp", with(None)), &["verify"]),
        0,
    );
    let output = words(&sandbox.package("bad.psp", with(Some(1))), &["verify"]);
    assert_code(&output, 107);
    assert!(stdout(&output).contains("frame 1"), "{}", stdout(&output));
}

#[test]
fn info_names_the_launcher_and_its_version() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", demo());
    let version = concat!("flavor-rs-launcher ", env!("CARGO_PKG_VERSION"));
    assert!(stdout(&words(&package, &["info"])).contains(version));
    assert_eq!(
        parsed(&words(&package, &["info", "--json"]))["launcher"],
        version
    );
}
