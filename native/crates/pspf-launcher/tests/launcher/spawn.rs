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

#[test]
fn no_signal_is_lost_to_a_thread_that_still_reads_from_a_service_of_setup() {
    let sandbox = Sandbox::new();
    let script = "trap : USR1; trap 'exit 42' TERM; echo $$; while :; do sleep 0.05; done";
    let service = sandbox.root.join("service");
    let command = format!("sleep 60 & echo $! > '{}'", service.display());
    let builder = PackageBuilder::script(script).set(
        &["setup_commands"],
        json!([{"type": "shell", "command": command}]),
    );
    let package = sandbox.package("demo.psp", builder);
    let (mut child, _) = spawned(&package);
    // Many at once: some come while the launcher hands another one on.
    for _ in 0..3000 {
        kill(child.id(), libc::SIGUSR1);
    }
    kill(child.id(), libc::SIGTERM);
    let status = child.wait().unwrap();
    let id = fs::read_to_string(service).unwrap();
    kill(id.trim().parse().unwrap(), libc::SIGKILL);
    assert_eq!(status.code(), Some(42), "{status}");
}

#[cfg(target_os = "linux")]
#[test]
fn signals_that_the_caller_ignores_are_ignored_by_the_program() {
    let sandbox = Sandbox::new();
    let script = "grep SigIgn /proc/self/status";
    let package = sandbox.package("demo.psp", PackageBuilder::script(script));
    let ignored = |mode: &str| {
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' PIPE USR1 CHLD; exec \"$0\""])
            .arg(&package.path)
            .env("FLAVOR_CACHE", sandbox.cache())
            .env("FLAVOR_EXEC_MODE", mode);
        let shown = stdout(&command.output().unwrap());
        let digits = shown.trim().trim_start_matches("SigIgn:\t").to_owned();
        u64::from_str_radix(&digits, 16).unwrap()
    };
    for mode in ["exec", "spawn", "exec", "spawn"] {
        let bit = |signal: libc::c_int| 1_u64 << (signal - 1);
        let wanted = bit(libc::SIGPIPE) | bit(libc::SIGUSR1);
        assert_eq!(ignored(mode) & wanted, wanted, "{mode}");
    }
}
