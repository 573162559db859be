//! Every lifecycle does what its name says; each of these fails where the word is ignored.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use serde_json::json;

use crate::builder::{PackageBuilder, Slot};
use crate::sandbox::{Sandbox, assert_code, stderr, stdout};
use crate::tar::Tar;

/// A package whose program lists and then spoils the file of its second slot.
fn spoiling(lifecycle: &str) -> PackageBuilder {
    PackageBuilder::script("cat \"$FLAVOR_WORKENV/data\" 2>/dev/null || echo none; echo spoiled > \"$FLAVOR_WORKENV/data\"")
        .slot(Slot::file("data", "fresh\n").mode(0o644).lifecycle(lifecycle))
}

/// What two starts in a row see.
fn two_starts(builder: PackageBuilder, environment: &[(&str, &str)]) -> [String; 2] {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", builder);
    [(); 2].map(|()| stdout(&package.run_with(environment)))
}

#[test]
fn runtime_cache_eager_and_unknown_words_are_extracted_once() {
    for word in ["runtime", "cache", "cached", "eager", "", "whatever"] {
        assert_eq!(
            two_starts(spoiling(word), &[]),
            ["fresh\n", "spoiled\n"],
            "{word}"
        );
    }
}

#[test]
fn startup_temp_and_volatile_are_fresh_at_each_start() {
    for word in ["startup", "temp", "temporary", "volatile"] {
        assert_eq!(
            two_starts(spoiling(word), &[]),
            ["fresh\n", "fresh\n"],
            "{word}"
        );
    }
}

#[test]
fn eager_comes_before_the_others() {
    // Of two slots that want one name, the one that is extracted later wins.
    for (word, expected) in [("eager", "runtime\n"), ("runtime", "later slot\n")] {
        let builder = PackageBuilder::script("cat \"$FLAVOR_WORKENV/data\"")
            .slot(Slot::file("data", "runtime\n"))
            .slot(Slot::file("data", "later slot\n").lifecycle(word));
        assert_eq!(two_starts(builder, &[]), [expected; 2], "{word}");
    }
}

#[test]
fn fresh_slots_replace_their_own_files_and_leave_what_the_program_added() {
    for word in ["startup", "temp", "volatile"] {
        let script =
            "cd \"$FLAVOR_WORKENV/run\"; cat given added 2>&-; echo x | tee added > given; true";
        let archive = Tar::new()
            .directory("run", 0o755)
            .file("run/given", 0o644, b"fresh\n")
            .finish();
        let builder = PackageBuilder::script(script).slot(Slot::tar("t", archive).lifecycle(word));
        assert_eq!(
            two_starts(builder, &[]),
            ["fresh\n", "fresh\nx\n"],
            "{word}"
        );
    }
}

#[test]
fn init_is_there_for_setup_only() {
    let builder = PackageBuilder::script("ls \"$FLAVOR_WORKENV\"")
        .slot(Slot::file("wheels/a.whl", "x").lifecycle("init"))
        .slot(
            Slot::tar(
                "t",
                Tar::new()
                    .directory("more", 0o755)
                    .file("more/b", 0o644, b"y")
                    .finish(),
            )
            .lifecycle("init"),
        )
        .set(&["setup_commands"], json!(["cp wheels/a.whl installed"]));
    assert_eq!(two_starts(builder, &[]), ["bin\ninstalled\n"; 2]);
}

#[test]
fn weakness_10_init_cleanup_stays_inside() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.root.join("precious")).unwrap();
    let mut slot = Slot::file("x", "y").lifecycle("init");
    slot.target = sandbox.root.join("precious").to_str().unwrap().to_owned();
    let package = sandbox.package("demo.psp", PackageBuilder::script("echo ran").slot(slot));
    assert_code(&package.run([""; 0]), 103);
    assert!(sandbox.root.join("precious").exists());
}

#[test]
fn lazy_is_extracted_only_where_it_is_named() {
    assert_eq!(two_starts(spoiling("lazy"), &[]), ["none\n", "spoiled\n"]);
    let named = spoiling("lazy").set(&["execution", "env"], json!({"DATA": "{slot:1}"}));
    assert_eq!(two_starts(named, &[]), ["fresh\n", "spoiled\n"]);
}

#[test]
fn dev_is_extracted_only_with_flavor_dev() {
    assert_eq!(two_starts(spoiling("dev"), &[])[0], "none\n");
    assert_eq!(
        two_starts(spoiling("dev"), &[("FLAVOR_DEV", "1")])[0],
        "fresh\n"
    );
}

#[test]
fn platform_is_extracted_only_on_its_platform() {
    for (byte, expected) in [(0, "fresh\n"), (1, "fresh\n"), (3, "none\n")] {
        let mut builder = spoiling("platform");
        builder.slots[1] = builder.slots[1].clone().platform(byte);
        assert_eq!(two_starts(builder, &[])[0], expected, "platform {byte}");
    }
}

#[test]
fn weakness_15_config_is_never_overwritten_even_by_a_refill() {
    let refill = [("FLAVOR_WORKENV_CACHE", "0")];
    assert_eq!(
        two_starts(spoiling("runtime"), &refill),
        ["fresh\n", "fresh\n"]
    );
    assert_eq!(
        two_starts(spoiling("config"), &refill),
        ["fresh\n", "spoiled\n"]
    );
}

