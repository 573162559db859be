//! The main road: first start, later starts, arguments, environment, exit codes.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use serde_json::json;

use crate::builder::{LAUNCHER, PackageBuilder, Slot};
use crate::sandbox::{Sandbox, assert_code, assert_refused, stderr, stdout};
use crate::tar::Tar;

#[test]
fn a_bare_launcher_answers_version_and_nothing_else() {
    let output = Command::new(LAUNCHER).arg("--version").output().unwrap();
    assert_code(&output, 0);
    assert!(stdout(&output).starts_with("flavor-rs-launcher 0."));
    let output = Command::new(LAUNCHER).output().unwrap();
    assert_refused(&output, 102, "format/not-a-package");
}

#[test]
fn a_bare_launcher_answers_help_and_says_that_there_is_no_package() {
    for word in ["help", "--help"] {
        let mut command = Command::new(LAUNCHER);
        let output = command
            .env("FLAVOR_LAUNCHER_CLI", "1")
            .arg(word)
            .output()
            .unwrap();
        assert_code(&output, 0);
        let text = stdout(&output);
        assert!(
            text.contains("no package") && text.contains("verify"),
            "{text}"
        );
    }
    let mut command = Command::new(LAUNCHER);
    let output = command
        .env("FLAVOR_LAUNCHER_CLI", "1")
        .arg("info")
        .output()
        .unwrap();
    assert_refused(&output, 102, "format/not-a-package");
}

#[test]
fn a_package_starts_cold_and_warm_with_the_same_result() {
    let sandbox = Sandbox::new();
    let package = sandbox.package(
        "demo.psp",
        PackageBuilder::script("echo \"$0|$#|$1|$2\"; exit 7"),
    );
    for _ in 0..3 {
        let output = package.run(["a b", "c\n'd\""]);
        assert_code(&output, 7);
        assert_eq!(
            stdout(&output),
            format!(
                "{}|2|a b|c\n'd\"\n",
                sandbox.workenv().join("bin/app").display()
            )
        );
        assert_eq!(stderr(&output), "");
    }
}

#[test]
fn version_and_help_belong_to_the_application() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", PackageBuilder::script("echo \"$@\""));
    assert_eq!(stdout(&package.run(["--version"])), "--version\n");
    assert_eq!(stdout(&package.run(["--help", "info"])), "--help info\n");
}

#[test]
fn weakness_26_arguments_and_environment_that_are_not_utf8_pass_through() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", PackageBuilder::script("printf %s \"$1$VALUE\""));
    let output = package
        .command()
        .arg(OsStr::from_bytes(b"\xFF\xFE"))
        .env("VALUE", OsStr::from_bytes(b"\x80"))
        .output()
        .unwrap();
    assert_code(&output, 0);
    assert_eq!(output.stdout, b"\xFF\xFE\x80");
}

#[test]
fn every_exit_code_and_every_signal_is_the_programs_own() {
    let sandbox = Sandbox::new();
    let package = sandbox.package(
        "demo.psp",
        PackageBuilder::script("[ $1 = kill ] && kill -$2 $$; exit $1"),
    );
    for code in [0, 1, 2, 100, 101, 127, 128, 255] {
        assert_code(&package.run([code.to_string()]), code);
    }
    for signal in [9, 15, 6] {
        assert_eq!(
            package.run(["kill", &signal.to_string()]).status.signal(),
            Some(signal)
        );
    }
}

#[test]
fn every_operation_can_be_undone() {
    let archive = Tar::new()
        .file("bin/app", 0o755, b"#!/bin/sh\necho packed\n")
        .finish();
    let sandbox = Sandbox::new();
    for (name, slot) in [
        ("tar", Slot::tar("t", archive.clone())),
        ("gz", Slot::tar("t", archive.clone()).gzip()),
        ("zst", Slot::tar("t", archive).zstd()),
        (
            "file-gz",
            Slot::file("bin/app", "#!/bin/sh\necho packed\n").gzip(),
        ),
        (
            "file-zst",
            Slot::file("bin/app", "#!/bin/sh\necho packed\n").zstd(),
        ),
    ] {
        let package = sandbox.package(name, PackageBuilder::new("{workenv}/bin/app").slot(slot));
        let output = package.run([""; 0]);
        assert_code(&output, 0);
        assert_eq!(stdout(&output), "packed\n", "{name}");
    }
}

