//! `FLAVOR_EXEC_MODE=spawn`: the launcher stays, and is as good as not there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use crate::builder::{PackageBuilder, Slot};
use crate::sandbox::{Installed, Sandbox, assert_code, stdout};

fn spawned(package: &Installed<'_>) -> (Child, String) {
    let mut command: Command = package.command();
    let mut child = command
        .env("FLAVOR_EXEC_MODE", "spawn")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    (child, line.trim().to_owned())
}

fn kill(id: u32, signal: libc::c_int) {
    #[expect(unsafe_code, reason = "the only way to send a signal")]
    // SAFETY: the process is a child that was not waited for.
    unsafe {
        libc::kill(libc::pid_t::try_from(id).unwrap(), signal);
    }
}

fn is_gone(id: &str) -> bool {
    // A process that nobody has waited for yet is gone as well.
    !fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

#[test]
fn exit_codes_and_signals_come_through() {
    let sandbox = Sandbox::new();
    let package = sandbox.package(
        "demo.psp",
        PackageBuilder::script("[ $1 = kill ] && kill -$2 $$; exit $1"),
    );
    let run = |arguments: &[&str]| {
        package
            .command()
            .env("FLAVOR_EXEC_MODE", "spawn")
            .args(arguments)
            .output()
            .unwrap()
    };
    assert_code(&run(&["0"]), 0);
    assert_code(&run(&["255"]), 255);
    assert_code(&run(&["kill", "9"]), 137);
    assert_code(&run(&["kill", "15"]), 143);
}

#[test]
fn weakness_23_signals_are_handed_on() {
    let sandbox = Sandbox::new();
    let script = "trap 'exit 42' TERM; trap 'exit 43' USR1; echo $$; while :; do sleep 0.05; done";
    let package = sandbox.package("demo.psp", PackageBuilder::script(script));
    for (signal, code) in [(libc::SIGTERM, 42), (libc::SIGUSR1, 43)] {
        let (mut child, _) = spawned(&package);
        kill(child.id(), signal);
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn weakness_23_the_program_does_not_outlive_a_killed_launcher() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", PackageBuilder::script("echo $$; exec sleep 60"));
    let (mut child, program) = spawned(&package);
    assert!(!is_gone(&program));
    kill(child.id(), libc::SIGKILL);
    child.wait().unwrap();
    for _ in 0..200 {
        if is_gone(&program) {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("process {program} is an orphan");
}

#[test]
fn a_script_without_an_interpreter_line_is_the_shells() {
    let sandbox = Sandbox::new();
    let builder = PackageBuilder::script("")
        .slot(Slot::file("bin/plain", "echo \"plain $1\""))
        .set(&["execution", "command"], json!("{workenv}/bin/plain"));
    let package = sandbox.package("demo.psp", builder);
    for mode in ["exec", "spawn"] {
        let mut command = package.command();
        let output = command.env("FLAVOR_EXEC_MODE", mode).arg("a").output();
        assert_eq!(stdout(&output.unwrap()), "plain a\n", "{mode}");
    }
}
