//! What outlives one version of an application.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::builder::{PackageBuilder, Slot};
use crate::sandbox::{Installed, Sandbox, assert_code, stdout};

/// A version of an application with a file that can be configured.
fn version(number: u32, config: &str) -> PackageBuilder {
    PackageBuilder::script("[ -z \"$1\" ] || exec sleep 60; cat \"$FLAVOR_WORKENV/etc/app.conf\"")
        .slot(
            Slot::file("etc/app.conf", config)
                .mode(0o600)
                .lifecycle("config"),
        )
        .version(&number.to_string())
}

fn start(sandbox: &Sandbox, builder: PackageBuilder) -> String {
    let package = sandbox.package("demo.psp", builder);
    let output = package.run([""; 0]);
    assert_code(&output, 0);
    stdout(&output)
}

/// The id of the workenv that a start has just filled.
fn id_of(package: &Installed<'_>) -> String {
    let mut command = package.command();
    command
        .env("FLAVOR_LAUNCHER_CLI", "1")
        .args(["info", "--json"]);
    let info: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    info["id"].as_str().unwrap().to_owned()
}

/// Starts a version, and gives its id.
fn fill(sandbox: &Sandbox, number: u32) -> String {
    let package = sandbox.package("demo.psp", version(number, "shipped\n"));
    assert_code(&package.run([""; 0]), 0);
    id_of(&package)
}

fn sorted<const N: usize>(ids: [&String; N]) -> Vec<String> {
    let mut ids: Vec<String> = ids.into_iter().cloned().collect();
    ids.sort();
    ids
}