#[test]
fn the_environment_is_composed_in_its_fixed_order() {
    let sandbox = Sandbox::new();
    let script = "echo $A $B $C $D; echo $FLAVOR_PACKAGE $FLAVOR_VERSION $FLAVOR_COMMAND_NAME; echo $PATH; echo $FLAVOR_WORKENV";
    let package = sandbox.package(
        "demo.psp",
        PackageBuilder::script(script)
            .set(&["runtime"], json!({"env": {"unset": ["GONE*"], "set": {"A": "runtime", "B": "runtime", "C": "{version}"}}}))
            .set(&["workenv"], json!({"env": {"B": "workenv"}}))
            .set(&["execution", "env"], json!({"D": "{workenv}/x"})),
    );
    let output = package.run_with(&[
        ("A", "outer"),
        ("GONE_1", "x"),
        ("FLAVOR_WORKENV", "/elsewhere"),
    ]);
    let workenv = sandbox.workenv().display().to_string();
    assert_eq!(
        stdout(&output),
        format!(
            "runtime workenv 1.2.3 {workenv}/x\ndemo 1.2.3 demo.psp\n{workenv}/bin:/usr/bin:/bin\n{workenv}\n"
        )
    );
}

#[test]
fn weakness_21_a_cache_path_with_blanks_and_quotes_works() {
    let sandbox = Sandbox::new();
    let package = sandbox.package(
        "demo.psp",
        PackageBuilder::new("/bin/sh {workenv}/run.sh '{package_name} x' \"a b\"")
            .slot(Slot::file("run.sh", "echo \"$1|$2|$3\"")),
    );
    let cache = sandbox.root.join("it's a \"cache\" {workenv}");
    let output = package
        .command()
        .env("FLAVOR_CACHE", &cache)
        .arg("u s")
        .output()
        .unwrap();
    assert_code(&output, 0);
    assert_eq!(stdout(&output), "demo x|a b|u s\n");
}

#[test]
fn weakness_19_the_program_named_is_the_program_run() {
    let sandbox = Sandbox::new();
    // The host has an `ls` as well, and the packaged one lies outside of `bin`.
    let package = sandbox.package(
        "ls",
        PackageBuilder::new("{workenv}/opt/ls")
            .slot(Slot::file("opt/ls", "#!/bin/sh\necho packaged\n")),
    );
    assert_eq!(stdout(&package.run([""; 0])), "packaged\n");
    // A package named like the host program it wants, first in PATH, does not start itself for ever.
    let package = sandbox.package("uname", PackageBuilder::new("uname"));
    let path = format!("{}:/usr/bin:/bin", sandbox.root.display());
    let output = package.command().env("PATH", path).output().unwrap();
    assert_code(&output, 0);
    assert_eq!(stdout(&output), "Linux\n");
}

#[test]
fn the_working_directory_is_the_callers_unless_the_package_names_one() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("here", PackageBuilder::script("pwd"));
    assert_eq!(
        stdout(&package.run([""; 0])).trim(),
        sandbox.root.join("cwd").to_str().unwrap()
    );
    let package = sandbox.package(
        "there",
        PackageBuilder::script("pwd").set(&["execution", "cwd"], json!("{workenv}/bin")),
    );
    assert!(stdout(&package.run([""; 0])).trim().ends_with("/bin"));
}

#[test]
fn weakness_18_a_program_that_was_removed_is_extracted_again() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", PackageBuilder::script("echo ok"));
    package.run([""; 0]);
    fs::remove_file(sandbox.workenv().join("bin/app")).unwrap();
    assert_eq!(stdout(&package.run([""; 0])), "ok\n");
    fs::remove_dir_all(sandbox.workenv()).unwrap();
    assert_eq!(stdout(&package.run([""; 0])), "ok\n");
}

