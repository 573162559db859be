//! Setup commands, declared directories, umask, cache validation.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::builder::{PackageBuilder, Slot};
use crate::sandbox::{Sandbox, assert_code, assert_refused, ends_soon, stderr, stdout};

fn with_setup(commands: Value) -> PackageBuilder {
    PackageBuilder::script("echo ran").set(&["setup_commands"], commands)
}

#[test]
fn every_type_of_command_runs_in_the_workenv_with_the_programs_environment() {
    let sandbox = Sandbox::new();
    let commands = json!([
        "sh -c 'pwd > where; echo $GREETING > greeting; echo \"$HIDDEN\" > hidden'",
        {"type": "shell", "command": "echo {workenv} > shell && echo ok >> shell"},
        {"type": "write_file", "path": "{workenv}/conf/app.ini", "content": "v={version}", "mode": "0640"},
        {"type": "chmod", "path": "{workenv}/conf/*.ini", "mode": "600"},
        {"type": "enumerate_and_execute", "command": "sh -c 'echo one $0 >> list'",
         "enumerate": {"path": "{workenv}/files", "pattern": "*.txt"}},
        {"type": "enumerate_and_execute", "command": "sh -c 'echo all $# >> list' x", "batch": true,
         "enumerate": {"path": "{workenv}/files", "pattern": "**/*.txt"}},
        {"command": "true"},
    ]);
    let builder = with_setup(commands)
        .set(&["runtime"], json!({"env": {"unset": ["HIDDEN"]}}))
        .set(&["workenv"], json!({"env": {"GREETING": "hello"}}))
        .slot(Slot::file("files/a b.txt", "1"))
        .slot(Slot::file("files/c.txt", "2"))
        .slot(Slot::file("files/deep/d.txt", "3"));
    let package = sandbox.package("demo.psp", builder);
    let output = package.run_with(&[("HIDDEN", "leak")]);
    assert_code(&output, 0);
    let workenv = sandbox.workenv();
    let read = |name: &str| fs::read_to_string(workenv.join(name)).unwrap();
    let shown = workenv.display().to_string();
    assert_eq!(read("where"), format!("{shown}\n"));
    assert_eq!(
        (read("greeting").as_str(), read("hidden").as_str()),
        ("hello\n", "\n")
    );
    assert_eq!(read("shell"), format!("{shown}\nok\n"));
    assert_eq!(read("conf/app.ini"), "v=1.2.3");
    assert_eq!(
        fs::metadata(workenv.join("conf/app.ini")).unwrap().mode() & 0o777,
        0o600
    );
    assert_eq!(
        read("list"),
        format!("one {shown}/files/a b.txt\none {shown}/files/c.txt\nall 3\n")
    );
}

#[test]
fn weakness_16_a_failing_setup_leaves_nothing_that_counts_as_complete() {
    let sandbox = Sandbox::new();
    let package = sandbox.package(
        "demo.psp",
        with_setup(json!(["sh -c 'echo why it failed >&2; exit 3'"])),
    );
    for _ in 0..2 {
        let output = package.run([""; 0]);
        assert_refused(&output, 104, "run/setup-failed");
        assert!(
            stderr(&output).contains("why it failed") && stderr(&output).contains("exit status: 3")
        );
        assert!(!sandbox.workenv_exists());
    }
}

#[test]
fn weakness_20_setup_does_not_run_where_the_user_stands() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.root.join("cwd/trap"), "").unwrap();
    let package = sandbox.package("demo.psp", with_setup(json!(["test ! -e trap"])));
    assert_code(&package.run([""; 0]), 0);
}

#[test]
fn weakness_22_setup_writes_nowhere_else() {
    let sandbox = Sandbox::new();
    let outside = sandbox.root.join("escaped");
    for command in [
        json!({"type": "write_file", "path": outside, "content": "x"}),
        json!({"type": "write_file", "path": "{workenv}/../../../escaped", "content": "x"}),
        json!({"type": "chmod", "path": "/tmp", "mode": "777"}),
        json!({"type": "chmod", "path": "{workenv}/link", "mode": "777"}),
    ] {
        let builder =
            with_setup(json!([{"type": "shell", "command": "ln -s /etc/passwd link"}, command]));
        let package = sandbox.package("demo.psp", builder);
        assert_refused(&package.run([""; 0]), 103, "archive/unsafe-path");
        assert!(!outside.exists());
    }
    let builder = PackageBuilder::script("echo ran")
        .set(&["workenv"], json!({"directories": [{"path": "/tmp/x"}]}));
    assert_refused(
        &sandbox.package("demo.psp", builder).run([""; 0]),
        103,
        "archive/unsafe-path",
    );
}

#[test]
fn unknown_types_are_refused() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", with_setup(json!([{"type": "frobnicate"}])));
    assert_refused(&package.run([""; 0]), 104, "run/setup-failed");
}

