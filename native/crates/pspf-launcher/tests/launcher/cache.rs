//! The cache: many at once, killed at any point, full of traps.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::builder::{PackageBuilder, Slot};
use crate::sandbox::{Sandbox, assert_code, assert_refused, stderr, stdout};

/// A package that notes each of its setups in a file outside.
fn counting(sandbox: &Sandbox) -> PackageBuilder {
    let log = sandbox.root.join("setups").display().to_string();
    PackageBuilder::script("cat \"$FLAVOR_WORKENV/big\" | wc -c")
        .slot(Slot::file("big", vec![b'x'; 3 << 20]).zstd())
        .set(
            &["setup_commands"],
            json!([{"type": "shell", "command": format!("sleep 0.2; echo x >> '{log}'")}]),
        )
}

#[test]
fn weakness_17_twenty_first_starts_at_once_fill_once() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", counting(&sandbox));
    let children: Vec<Child> = (0..20)
        .map(|_| {
            package
                .command()
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_code(&output, 0);
        assert_eq!(stdout(&output).trim(), (3 << 20).to_string());
    }
    assert_eq!(
        fs::read_to_string(sandbox.root.join("setups")).unwrap(),
        "x\n"
    );
}

#[test]
fn weakness_17_a_waiter_goes_on_as_soon_as_the_holder_is_killed() {
    let sandbox = Sandbox::new();
    let first = sandbox.root.join("first");
    let command = format!(
        "test -e '{0}' || {{ touch '{0}'; sleep 60; }}",
        first.display()
    );
    let builder = PackageBuilder::script("echo ok").set(
        &["setup_commands"],
        json!([{"type": "shell", "command": command}]),
    );
    let package = sandbox.package("demo.psp", builder);
    let mut holder = package.command().stdout(Stdio::null()).spawn().unwrap();
    while !first.exists() {
        thread::sleep(Duration::from_millis(5));
    }
    let waiter = package
        .command()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(50));
    holder.kill().unwrap();
    holder.wait().unwrap();
    let output = waiter.wait_with_output().unwrap();
    assert_eq!(stdout(&output), "ok\n");
}

#[test]
fn a_first_start_killed_at_many_points_never_breaks_the_next() {
    let sandbox = Sandbox::new();
    let mut builder =
        PackageBuilder::script("cat \"$FLAVOR_WORKENV/f99\"; ls \"$FLAVOR_WORKENV\" | wc -l");
    for number in 0..100 {
        builder = builder.slot(
            Slot::file(&format!("f{number}"), format!("{number}\n").repeat(1))
                .mode(0o644)
                .zstd(),
        );
    }
    builder = builder.set(&["setup_commands"], json!(["true"]));
    let package = sandbox.package("demo.psp", builder);
    for step in 0..40_u64 {
        let _ = fs::remove_dir_all(sandbox.cache());
        let mut child = package
            .command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_micros(step * 1500));
        let _ = child.kill();
        child.wait().unwrap();
        let output = package.run([""; 0]);
        assert_code(&output, 0);
        assert_eq!(
            stdout(&output),
            "99\n101\n",
            "killed after {} us",
            step * 1500
        );
        let hidden = fs::read_dir(sandbox.records())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect::<Vec<_>>();
        assert!(
            hidden
                .iter()
                .all(|name| !name.as_encoded_bytes().ends_with(b".tmp")),
            "{hidden:?}"
        );
    }
}

#[test]
fn weakness_14_packages_with_one_name_have_workenvs_of_their_own() {
    let sandbox = Sandbox::new();
    for text in ["one", "two"] {
        let package = sandbox.package("demo.psp", PackageBuilder::script(&format!("echo {text}")));
        assert_eq!(stdout(&package.run([""; 0])), format!("{text}\n"));
    }
    let count = fs::read_dir(sandbox.cache().join("workenv"))
        .unwrap()
        .count();
    assert_eq!(count, 4, "two workenvs, two records");
}

#[test]
fn weakness_15_a_running_program_keeps_its_files_during_a_refill_and_blocks_removal() {
    let sandbox = Sandbox::new();
    let script = "[ -n \"$1\" ] && { echo up; sleep 60 & wait; }; echo ok";
    let package = sandbox.package(
        "demo.psp",
        PackageBuilder::script(script).slot(Slot::file("data", "d")),
    );
    let mut running = package
        .command()
        .arg("stay")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(running.stdout.as_mut().unwrap()),
        &mut line,
    )
    .unwrap();
    let own = sandbox.workenv().join("its own");
    fs::write(&own, "").unwrap();
    let output = package
        .command()
        .env("FLAVOR_LAUNCHER_CLI", "1")
        .args(["cache", "remove"])
        .output()
        .unwrap();
    assert_refused(&output, 106, "cache/in-use");
    assert_eq!(
        stdout(&package.run_with(&[("FLAVOR_WORKENV_CACHE", "0")])),
        "ok\n"
    );
    assert!(own.exists(), "a workenv in use is repaired, not cleared");
    running.kill().unwrap();
    running.wait().unwrap();
}