#[test]
fn a_program_that_does_not_exist_is_an_error_and_not_a_loop() {
    let sandbox = Sandbox::new();
    let package = sandbox.package(
        "demo.psp",
        PackageBuilder::new("{workenv}/bin/nothing").slot(Slot::file("x", "y")),
    );
    assert_refused(&package.run([""; 0]), 104, "run/cannot-execute");
    let package = sandbox.package("demo.psp", PackageBuilder::new("no-such-program-anywhere"));
    assert_refused(&package.run([""; 0]), 104, "run/cannot-execute");
}

#[test]
fn a_program_named_by_a_relative_path_is_the_workenvs_and_not_the_users() {
    let sandbox = Sandbox::new();
    let trap = sandbox.root.join("cwd/bin/tool");
    fs::create_dir_all(trap.parent().unwrap()).unwrap();
    fs::copy("/bin/true", &trap).unwrap();
    for named in ["bin/tool", "./bin/tool"] {
        let builder = PackageBuilder::script("")
            .slot(Slot::file("bin/tool", "#!/bin/sh\necho packed"))
            .set(&["execution", "command"], json!(named));
        let output = sandbox.package("demo.psp", builder).run([""; 0]);
        assert_eq!(stdout(&output), "packed\n", "{named}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_program_can_be_ended_by_a_closed_pipe() {
    let sandbox = Sandbox::new();
    let script = "grep SigIgn /proc/self/status";
    let package = sandbox.package("demo.psp", PackageBuilder::script(script));
    let shown = stdout(&package.run([""; 0]));
    let ignored = u64::from_str_radix(shown.trim().trim_start_matches("SigIgn:\t"), 16).unwrap();
    assert_eq!(ignored & (1 << (libc::SIGPIPE - 1)), 0, "{shown}");
}

#[test]
fn an_interpreter_in_the_workenv_that_was_removed_is_there_again() {
    let sandbox = Sandbox::new();
    let script = json!({"type": "write_file", "path": "bin/app", "mode": "0755",
        "content": "#!{workenv}/bin/interpreter\necho ok\n"});
    let builder = PackageBuilder::new("{workenv}/bin/app")
        .slot(Slot::file("bin/interpreter", fs::read("/bin/sh").unwrap()))
        .set(&["setup_commands"], json!([script]));
    let package = sandbox.package("demo.psp", builder);
    // The kernel takes no blank in the path of an interpreter.
    let cache = std::env::temp_dir().join(format!("pspf-interpreter-{}", std::process::id()));
    let environment = [("FLAVOR_CACHE", cache.to_str().unwrap())];
    let interpreter = || {
        let workenvs = fs::read_dir(cache.join("workenv")).unwrap();
        let paths = workenvs.map(|entry| entry.unwrap().path().join("bin/interpreter"));
        paths.into_iter().find(|path| path.exists())
    };
    assert_eq!(stdout(&package.run_with(&environment)), "ok\n");
    fs::remove_file(interpreter().unwrap()).unwrap();
    assert_eq!(stdout(&package.run_with(&environment)), "ok\n");
    assert!(interpreter().is_some());
    fs::remove_dir_all(cache).unwrap();
}

#[test]
fn a_packaged_program_that_was_removed_is_not_replaced_by_the_hosts() {
    let sandbox = Sandbox::new();
    let builder = PackageBuilder::new("uname")
        .slot(Slot::file("bin/uname", "#!/bin/sh\necho \"packed $0\"\n"));
    let package = sandbox.package("demo.psp", builder);
    for _ in 0..2 {
        let output = stdout(&package.run([""; 0]));
        assert!(
            output.starts_with("packed ") && output.ends_with("/bin/uname\n"),
            "{output}"
        );
        fs::remove_file(sandbox.workenv().join("bin/uname")).unwrap();
    }
}

#[test]
fn a_hosts_interpreter_that_does_not_exist_is_an_error_and_no_reason_to_unpack_again() {
    let sandbox = Sandbox::new();
    let builder = PackageBuilder::new("{workenv}/bin/app")
        .slot(Slot::file("bin/app", "#!/nowhere/interpreter\n"));
    let package = sandbox.package("demo.psp", builder);
    assert_refused(&package.run([""; 0]), 104, "run/cannot-execute");
    let marker = sandbox.workenv().join("marker");
    fs::write(&marker, "").unwrap();
    assert_refused(&package.run([""; 0]), 104, "run/cannot-execute");
    assert!(marker.exists());
}