#[test]
fn the_last_two_versions_stay_and_older_ones_go() {
    let sandbox = Sandbox::new();
    let [one, two] = [1, 2].map(|number| fill(&sandbox, number));
    assert_eq!(sandbox.ids(), sorted([&one, &two]));
    let three = fill(&sandbox, 3);
    assert_eq!(sandbox.ids(), sorted([&two, &three]));
    // Nothing is left of it, and the cache knows which is which.
    let entries = fs::read_dir(sandbox.cache().join("workenv"))
        .unwrap()
        .count();
    assert_eq!(entries, 4, "two workenvs and their records");
    let apps: Vec<_> = fs::read_dir(sandbox.cache().join("apps"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(apps.len(), 1);
    let name = apps[0].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("demo-") && name.len() == 13, "{name}");
    let json = fs::read(apps[0].join("versions.json")).unwrap();
    let list: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(list["ids"], serde_json::json!([three, two]));
    // Back to a version that is there: nothing changes.
    assert_eq!(fill(&sandbox, 2), two);
    assert_eq!(sandbox.ids(), sorted([&two, &three]));
}

#[test]
fn how_many_versions_stay_can_be_chosen() {
    let sandbox = Sandbox::new();
    let start = |number: u32, keep: &str| {
        let package = sandbox.package("demo.psp", version(number, ""));
        assert_code(&package.run_with(&[("FLAVOR_KEEP", keep)]), 0);
        sandbox.ids().len()
    };
    let counts = [(1, "4"), (2, "4"), (3, "4"), (4, "4"), (5, "4")];
    assert_eq!(
        counts.map(|(number, keep)| start(number, keep)),
        [1, 2, 3, 4, 4]
    );
    // What is no number means two.
    assert_eq!(
        [(6, "none"), (7, "0")].map(|(number, keep)| start(number, keep)),
        [2, 2]
    );
    assert_eq!(start(8, "1"), 1);
}

#[test]
fn a_version_that_runs_stays_until_it_has_ended() {
    let sandbox = Sandbox::new();
    let one = fill(&sandbox, 1);
    let package = sandbox.package("one.psp", version(1, "shipped\n"));
    let mut command = package.command();
    let mut running = command.arg("stay").stdout(Stdio::null()).spawn().unwrap();
    for number in 2..=4 {
        fill(&sandbox, number);
        assert!(sandbox.ids().contains(&one));
    }
    assert_eq!(sandbox.ids().len(), 3);
    running.kill().unwrap();
    running.wait().unwrap();
    fill(&sandbox, 5);
    assert!(!sandbox.ids().contains(&one));
    assert_eq!(sandbox.ids().len(), 2);
}

#[test]
fn another_application_is_never_touched() {
    let sandbox = Sandbox::new();
    let other_name = PackageBuilder::script("").set(&["package", "name"], "other".into());
    let mut other_key = PackageBuilder::script("");
    other_key.key = [8; 32];
    let mut careless = PackageBuilder::script("").version("careless");
    careless.break_seal = true;
    let mut ids = Vec::new();
    for builder in [other_name, other_key] {
        let package = sandbox.package("demo.psp", builder);
        assert_code(&package.run([""; 0]), 0);
        ids.push(id_of(&package));
    }
    // A key that proves nothing gives no rights in the application either.
    let package = sandbox.package("demo.psp", careless);
    assert_code(&package.run_with(&[("FLAVOR_VALIDATION", "minimal")]), 0);
    for number in 1..=4 {
        fill(&sandbox, number);
    }
    assert!(ids.iter().all(|id| sandbox.ids().contains(id)));
    assert_eq!(
        sandbox.ids().len(),
        5,
        "two, one without proof, and two versions"
    );
}

#[test]
fn a_damaged_list_of_versions_counts_as_none() {
    let sandbox = Sandbox::new();
    let one = fill(&sandbox, 1);
    let apps = fs::read_dir(sandbox.cache().join("apps")).unwrap();
    let list = apps.map(|entry| entry.unwrap().path()).next().unwrap();
    fs::write(list.join("versions.json"), "{\"ids\":[\"../../x\"]}").unwrap();
    let [two, three] = [2, 3].map(|number| fill(&sandbox, number));
    assert_eq!(sandbox.ids(), sorted([&one, &two, &three]));
}

#[test]
fn configuration_that_was_not_changed_is_replaced_by_the_next_version() {
    let sandbox = Sandbox::new();
    assert_eq!(start(&sandbox, version(1, "one\n")), "one\n");
    assert_eq!(start(&sandbox, version(2, "two\n")), "two\n");
    assert_eq!(start(&sandbox, version(3, "three\n")), "three\n");
}

/// Changes the configuration of the version that was filled last.
fn change(sandbox: &Sandbox, id: &str, content: &str) {
    let path = sandbox
        .cache()
        .join("workenv")
        .join(id)
        .join("etc/app.conf");
    fs::write(path, content).unwrap();
}

#[test]
fn configuration_that_was_changed_comes_along() {
    let sandbox = Sandbox::new();
    let one = fill(&sandbox, 1);
    change(&sandbox, &one, "the user's\n");
    // As long as the versions bring the same, there is nothing to ask.
    for number in 2..=4 {
        let package = sandbox.package("demo.psp", version(number, "shipped\n"));
        assert_eq!(stdout(&package.run([""; 0])), "the user's\n");
        let beside = sandbox.cache().join("workenv").join(id_of(&package));
        assert!(!beside.join("etc/app.conf.new").exists());
    }
    // A refill of the same version, and another start of an older one, change nothing.
    let package = sandbox.package("demo.psp", version(4, "shipped\n"));
    let refill = [("FLAVOR_WORKENV_CACHE", "0")];
    assert_eq!(stdout(&package.run_with(&refill)), "the user's\n");
}

#[test]
fn a_conflict_leaves_the_new_configuration_beside() {
    let sandbox = Sandbox::new();
    let one = fill(&sandbox, 1);
    change(&sandbox, &one, "the user's\n");
    let package = sandbox.package("demo.psp", version(2, "new\n"));
    assert_eq!(stdout(&package.run([""; 0])), "the user's\n");
    let workenv = sandbox.cache().join("workenv").join(id_of(&package));
    let beside = fs::read_to_string(workenv.join("etc/app.conf.new")).unwrap();
    assert_eq!(beside, "new\n");
    // The user's file is still changed, by the measure of the version that it lies in.
    assert_eq!(start(&sandbox, version(3, "new\n")), "the user's\n");
    // What the user made of it is what the next version brings: there is nothing to keep.
    let package = sandbox.package("demo.psp", version(4, "the user's\n"));
    assert_eq!(stdout(&package.run([""; 0])), "the user's\n");
    let workenv = sandbox.cache().join("workenv").join(id_of(&package));
    assert!(!workenv.join("etc/app.conf.new").exists());
}

#[test]
fn configuration_that_the_next_version_no_longer_brings_comes_along_where_it_was_changed() {
    let sandbox = Sandbox::new();
    let one = fill(&sandbox, 1);
    change(&sandbox, &one, "the user's\n");
    let without = PackageBuilder::script("cat \"$FLAVOR_WORKENV/etc/app.conf\"").version("2");
    assert_eq!(start(&sandbox, without), "the user's\n");
}

#[test]
fn another_application_does_not_get_the_configuration() {
    let sandbox = Sandbox::new();
    let one = fill(&sandbox, 1);
    change(&sandbox, &one, "the user's\n");
    let mut other = version(2, "shipped\n");
    other.key = [8; 32];
    assert_eq!(start(&sandbox, other), "shipped\n");
}
