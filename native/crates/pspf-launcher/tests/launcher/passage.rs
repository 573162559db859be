//! What passes from the caller to the program and to the log, and what does not.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::builder::{PackageBuilder, Slot};
use crate::sandbox::{Sandbox, assert_code, stderr, stdout};
use crate::tar::Tar;

#[test]
fn argv_wins_over_command_and_args_come_before_the_users() {
    let sandbox = Sandbox::new();
    let builder = PackageBuilder::script("printf '%s|' \"$@\"")
        .set(&["execution", "command"], json!("/bin/false"))
        .set(
            &["execution", "argv"],
            json!(["{workenv}/bin/app", "a b", "'c'"]),
        )
        .set(&["execution", "args"], json!(["d e", "$HOME"]));
    let package = sandbox.package("demo.psp", builder);
    for _ in 0..2 {
        assert_eq!(stdout(&package.run(["user"])), "a b|'c'|d e|$HOME|user|");
    }
}

#[test]
fn an_empty_argv_counts_as_none() {
    let sandbox = Sandbox::new();
    let builder = PackageBuilder::script("echo ran").set(&["execution", "argv"], json!([]));
    assert_eq!(
        stdout(&sandbox.package("demo.psp", builder).run([""; 0])),
        "ran\n"
    );
}

#[test]
fn every_placeholder_works_in_every_place() {
    let sandbox = Sandbox::new();
    let all = "{workenv}|{package_name}|{version}|{slot:1}|{primary}|{os}|{arch}|{platform}|{else}";
    let script = "printf '%s\\n' \"$1\" \"$2\" \"$E\" \"$W\" \"$R\"; cat \"$FLAVOR_WORKENV/setup\" \"$FLAVOR_WORKENV/written\"";
    let builder = PackageBuilder::script(script)
        .slot(Slot::file("demo-linux/data", "x"))
        .set(
            &["execution", "command"],
            json!(format!("{{primary}} '{all}'")),
        )
        .set(&["execution", "args"], json!([all]))
        .set(&["execution", "env"], json!({ "E": all }))
        .set(
            &["workenv"],
            json!({"env": {"W": all}, "directories": [{"path": "{package_name}-{version}"}]}),
        )
        .set(&["runtime"], json!({"env": {"set": {"R": all}}}))
        .set(
            &["setup_commands"],
            json!([
                {"type": "execute", "command": format!("sh -c 'echo \"$0\" > setup' '{all}'")},
                {"type": "write_file", "path": "{workenv}/written", "content": format!("{all}\n")},
            ]),
        );
    let mut builder = builder;
    // A slot's target can name everything but other slots.
    "{workenv}/{package_name}-{os}/data".clone_into(&mut builder.slots[1].target);
    let package = sandbox.package("demo.psp", builder);
    let output = package.run([""; 0]);
    assert_code(&output, 0);
    let workenv = sandbox.workenv();
    let shown = workenv.display();
    let arch = if cfg!(target_arch = "x86_64") {
        "amd64"
    } else {
        "arm64"
    };
    let expected = format!(
        "{shown}|demo|1.2.3|{shown}/demo-linux/data|{shown}/bin/app|linux|{arch}|linux_{arch}|{{else}}\n"
    );
    assert_eq!(stdout(&output), expected.repeat(7));
    assert!(workenv.join("demo-1.2.3").is_dir());
    assert!(workenv.join("demo-linux/data").is_file());
}

#[test]
fn the_umask_is_the_callers_unless_the_package_names_one() {
    let sandbox = Sandbox::new();
    let masks = |package: &std::path::Path| {
        let mut command = Command::new("sh");
        command.args(["-c", "umask 0077; exec \"$0\""]).arg(package);
        command.env("FLAVOR_CACHE", sandbox.cache());
        [(); 2].map(|()| stdout(&command.output().unwrap()))
    };
    let plain = sandbox.package("plain.psp", PackageBuilder::script("umask"));
    assert_eq!(masks(&plain.path), ["0077\n", "0077\n"]);
    let own = PackageBuilder::script("umask").set(&["workenv"], json!({"umask": "0022"}));
    let own = sandbox.package("own.psp", own);
    assert_eq!(masks(&own.path), ["0022\n", "0022\n"]);
}

#[test]
fn setup_has_the_umask_of_the_package() {
    let sandbox = Sandbox::new();
    let builder = PackageBuilder::script("")
        .set(&["workenv"], json!({"umask": "0027"}))
        .set(&["setup_commands"], json!(["touch made"]));
    assert_code(&sandbox.package("demo.psp", builder).run([""; 0]), 0);
    let made = fs::metadata(sandbox.workenv().join("made")).unwrap();
    assert_eq!(made.mode() & 0o777, 0o640);
}

#[cfg(target_os = "linux")]
#[test]
fn streams_that_were_closed_reach_the_program_closed() {
    let sandbox = Sandbox::new();
    let script = "for n in 0 1 2; do test -e /proc/$$/fd/$n || printf $n; done >\"$OUT\"";
    let package = sandbox.package("demo.psp", PackageBuilder::script(script));
    let out = sandbox.root.join("out");
    for (closed, expected) in [("", ""), ("<&-", "0"), ("<&- 2>&-", "02")] {
        for start in ["cold", "warm"] {
            let mut command = Command::new("sh");
            command
                .args(["-c", &format!("exec \"$0\" {closed}")])
                .arg(&package.path)
                .env(
                    "FLAVOR_CACHE",
                    sandbox.root.join(format!("cache{expected}")),
                )
                .env("OUT", &out);
            assert_code(&command.output().unwrap(), 0);
            assert_eq!(
                fs::read_to_string(&out).unwrap(),
                expected,
                "{closed} {start}"
            );
        }
    }
}