#[test]
fn weakness_15_config_stays_where_other_slots_want_one_name() {
    // Such slots are extracted a second time, in order, over an emptied workenv.
    let builder = spoiling("config")
        .slot(Slot::file("twice", "first\n"))
        .slot(Slot::file("twice", "second\n"));
    let refill = [("FLAVOR_WORKENV_CACHE", "0")];
    assert_eq!(two_starts(builder, &refill), ["fresh\n", "spoiled\n"]);
}

#[test]
fn shutdown_comes_after_the_program_and_temp_goes_when_the_launcher_waits() {
    let sandbox = Sandbox::new();
    let builder = PackageBuilder::script("ls \"$FLAVOR_WORKENV\"")
        .slot(Slot::file("scratch", "x").lifecycle("temp"))
        .slot(Slot::file("goodbye", "y").lifecycle("shutdown"));
    let package = sandbox.package("demo.psp", builder);
    assert_eq!(
        stdout(&package.run_with(&[("FLAVOR_EXEC_MODE", "spawn")])),
        "bin\nscratch\n"
    );
    let workenv = sandbox.workenv();
    assert!(workenv.join("goodbye").exists());
    assert!(!workenv.join("scratch").exists());
}

#[test]
fn dev_slots_go_with_the_next_start_that_does_not_ask_for_them() {
    let sandbox = Sandbox::new();
    let script = "cat \"$FLAVOR_WORKENV/data\" \"$FLAVOR_WORKENV/both\" 2>&-; [ -z \"$1\" ] || exec sleep 60";
    let builder = PackageBuilder::script(script)
        .slot(Slot::file("both", "usual\n"))
        .slot(Slot::file("data", "fresh\n").lifecycle("dev"))
        .slot(Slot::file("both", "dev\n").lifecycle("dev"));
    let package = sandbox.package("demo.psp", builder);
    let dev = [("FLAVOR_DEV", "1")];
    let plain = || stdout(&package.run_with(&[]));
    assert_eq!(plain(), "usual\n");
    assert_eq!(stdout(&package.run_with(&dev)), "fresh\ndev\n");
    assert_eq!(stdout(&package.run_with(&dev)), "fresh\ndev\n");
    assert_eq!(plain(), "usual\n");
    assert!(!sandbox.workenv().join("data").exists());
    // A program that runs from the workenv keeps what it was started with.
    let mut command = package.command();
    command.envs(dev).arg("stay").stdout(Stdio::piped());
    let mut running = command.spawn().unwrap();
    let mut lines = [0; 10];
    running
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut lines)
        .unwrap();
    plain();
    assert!(sandbox.workenv().join("data").exists());
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(plain(), "usual\n");
}

#[test]
fn fresh_slots_are_never_seen_half_by_a_program_that_runs_already() {
    let sandbox = Sandbox::new();
    let script = "[ -z \"$1\" ] && exit 0; echo up; cd \"$FLAVOR_WORKENV\"; \
        while [ ! -e \"$1\" ]; do [ \"$(wc -c < big)\" = 3000000 ] && [ -x tool ] && [ -e link ] || echo broken; done";
    let archive = Tar::new()
        .file("big", 0o644, &vec![b'x'; 3_000_000])
        .file("tool", 0o755, b"#!/bin/sh\n")
        .symlink("link", "big")
        .hard_link("same", "tool")
        .finish();
    let builder = PackageBuilder::script(script).slot(Slot::tar("t", archive).lifecycle("startup"));
    let package = sandbox.package("demo.psp", builder);
    let stop = sandbox.root.join("stop");
    let mut command = package.command();
    let mut running = command.arg(&stop).stdout(Stdio::piped()).spawn().unwrap();
    let mut up = [0; 3];
    running
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut up)
        .unwrap();
    for _ in 0..20 {
        assert_code(&package.run([""; 0]), 0);
    }
    fs::write(&stop, "").unwrap();
    assert_eq!(stdout(&running.wait_with_output().unwrap()), "");
}

#[test]
fn temporary_files_stay_as_long_as_another_program_runs_from_the_workenv() {
    let sandbox = Sandbox::new();
    let script = "echo up; [ -z \"$1\" ] || read -r _; cat \"$FLAVOR_WORKENV/scratch\"";
    let builder =
        PackageBuilder::script(script).slot(Slot::file("scratch", "x\n").lifecycle("temp"));
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
    let wait = [("FLAVOR_EXEC_MODE", "spawn")];
    assert_eq!(stdout(&package.run_with(&wait)), "up\nx\n");
    drop(running.stdin.take());
    assert_eq!(stdout(&running.wait_with_output().unwrap()), "x\n");
    assert_eq!(stdout(&package.run_with(&wait)), "up\nx\n");
    assert!(!sandbox.workenv().join("scratch").exists());
}

#[test]
fn what_fails_after_the_program_does_not_replace_its_exit_code() {
    let sandbox = Sandbox::new();
    let builder = PackageBuilder::script("mkdir \"$FLAVOR_WORKENV/goodbye\"; exit 7")
        .slot(Slot::file("goodbye", "y").lifecycle("shutdown"));
    let package = sandbox.package("demo.psp", builder);
    let output = package.run_with(&[("FLAVOR_EXEC_MODE", "spawn")]);
    assert_code(&output, 7);
    assert!(
        stderr(&output).starts_with("warning: "),
        "{}",
        stderr(&output)
    );
}
