//! What the metadata reader accepts of the existing builders, and what it refuses.

use pspf_format::Metadata;
use pspf_format::metadata::{Lifecycle, SetupCommand};

/// A document with some members besides the ones that every document needs.
fn document(members: &str) -> String {
    format!(
        r#"{{ "format": "PSPF/2025", "package": {{ "name": "demo", "version": "1" }}{members} }}"#
    )
}

#[expect(
    clippy::panic,
    reason = "a test stops where something is not as it should be"
)]
fn refusal(json: &str) -> String {
    let Err(error) = Metadata::parse(json.as_bytes()) else {
        panic!("accepted {json}")
    };
    assert_eq!(error.code(), "format/bad-metadata", "{json}");
    error.to_string()
}

#[test]
fn metadata_parse_fills_in_what_builders_leave_out() {
    let json = document("");
    let metadata = Metadata::parse(json.as_bytes()).unwrap();
    assert!(metadata.slots.is_empty() && metadata.setup_commands.is_empty());
    assert!(metadata.execution.command.is_empty() && metadata.execution.argv.is_none());
    assert!(metadata.runtime_env.is_empty() && metadata.launcher.is_none());
    let json = document(
        r#", "slots": null, "execution": null, "runtime": null, "workenv": null, "build": null, "launcher": null,
        "cache_validation": null, "setup_commands": null, "verification": null, "compatibility": null"#,
    );
    assert!(Metadata::parse(json.as_bytes()).is_ok());
}