#[test]
fn declared_directories_and_umask_are_honoured() {
    let sandbox = Sandbox::new();
    let rules = json!({
        "directories": [{"path": "{workenv}/var/log", "mode": "0750"}, {"path": "tmp"}],
        "umask": "0027",
    });
    let package = sandbox.package(
        "demo.psp",
        PackageBuilder::script("umask; ls -d \"$FLAVOR_WORKENV/tmp\"").set(&["workenv"], rules),
    );
    let output = package.run([""; 0]);
    assert!(stdout(&output).starts_with("0027\n"), "{output:?}");
    let mode = |name: &str| fs::metadata(sandbox.workenv().join(name)).unwrap().mode() & 0o777;
    assert_eq!((mode("var/log"), mode("tmp")), (0o750, 0o700));
}

#[test]
fn cache_validation_decides_whether_a_workenv_is_still_good() {
    let sandbox = Sandbox::new();
    let builder =
        with_setup(json!([{"type": "write_file", "path": "stamp", "content": "1.2.3\n"}])).set(
            &["cache_validation"],
            json!({"check_file": "{workenv}/stamp", "expected_content": "{version}"}),
        );
    let package = sandbox.package("demo.psp", builder);
    assert_code(&package.run([""; 0]), 0);
    let marker = sandbox.workenv().join("marker");
    fs::write(&marker, "").unwrap();
    assert_code(&package.run([""; 0]), 0);
    assert!(marker.exists(), "nothing was refilled");
    fs::write(sandbox.workenv().join("stamp"), "0.9").unwrap();
    assert_code(&package.run([""; 0]), 0);
    assert!(!marker.exists(), "a mismatch refills");
}

#[test]
fn weakness_25_the_exit_code_does_not_depend_on_words_in_a_message() {
    let sandbox = Sandbox::new();
    let package = sandbox.package(
        "PSPF signature file.psp",
        with_setup(json!([
            "sh -c 'echo PSPF signature checksum extract file >&2; exit 1'"
        ])),
    );
    assert_refused(&package.run([""; 0]), 104, "run/setup-failed");
}

#[test]
fn a_service_that_setup_leaves_behind_does_not_hold_up_the_start() {
    let sandbox = Sandbox::new();
    let service = sandbox.root.join("service");
    let command = format!("sleep 60 & echo $! > '{}'", service.display());
    let package = sandbox.package(
        "demo.psp",
        with_setup(json!([{"type": "shell", "command": command}])),
    );
    assert_eq!(stdout(&package.run([""; 0])), "ran\n");
    // It still runs, so nobody has waited for it. `kill` says so, and ends it.
    let id = fs::read_to_string(service).unwrap();
    let killed = Command::new("sh")
        .args(["-c", &format!("kill {id}")])
        .status();
    assert!(killed.unwrap().success());
}

#[test]
fn setup_works_where_the_ends_of_children_are_ignored() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", with_setup(json!(["true"])));
    for mode in ["exec", "spawn"] {
        let output = Command::new("sh")
            .args(["-c", "trap '' CHLD; exec \"$0\""])
            .arg(&package.path)
            .env("FLAVOR_CACHE", sandbox.root.join(mode))
            .env("FLAVOR_EXEC_MODE", mode)
            .output()
            .unwrap();
        assert_code(&output, 0);
        assert_eq!(stdout(&output), "ran\n");
    }
}

#[test]
fn setup_that_needs_the_hosts_program_of_the_packages_name_does_not_start_the_package() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("uname", with_setup(json!(["uname"])));
    let path = format!("{}:/usr/bin:/bin", sandbox.root.display());
    let mut command = package.command();
    command
        .env("PATH", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = ends_soon(command.spawn().unwrap());
    assert_code(&output, 0);
    assert_eq!(stdout(&output), "ran\n");
}

#[test]
fn a_package_that_its_own_setup_starts_refuses_instead_of_waiting_for_itself() {
    let sandbox = Sandbox::new();
    let itself = sandbox.root.join("demo.psp").display().to_string();
    let package = sandbox.package("demo.psp", with_setup(json!([format!("'{itself}'")])));
    let mut command = package.command();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = ends_soon(command.spawn().unwrap());
    assert_refused(&output, 104, "run/setup-failed");
    assert!(
        stderr(&output).contains("FLAVOR_FILLING"),
        "{}",
        stderr(&output)
    );
    assert!(!sandbox.workenv_exists());
}

#[test]
fn setup_can_start_other_packages_and_tells_all_of_them_what_is_being_filled() {
    let sandbox = Sandbox::new();
    let inner = sandbox.root.join("inner.psp").display().to_string();
    let seen = sandbox.root.join("seen").display().to_string();
    let note = |text: &str| json!({"type": "shell", "command": format!("echo {text} $FLAVOR_FILLING >> '{seen}'")});
    sandbox.package("inner.psp", with_setup(json!([note("inner")])));
    let outer = with_setup(json!([note("outer"), format!("'{inner}'")]));
    let package = sandbox.package("outer.psp", outer);
    assert_eq!(stdout(&package.run([""; 0])), "ran\n");
    let seen = fs::read_to_string(sandbox.root.join("seen")).unwrap();
    let lines: Vec<Vec<&str>> = seen.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!((lines[0][0], lines[0][1].len()), ("outer", 32));
    // The outer one as well: it must not be started from in there.
    assert_eq!(lines[1][0], "inner");
    assert!(
        lines[1][1].starts_with(&format!("{},", lines[0][1])),
        "{seen}"
    );
}