#[test]
fn standard_input_belongs_to_the_program_even_where_setup_reads() {
    let sandbox = Sandbox::new();
    let builder = PackageBuilder::script("cat").set(&["setup_commands"], json!(["cat"]));
    let package = sandbox.package("demo.psp", builder);
    let mut command = Command::new("sh");
    command
        .args(["-c", "echo typed | \"$0\""])
        .arg(&package.path);
    let output = command
        .env("FLAVOR_CACHE", sandbox.cache())
        .output()
        .unwrap();
    assert_eq!(stdout(&output), "typed\n");
}

#[test]
fn logs_are_json_on_request_go_to_a_file_and_hold_no_secret() {
    let sandbox = Sandbox::new();
    let log = sandbox.root.join("log");
    let builder = PackageBuilder::script("echo ran")
        .set(&["execution", "env"], json!({"TOKEN": "packed-secret"}));
    let package = sandbox.package("demo.psp", builder);
    for _ in 0..2 {
        let output = package.run_with(&[
            ("FLAVOR_LOG_LEVEL", "json:debug"),
            ("FLAVOR_LOG_PATH", log.to_str().unwrap()),
            ("PASSWORD", "inherited-secret"),
        ]);
        assert_eq!(
            (stdout(&output), stderr(&output)),
            ("ran\n".into(), String::new())
        );
    }
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        lines
            .iter()
            .all(|line| line["pid"].is_u64() && line["level"].is_string())
    );
    let says = |text: &str| {
        let holds = |line: &&Value| line["message"].as_str().unwrap().contains(text);
        lines.iter().filter(holds).count()
    };
    assert_eq!(
        (says("just filled"), says("filled before")),
        (1, 1),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn a_log_that_cannot_be_written_goes_to_the_standard_error() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", PackageBuilder::script("echo ran"));
    let output = package.run_with(&[("FLAVOR_LOG_LEVEL", "info"), ("FLAVOR_LOG_PATH", "/")]);
    assert_eq!(stdout(&output), "ran\n");
    assert!(
        stderr(&output).contains("just filled"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_hundred_first_starts_at_once_fill_once() {
    let sandbox = Sandbox::new();
    let setups = sandbox.root.join("setups");
    let builder = PackageBuilder::script("wc -c < \"$FLAVOR_WORKENV/big\"")
        .slot(
            Slot::tar(
                "t",
                Tar::new().file("big", 0o644, &vec![b'x'; 1 << 20]).finish(),
            )
            .zstd(),
        )
        .set(
            &["setup_commands"],
            json!([{"type": "shell", "command": format!("echo x >> '{}'", setups.display())}]),
        );
    let package = sandbox.package("demo.psp", builder);
    let children: Vec<_> = (0..100)
        .map(|_| {
            let mut command = package.command();
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_code(&output, 0);
        assert_eq!(stdout(&output).trim(), (1 << 20).to_string());
    }
    assert_eq!(fs::read_to_string(setups).unwrap(), "x\n");
}

#[test]
fn a_filled_cache_that_may_not_be_written_serves_all_the_same() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", PackageBuilder::script("echo ran"));
    assert_eq!(stdout(&package.run([""; 0])), "ran\n");
    let set_modes = |directories: u32, files: u32| {
        let mut todo = vec![sandbox.cache()];
        while let Some(path) = todo.pop() {
            if path.is_dir() {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
                todo.extend(
                    fs::read_dir(&path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
                fs::set_permissions(&path, fs::Permissions::from_mode(directories)).unwrap();
            } else {
                let execute = fs::metadata(&path).unwrap().mode() & 0o111;
                fs::set_permissions(&path, fs::Permissions::from_mode(files | execute)).unwrap();
            }
        }
    };
    set_modes(0o500, 0o400);
    let output = package.run([""; 0]);
    set_modes(0o700, 0o600);
    assert_code(&output, 0);
    assert_eq!(stdout(&output), "ran\n");
}

#[test]
fn cache_validation_without_content_asks_for_the_file_only() {
    let sandbox = Sandbox::new();
    let builder = PackageBuilder::script("echo ran")
        .slot(Slot::file("stamp", "anything"))
        .set(
            &["cache_validation"],
            json!({"check_file": "stamp", "expected_content": ""}),
        );
    let package = sandbox.package("demo.psp", builder);
    assert_code(&package.run([""; 0]), 0);
    let stamp = sandbox.workenv().join("stamp");
    fs::write(&stamp, "something else").unwrap();
    assert_code(&package.run([""; 0]), 0);
    assert_eq!(fs::read_to_string(&stamp).unwrap(), "something else");
    fs::remove_file(&stamp).unwrap();
    assert_code(&package.run([""; 0]), 0);
    assert_eq!(fs::read_to_string(&stamp).unwrap(), "anything");
}