#[test]
fn metadata_parse_takes_environment_only_where_env_is_absent() {
    for (members, expected) in [
        (r#""env": {"A": "1"}"#, "1"),
        (r#""environment": {"A": "2"}"#, "2"),
        (r#""environment": {"A": "2"}, "env": {"A": "1"}"#, "1"),
        (r#""env": null, "environment": {"A": "2"}"#, "2"),
    ] {
        let json = document(&format!(
            r#", "execution": {{ "command": "x", {members} }}"#
        ));
        let metadata = Metadata::parse(json.as_bytes()).unwrap();
        assert_eq!(
            metadata.execution.env,
            [("A".into(), expected.into())],
            "{members}"
        );
    }
}

#[test]
fn metadata_parse_sorts_maps_by_name() {
    let json = document(r#", "workenv": { "env": { "B": "1", "\u0041": "2", "a": "3" } }"#);
    let metadata = Metadata::parse(json.as_bytes()).unwrap();
    let names: Vec<&str> = metadata
        .workenv
        .env
        .iter()
        .map(|(name, _)| &**name)
        .collect();
    assert_eq!(names, ["A", "B", "a"]);
}

#[test]
fn metadata_parse_decodes_escapes() {
    let json =
        document(r#", "execution": { "command": "\"\\\/\b\f\n\r\t\u00fc\ud83d\udce6 \u0000" }"#);
    let metadata = Metadata::parse(json.as_bytes()).unwrap();
    assert_eq!(
        metadata.execution.command,
        "\"\\/\u{8}\u{c}\n\r\tü\u{1F4E6} \0"
    );
}

#[test]
fn metadata_parse_reads_every_setup_command() {
    let json = document(
        r#", "setup_commands": [
            "bare 'x y'",
            { "command": "typeless" },
            { "type": "execute", "command": "e" },
            { "type": "shell", "command": "s | t" },
            { "type": "enumerate_and_execute", "command": "c", "enumerate": { "path": "p", "pattern": "*.whl" } },
            { "type": "enumerate_and_execute", "command": "c", "enumerate": { "path": "p" }, "batch": true },
            { "type": "write_file", "path": "p", "content": "c", "mode": "0644" },
            { "type": "write_file", "path": "p", "content": "", "mode": 420 },
            { "type": "chmod", "path": "p*", "mode": "755" },
            { "type": "later", "anything": [1] }
        ]"#,
    );
    let metadata = Metadata::parse(json.as_bytes()).unwrap();
    let enumerate = |pattern: &'static str, batch| SetupCommand::EnumerateAndExecute {
        command: "c".into(),
        path: "p".into(),
        pattern: pattern.into(),
        batch,
    };
    let write = |content: &'static str| SetupCommand::WriteFile {
        path: "p".into(),
        content: content.into(),
        mode: Some("0644".into()),
    };
    assert_eq!(
        metadata.setup_commands,
        [
            SetupCommand::Execute {
                command: "bare 'x y'".into()
            },
            SetupCommand::Execute {
                command: "typeless".into()
            },
            SetupCommand::Execute {
                command: "e".into()
            },
            SetupCommand::Shell {
                command: "s | t".into()
            },
            enumerate("*.whl", false),
            enumerate("*", true),
            write("c"),
            write(""),
            SetupCommand::Chmod {
                path: "p*".into(),
                mode: Some("755".into())
            },
            SetupCommand::Unknown {
                kind: "later".into()
            },
        ]
    );
}

#[test]
fn metadata_parse_refuses_missing_and_foreign_values() {
    for json in [
        "",
        "{}",
        "[]",
        "null",
        r#"{ "format": "PSPF/2025" }"#,
        r#"{ "package": { "name": "a", "version": "1" } }"#,
        r#"{ "format": "PSPF/2024", "package": { "name": "a", "version": "1" } }"#,
        r#"{ "format": "PSPF/2025", "package": { "name": "a" } }"#,
        r#"{ "format": "PSPF/2025", "package": null }"#,
    ] {
        refusal(json);
    }
    for members in [
        r#", "slots": {}"#,
        r#", "slots": [1]"#,
        r#", "slots": [{ "id": "a", "target": "b" }]"#,
        r#", "slots": [{ "id": "a", "checksum": "" }]"#,
        r#", "slots": [{ "target": "a", "checksum": "" }]"#,
        r#", "execution": { "command": 1 }"#,
        r#", "execution": { "command": "x", "env": { "A": 1 } }"#,
        r#", "execution": { "argv": "x" }"#,
        r#", "execution": { "primary_slot": -1 }"#,
        r#", "execution": { "primary_slot": 9007199254740992 }"#,
        r#", "execution": { "primary_slot": 1e3 }"#,
        r#", "runtime": { "env": { "unset": "*" } }"#,
        r#", "workenv": { "directories": ["x"] }"#,
        r#", "workenv": { "directories": [{ "mode": "0700" }] }"#,
        r#", "setup_commands": {}"#,
        r#", "setup_commands": [1]"#,
        r#", "setup_commands": [{ "type": "execute" }]"#,
        r#", "setup_commands": [{ "type": "write_file", "path": "p" }]"#,
        r#", "build": { "platform": "linux" }"#,
        r#", "launcher": { "size": "1" }"#,
        r#", "verification": { "signed": 1 }"#,
        r#", "custom": []"#,
    ] {
        refusal(&document(members));
    }
}

#[test]
fn metadata_parse_says_where_the_fault_is() {
    let json =
        document(r#", "slots": [{ "id": "a", "target": "b", "checksum": "", "size": "x" }]"#);
    let message = refusal(&json);
    assert!(message.contains("at slots[0].size"), "{message}");
}

#[test]
fn metadata_parse_refuses_repeated_keys_at_any_depth() {
    for members in [
        r#", "format": "PSPF/2025""#,
        r#", "x": 1, "x": 1"#,
        r#", "x": { "y": [ { "z": 1, "z": 2 } ] }"#,
        r#", "x": { "b": 1, "\u0062": 2 }"#,
        r#", "execution": { "env": { "A": "1", "A": "1" } }"#,
        r#", "x": { "\ud83d\udce6": 1, "📦": 2 }"#,
    ] {
        assert!(
            refusal(&document(members)).contains("repeated"),
            "{members}"
        );
    }
    // The same key in two objects is no repetition.
    assert!(
        Metadata::parse(document(r#", "x": { "a": { "a": 1 }, "b": { "a": 1 } }"#).as_bytes())
            .is_ok()
    );
}

#[test]
fn metadata_parse_refuses_what_parsers_disagree_on() {
    for value in [
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "0x1",
        "NaN",
        "Infinity",
        "tru",
        "nul",
        "'a'",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud83d\"",
        "\"\\udce6\"",
        "\"\\ud83d\\u0041\"",
        "\"\\u+123\"",
        "\"a\nb\"",
        "\"a",
        "\"\\",
        "[1,]",
        "[1 2]",
        "[",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{",
        "1 /* */",
    ] {
        refusal(&document(&format!(", \"x\": {value}")));
    }
    refusal(&format!("{} x", document("")));
    refusal(&format!("\u{feff}{}", document("")));
    let mut bytes = document(", \"x\": \"?\"").into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[at] = 0xFF;
    assert_eq!(
        Metadata::parse(&bytes).unwrap_err().code(),
        "format/bad-metadata"
    );
}

#[test]
fn metadata_parse_bounds_depth_and_size() {
    let nested = |depth: usize| {
        document(&format!(
            ", \"x\": {}{}",
            "[".repeat(depth),
            "]".repeat(depth)
        ))
    };
    assert!(Metadata::parse(nested(63).as_bytes()).is_ok());
    assert!(refusal(&nested(64)).contains("nested"));
    refusal(&nested(1_000_000));
    let blanks = vec![b' '; (16 << 20) + 1];
    assert_eq!(
        Metadata::parse(&blanks).unwrap_err().code(),
        "format/too-large"
    );
}

#[test]
fn metadata_parse_refuses_every_truncation() {
    let json = document(
        r#", "slots": [{ "slot": 0, "id": "a\u00fc", "target": "t", "checksum": "c", "self_ref": true, "size": 12 }]"#,
    );
    for length in 0..json.len() {
        assert!(
            Metadata::parse(&json.as_bytes()[..length]).is_err(),
            "{length}"
        );
    }
}

#[test]
fn lifecycle_knows_every_spelling() {
    for (words, lifecycle, byte) in [
        (&["init"][..], Lifecycle::Init, 0),
        (&["startup"], Lifecycle::Startup, 1),
        (&["runtime", "", "persistent"], Lifecycle::Runtime, 2),
        (&["shutdown"], Lifecycle::Shutdown, 3),
        (&["cache", "cached"], Lifecycle::Cache, 4),
        (&["temp", "temporary"], Lifecycle::Temp, 5),
        (&["lazy"], Lifecycle::Lazy, 6),
        (&["eager"], Lifecycle::Eager, 7),
        (&["dev", "development"], Lifecycle::Dev, 8),
        (&["config"], Lifecycle::Config, 9),
        (&["platform"], Lifecycle::Platform, 10),
        (&["volatile"], Lifecycle::Volatile, 2),
    ] {
        for word in words {
            assert_eq!(Lifecycle::parse(word), lifecycle, "{word}");
            assert_eq!(lifecycle.byte(), byte, "{word}");
        }
    }
}

#[test]
fn slot_digest_is_required_but_for_the_package_itself() {
    let digest = |checksum: &str, self_ref: bool, size: u64| {
        let json = document(&format!(
            r#", "slots": [{{ "id": "a", "target": "b", "checksum": "{checksum}", "self_ref": {self_ref} }}]"#
        ));
        let metadata = Metadata::parse(json.as_bytes()).unwrap();
        metadata.slots[0].digest(size).map_err(|error| error.code())
    };
    let full = format!("sha256:{}", "ab".repeat(32));
    assert_eq!(digest(&full, false, 1), Ok(Some([0xAB; 32])));
    assert_eq!(digest("", true, 0), Ok(None));
    let none = Err("verify/slot-digest");
    assert_eq!(digest("", true, 1), none);
    assert_eq!(digest("", false, 0), none);
    assert_eq!(digest("sha256:ab", false, 1), none);
    assert_eq!(
        digest(&format!("sha512:{}", "ab".repeat(32)), false, 1),
        none
    );
}

#[test]
fn metadata_parse_holds_frame_tables_to_their_types_and_their_bound() {
    let slot = |frames: &str| {
        document(&format!(
            r#", "slots": [{{ "id": "a", "target": "a", "checksum": "", "frames": {frames} }}]"#
        ))
    };
    let json = slot(r#"{ "stored": [1, 2], "content": [3, 4], "digests": "x" }"#);
    let metadata = Metadata::parse(json.as_bytes()).unwrap();
    let frames = metadata.slots[0].frames.as_ref().unwrap();
    assert_eq!((&frames.stored[..], &*frames.digests), (&[1, 2][..], "x"));
    for frames in [
        "[]",
        "1",
        r#"{ "stored": 1 }"#,
        r#"{ "stored": [-1] }"#,
        r#"{ "stored": [1.5] }"#,
        r#"{ "content": ["1"] }"#,
        r#"{ "digests": [] }"#,
        r#"{ "stored": [1], "stored": [1] }"#,
    ] {
        refusal(&slot(frames));
    }
    let many = vec!["1"; 65_537].join(",");
    assert!(refusal(&slot(&format!(r#"{{ "stored": [{many}] }}"#))).contains("too many frames"));
}

#[test]
fn metadata_parse_reads_what_the_launcher_was_built_from() {
    let json =
        document(r#", "launcher": { "tool": "l", "tool_version": "1.2", "source": "sha256:ab" }"#);
    let launcher = Metadata::parse(json.as_bytes()).unwrap().launcher.unwrap();
    assert_eq!(
        (&*launcher.tool_version, &*launcher.source),
        ("1.2", "sha256:ab")
    );
}