#[test]
fn a_damaged_record_counts_as_none() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", PackageBuilder::script("echo ok"));
    package.run([""; 0]);
    let record = sandbox.records().join("launch");
    let good = fs::read(&record).unwrap();
    for bad in [
        Vec::new(),
        good[..good.len() - 1].to_vec(),
        vec![0; good.len()],
    ] {
        fs::write(&record, bad).unwrap();
        assert_eq!(stdout(&package.run([""; 0])), "ok\n");
        assert_eq!(fs::read(&record).unwrap().len(), good.len());
    }
}

#[test]
fn the_cache_root_must_be_ours_alone() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", PackageBuilder::script("echo ok"));
    fs::create_dir(sandbox.cache()).unwrap();
    fs::set_permissions(sandbox.cache(), fs::Permissions::from_mode(0o777)).unwrap();
    assert_refused(&package.run([""; 0]), 106, "cache/insecure");
    fs::set_permissions(sandbox.cache(), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(stdout(&package.run([""; 0])), "ok\n");
    // Filled, and opened to others afterwards: a warm start refuses as well.
    fs::set_permissions(sandbox.cache(), fs::Permissions::from_mode(0o702)).unwrap();
    assert_refused(&package.run([""; 0]), 106, "cache/insecure");
}

#[test]
fn a_cache_root_that_cannot_serve_is_a_clear_error() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", PackageBuilder::script("echo ok"));
    fs::write(sandbox.cache(), "").unwrap();
    assert_refused(&package.run([""; 0]), 106, "cache/unavailable");
    assert_refused(
        &package.run_with(&[("FLAVOR_CACHE", "relative/cache")]),
        106,
        "cache/unavailable",
    );
    assert_refused(
        &package.run_with(&[("FLAVOR_CACHE", "/proc/nothing")]),
        106,
        "cache/unavailable",
    );
    // A link to a directory of ours is fine.
    fs::create_dir(sandbox.root.join("real")).unwrap();
    fs::set_permissions(sandbox.root.join("real"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::remove_file(sandbox.cache()).unwrap();
    symlink(sandbox.root.join("real"), sandbox.cache()).unwrap();
    assert_eq!(stdout(&package.run([""; 0])), "ok\n");
}

#[test]
fn weakness_07_without_a_home_directory_nothing_goes_to_tmp() {
    let sandbox = Sandbox::new();
    let package = sandbox.package(
        "demo.psp",
        PackageBuilder::script("echo \"$FLAVOR_WORKENV\""),
    );
    let output = package
        .command()
        .env_remove("FLAVOR_CACHE")
        .output()
        .unwrap();
    assert_code(&output, 0);
    assert!(
        stdout(&output).starts_with(
            sandbox
                .root
                .join("home/.cache/flavor/workenv")
                .to_str()
                .unwrap()
        )
    );
}

#[test]
fn weakness_24_nothing_is_printed_and_nothing_is_written_where_the_user_stands() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", PackageBuilder::script("true"));
    let output = package.run_with(&[
        ("FLAVOR_DEBUG_METADATA", "1"),
        ("SECRET", "hunter2"),
        ("FLAVOR_LOG_LEVEL", "trace"),
    ]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
    let output = package.run([""; 0]);
    assert!(output.stderr.is_empty() && output.stdout.is_empty());
    assert_eq!(fs::read_dir(sandbox.root.join("cwd")).unwrap().count(), 0);
}

#[test]
fn a_workenv_that_is_deeper_than_descriptors_go_is_cleared_all_the_same() {
    let sandbox = Sandbox::new();
    let dig = "i=0; while [ $i -lt 300 ]; do mkdir d && chmod 500 d/.. && cd d; i=$((i+1)); done";
    let builder = PackageBuilder::script("echo ok").set(
        &["setup_commands"],
        json!([{"type": "shell", "command": dig}]),
    );
    let package = sandbox.package("demo.psp", builder);
    for _ in 0..2 {
        let output = Command::new("sh")
            .args(["-c", "ulimit -n 32; exec \"$0\""])
            .arg(&package.path)
            .env("FLAVOR_CACHE", sandbox.cache())
            .env("FLAVOR_WORKENV_CACHE", "0")
            .output()
            .unwrap();
        assert_code(&output, 0);
    }
}

#[test]
fn a_changed_copy_never_reaches_the_workenv_of_a_running_program() {
    let sandbox = Sandbox::new();
    for lifecycle in ["runtime", "startup"] {
        let script = "echo up; read -r _; cat \"$FLAVOR_WORKENV/part\"";
        let builder = PackageBuilder::script(script)
            .slot(Slot::file("part", "as signed").lifecycle(lifecycle));
        let mut bytes = builder.build();
        let package = sandbox.install("demo.psp", &bytes);
        let mut running = package
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut up = [0; 3];
        running
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut up)
            .unwrap();

        let at = bytes
            .windows(9)
            .rposition(|part| part == b"as signed")
            .unwrap();
        bytes[at..at + 9].copy_from_slice(b"as forged");
        let forged = sandbox.install("forged.psp", &bytes);
        let refill = [("FLAVOR_WORKENV_CACHE", "0")];
        assert_refused(&forged.run_with(&refill), 107, "verify/slot-digest");

        drop(running.stdin.take());
        let output = running.wait_with_output().unwrap();
        assert_eq!(stdout(&output), "as signed", "{lifecycle}");
        fs::remove_dir_all(sandbox.cache()).unwrap();
    }
}

