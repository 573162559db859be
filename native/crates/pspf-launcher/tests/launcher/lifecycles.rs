//! Every lifecycle does what its name says; each of these fails where the word is ignored.

use std::fs;

use serde_json::json;

use crate::builder::{PackageBuilder, Slot};
use crate::sandbox::{Sandbox, assert_code, stdout};
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