#[test]
fn a_file_where_the_records_should_be_makes_way() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", PackageBuilder::script("echo ok"));
    assert_code(&package.run([""; 0]), 0);
    let records = sandbox.records();
    fs::remove_dir_all(&records).unwrap();
    fs::write(&records, "").unwrap();
    assert_eq!(stdout(&package.run([""; 0])), "ok\n");
}

#[test]
fn a_directory_above_the_cache_that_others_can_change_is_refused_cold_and_warm() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", PackageBuilder::script("echo ok"));
    let shared = sandbox.root.join("shared");
    let cache = shared.join("mine/cache");
    fs::create_dir_all(cache.parent().unwrap()).unwrap();
    let set_mode = |mode| fs::set_permissions(&shared, fs::Permissions::from_mode(mode)).unwrap();
    let environment = [("FLAVOR_CACHE", cache.to_str().unwrap())];
    for mode in [0o777, 0o775, 0o702] {
        set_mode(mode);
        let output = package.run_with(&environment);
        assert_refused(&output, 106, "cache/insecure");
        assert!(stderr(&output).contains(shared.to_str().unwrap()));
        assert!(!cache.exists());
    }
    // Where only owners can remove and rename, others cannot put anything in its place.
    set_mode(0o1777);
    assert_eq!(stdout(&package.run_with(&environment)), "ok\n");
    set_mode(0o777);
    assert_refused(&package.run_with(&environment), 106, "cache/insecure");
    set_mode(0o755);
    assert_eq!(stdout(&package.run_with(&environment)), "ok\n");
}

#[test]
fn a_link_to_the_cache_that_others_can_replace_is_refused() {
    let sandbox = Sandbox::new();
    let package = sandbox.package("demo.psp", PackageBuilder::script("echo ok"));
    let [shared, real] = ["shared", "real"].map(|name| sandbox.root.join(name));
    fs::create_dir(&shared).unwrap();
    fs::create_dir(&real).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
    symlink(&real, shared.join("link")).unwrap();
    let cache = shared.join("link/cache");
    let environment = [("FLAVOR_CACHE", cache.to_str().unwrap())];
    assert_refused(&package.run_with(&environment), 106, "cache/insecure");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(stdout(&package.run_with(&environment)), "ok\n");
    assert!(real.join("cache/workenv").is_dir());
}

#[cfg(target_os = "linux")]
#[test]
fn locks_are_held_through_descriptors_that_may_write() {
    // Over NFSv4 an exclusive lock asks for the right to write.
    let sandbox = Sandbox::new();
    let gate = sandbox.root.join("gate");
    let wait = format!("while [ ! -e '{}' ]; do sleep 0.02; done", gate.display());
    let builder = PackageBuilder::script("echo ok").set(
        &["setup_commands"],
        json!([{"type": "shell", "command": wait}]),
    );
    let package = sandbox.package("demo.psp", builder);
    let started = package.run_with(&[("FLAVOR_CACHE", "relative")]);
    assert_code(&started, 106);
    for round in ["lock made", "lock there"] {
        let _ = fs::remove_file(&gate);
        let mut command = package.command();
        let child = command
            .env("FLAVOR_WORKENV_CACHE", "0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut flags = None;
        for _ in 0..1000 {
            flags = flags_of_lock(child.id());
            if flags.is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        fs::write(&gate, "").unwrap();
        assert_eq!(stdout(&child.wait_with_output().unwrap()), "ok\n");
        assert_eq!(flags.unwrap() & libc::O_ACCMODE, libc::O_RDWR, "{round}");
    }
}

/// With which flags a process has a fill lock open.
#[cfg(target_os = "linux")]
fn flags_of_lock(process: u32) -> Option<i32> {
    let entries = fs::read_dir(format!("/proc/{process}/fd")).ok()?.flatten();
    let lock = entries.map(|entry| entry.path()).find(|path| {
        fs::read_link(path).is_ok_and(|link| link.to_string_lossy().ends_with(".fill"))
    })?;
    let number = lock.file_name()?.to_str()?.to_owned();
    let info = fs::read_to_string(format!("/proc/{process}/fdinfo/{number}")).ok()?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    i32::from_str_radix(flags.trim(), 8).ok()
}
