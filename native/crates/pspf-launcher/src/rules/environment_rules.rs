//! What becomes of the inherited environment.
//!
//! The order is fixed: inherited, `runtime.env` (pass, unset, map, set), `workenv.env`,
//! `execution.env`, `FLAVOR_*`, and last the prefix of `PATH`. Setup commands and the program get
//! the same.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};

use pspf_format::metadata::{RuntimeEnv, StringMap};
use pspf_format::{Error, ErrorKind, Metadata, Result};

use super::environment::{Environment, NameCase};
use super::glob::{is_pattern, matches_name};
use super::placeholders::Placeholders;
use super::template::Template;

/// Without these, hardly a program starts on Windows; `unset` leaves them alone there.
const WINDOWS_KEEP: [&str; 7] = [
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "TEMP",
    "TMP",
    "PATHEXT",
    "COMSPEC",
];

/// What becomes of the inherited environment, with every placeholder but the workenv's path
/// replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EnvironmentRules<'a> {
    /// Names or patterns that `unset` and `map` leave alone.
    pub(crate) pass: Vec<Cow<'a, str>>,
    /// Names or patterns to remove.
    pub(crate) unset: Vec<Cow<'a, str>>,
    /// New names by old name.
    pub(crate) map: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Variables to set, one after the other.
    pub(crate) set: Vec<(Cow<'a, str>, Template<'a>)>,
    /// Directories that come first in `PATH`.
    pub(crate) path_prefix: Vec<Template<'a>>,
}

/// What only the start itself knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    /// Absolute path of the workenv.
    pub(crate) workenv: &'a OsStr,
    /// Base name of the package as it was invoked.
    pub(crate) command_name: &'a OsStr,
    /// The launcher's `argv[0]` as it was typed.
    pub(crate) original_command: &'a OsStr,
}

impl EnvironmentRules<'static> {
    /// Collects the rules of a package.
    pub(crate) fn compile(
        metadata: &Metadata<'_>,
        placeholders: &Placeholders<'_>,
    ) -> Result<Self> {
        let RuntimeEnv {
            pass,
            unset,
            map,
            set,
        } = &metadata.runtime_env;
        let mut rules = Self {
            pass: owned(pass),
            unset: owned(unset),
            map: map
                .iter()
                .map(|(old, new)| Ok((valid_name(old)?, valid_name(new)?)))
                .collect::<Result<_>>()?,
            set: Vec::new(),
            path_prefix: vec![placeholders.compile("{workenv}/bin")?],
        };
        if placeholders.os() == "windows" {
            rules
                .path_prefix
                .push(placeholders.compile("{workenv}/Scripts")?);
        }
        for section in [set, &metadata.workenv.env, &metadata.execution.env] {
            rules.add(section, placeholders)?;
        }
        for (name, value) in [
            ("FLAVOR_ARCH", "{arch}"),
            ("FLAVOR_OS", "{os}"),
            ("FLAVOR_PACKAGE", "{package_name}"),
            ("FLAVOR_PLATFORM", "{platform}"),
            ("FLAVOR_VERSION", "{version}"),
            ("FLAVOR_WORKENV", "{workenv}"),
        ] {
            rules.set.push((name.into(), placeholders.compile(value)?));
        }
        Ok(rules)
    }

    fn add(&mut self, section: &StringMap<'_>, placeholders: &Placeholders<'_>) -> Result<()> {
        for (name, value) in section {
            let value = placeholders
                .compile(value)
                .map_err(|error| error.with("variable", name))?;
            self.set.push((valid_name(name)?, value));
        }
        Ok(())
    }
}

impl EnvironmentRules<'_> {
    /// Applies the rules. The result has no name twice and is sorted.
    pub(crate) fn compose(
        &self,
        inherited: impl IntoIterator<Item = (OsString, OsString)>,
        case: NameCase,
        start: Start<'_>,
    ) -> Vec<(OsString, OsString)> {
        let mut environment = Environment::new(inherited, case);
        self.unset(&mut environment);
        self.map(&mut environment);
        for (name, value) in &self.set {
            environment.set(&**name, value.expand(start.workenv));
        }
        environment.set("FLAVOR_COMMAND_NAME", start.command_name);
        environment.set("FLAVOR_ORIGINAL_COMMAND", start.original_command);
        self.prefix_path(&mut environment, start.workenv);
        environment.into_variables()
    }

    fn unset(&self, environment: &mut Environment) {
        if self.unset.is_empty() {
            return;
        }
        let case = environment.case();
        environment.retain(|name| {
            self.is_passed(name, case)
                || !self.unset.iter().any(|pattern| fits(pattern, name, case))
        });
    }

    /// Renames all at once, so that neither a chain nor a swap of names depends on an order.
    fn map(&self, environment: &mut Environment) {
        let case = environment.case();
        let mut renamed = Vec::with_capacity(self.map.len());
        for (old, new) in &self.map {
            if self.is_passed(OsStr::new(&**old), case) {
                continue;
            }
            renamed.extend(environment.take(&**old).map(|value| (new, value)));
        }
        for (new, value) in renamed {
            environment.set(&**new, value);
        }
    }

    fn is_passed(&self, name: &OsStr, case: NameCase) -> bool {
        let kept =
            case == NameCase::Ignored && WINDOWS_KEEP.iter().any(|keep| fits(keep, name, case));
        kept || self.pass.iter().any(|pattern| fits(pattern, name, case))
    }

    fn prefix_path(&self, environment: &mut Environment, workenv: &OsStr) {
        let separator = match environment.case() {
            NameCase::Ignored => ";",
            NameCase::Sensitive => ":",
        };
        let mut path = OsString::new();
        for directory in &self.path_prefix {
            if !path.is_empty() {
                path.push(separator);
            }
            path.push(directory.expand_path(workenv));
        }
        // An empty element would mean the working directory.
        if let Some(rest) = environment.get("PATH").filter(|rest| !rest.is_empty()) {
            path.push(separator);
            path.push(rest);
        }
        environment.set("PATH", path);
    }
}

fn fits(pattern: &str, name: &OsStr, case: NameCase) -> bool {
    let (name, ignore_case) = (name.as_encoded_bytes(), case == NameCase::Ignored);
    if is_pattern(pattern) {
        matches_name(pattern, name, ignore_case)
    } else if ignore_case {
        pattern.as_bytes().eq_ignore_ascii_case(name)
    } else {
        pattern.as_bytes() == name
    }
}

fn owned(texts: &[Cow<'_, str>]) -> Vec<Cow<'static, str>> {
    texts
        .iter()
        .map(|text| Cow::Owned(text.as_ref().to_owned()))
        .collect()
}

fn valid_name(name: &str) -> Result<Cow<'static, str>> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Error::new(
            ErrorKind::FormatBadMetadata,
            "a variable's name is empty or holds = or NUL",
        )
        .with("variable", name.replace('\0', "\\0")));
    }
    Ok(Cow::Owned(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: (&str, &str, &str) = ("/w e", "demo", "./demo.psp");

    fn compose_with(
        runtime: &str,
        rest: &str,
        inherited: &[(&str, &str)],
        case: NameCase,
    ) -> Vec<String> {
        let document = format!(
            r#"{{ "format": "PSPF/2025", "package": {{ "name": "demo", "version": "1" }},
                "runtime": {{ "env": {runtime} }} {rest} }}"#
        );
        let metadata = Metadata::parse(document.as_bytes()).unwrap();
        let os = if case == NameCase::Ignored {
            "windows"
        } else {
            "linux"
        };
        let rules =
            EnvironmentRules::compile(&metadata, &Placeholders::new(&metadata, &[], os, "amd64"))
                .unwrap();
        let (workenv, command_name, original_command) = START;
        let start = Start {
            workenv: OsStr::new(workenv),
            command_name: OsStr::new(command_name),
            original_command: OsStr::new(original_command),
        };
        let inherited = inherited
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        let composed = rules.compose(inherited, case, start);
        composed
            .iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect()
    }

    /// The variables that every start sets are left out.
    fn compose(runtime: &str, rest: &str, inherited: &[(&str, &str)]) -> Vec<String> {
        let mut composed = compose_with(runtime, rest, inherited, NameCase::Sensitive);
        composed.retain(|line| !line.starts_with("FLAVOR_") && !line.starts_with("PATH="));
        composed
    }

    #[test]
    fn compose_sets_its_own_variables_last() {
        let rest = r#", "execution": { "env": { "FLAVOR_OS": "x", "PATH": "/p" } }"#;
        let inherited = [
            ("FLAVOR_WORKENV", "outer"),
            ("FLAVOR_PACKAGE", "outer"),
            ("PATH", "/usr/bin"),
        ];
        assert_eq!(
            compose_with(
                r#"{ "unset": ["*"] }"#,
                rest,
                &inherited,
                NameCase::Sensitive
            ),
            [
                "FLAVOR_ARCH=amd64",
                "FLAVOR_COMMAND_NAME=demo",
                "FLAVOR_ORIGINAL_COMMAND=./demo.psp",
                "FLAVOR_OS=linux",
                "FLAVOR_PACKAGE=demo",
                "FLAVOR_PLATFORM=linux_amd64",
                "FLAVOR_VERSION=1",
                "FLAVOR_WORKENV=/w e",
                "PATH=/w e/bin:/p",
            ]
        );
    }

    #[test]
    fn compose_prefixes_path_without_adding_the_working_directory() {
        let path = |inherited: &[(&str, &str)], case| {
            compose_with("{}", "", inherited, case)
                .into_iter()
                .find(|line| line.starts_with("PATH="))
                .unwrap()
        };
        assert_eq!(
            path(&[("PATH", "/a:/b")], NameCase::Sensitive),
            "PATH=/w e/bin:/a:/b"
        );
        assert_eq!(path(&[("PATH", "")], NameCase::Sensitive), "PATH=/w e/bin");
        assert_eq!(path(&[], NameCase::Sensitive), "PATH=/w e/bin");
        assert_eq!(
            path(&[("PATH", "C:\\a")], NameCase::Ignored),
            "PATH=/w e/bin;/w e/Scripts;C:\\a"
        );
    }

    #[test]
    fn weakness_27_windows_has_its_own_separator_and_directory_of_scripts() {
        let composed = compose_with(
            "{}",
            r#", "execution": { "env": { "PATH": "C:\\first;C:\\second" } }"#,
            &[("Path", "C:\\inherited")],
            NameCase::Ignored,
        );
        let paths: Vec<_> = composed
            .iter()
            .filter(|line| line.to_ascii_uppercase().starts_with("PATH="))
            .map(|line| line.split_once('=').unwrap().1)
            .collect();
        assert_eq!(paths, ["/w e/bin;/w e/Scripts;C:\\first;C:\\second"]);
    }

    #[test]
    fn compose_lets_later_sections_win_and_replaces_placeholders() {
        let rest = r#", "workenv": { "env": { "B": "{workenv}/b", "C": "workenv" } },
            "execution": { "env": { "C": "{package_name}" } }"#;
        let composed = compose(
            r#"{ "set": { "A": "{version}", "B": "set" } }"#,
            rest,
            &[("A", "0"), ("D", "{os}")],
        );
        assert_eq!(composed, ["A=1", "B=/w e/b", "C=demo", "D={os}"]);
    }

    #[test]
    fn compose_unsets_names_and_patterns_but_not_what_passes() {
        let inherited = [
            ("AWS_KEY", "1"),
            ("AWS_REGION", "2"),
            ("HOME", "3"),
            ("LC_ALL", "4"),
            ("LC_X", "5"),
        ];
        let unset = |runtime| compose(runtime, "", &inherited);
        assert_eq!(
            unset(r#"{ "unset": ["*"], "pass": ["HOME", "LC_?"] }"#),
            ["HOME=3", "LC_X=5"]
        );
        assert_eq!(
            unset(r#"{ "unset": ["AWS_*", "HOME"], "pass": ["*_REGION"] }"#),
            ["AWS_REGION=2", "LC_ALL=4", "LC_X=5"]
        );
        assert_eq!(unset(r#"{ "unset": ["[AH]*"] }"#), ["LC_ALL=4", "LC_X=5"]);
        assert_eq!(
            unset(r#"{ "pass": ["HOME"] }"#).len(),
            5,
            "pass alone removes nothing"
        );
        assert_eq!(unset(r#"{ "unset": ["aws_key"] }"#).len(), 5);
    }

    #[test]
    fn compose_maps_chains_and_swaps_at_once() {
        let inherited = [("A", "a"), ("B", "b"), ("C", "c")];
        assert_eq!(
            compose(r#"{ "map": { "A": "B", "B": "A" } }"#, "", &inherited),
            ["A=b", "B=a", "C=c"]
        );
        assert_eq!(
            compose(r#"{ "map": { "A": "B", "B": "C" } }"#, "", &inherited),
            ["B=a", "C=b"]
        );
        assert_eq!(
            compose(r#"{ "map": { "A": "X" }, "pass": ["A"] }"#, "", &inherited),
            ["A=a", "B=b", "C=c"]
        );
        assert_eq!(
            compose(r#"{ "map": { "MISSING": "X" } }"#, "", &inherited).len(),
            3
        );
    }

    #[test]
    fn compose_sets_after_unset_and_map() {
        let runtime =
            r#"{ "unset": ["*"], "map": { "A": "B" }, "set": { "A": "set" }, "pass": ["K"] }"#;
        assert_eq!(
            compose(runtime, "", &[("A", "a"), ("K", "k")]),
            ["A=set", "K=k"]
        );
    }

    #[test]
    fn compose_keeps_what_windows_needs_and_ignores_case_there() {
        let inherited = [
            ("SystemRoot", "C:\\Windows"),
            ("Secret", "s"),
            ("Path", "p"),
        ];
        let composed = compose_with(
            r#"{ "unset": ["s*", "PATH"] }"#,
            "",
            &inherited,
            NameCase::Ignored,
        );
        assert!(composed.contains(&"SystemRoot=C:\\Windows".to_owned()));
        assert!(!composed.iter().any(|line| line.starts_with("Secret")));
        assert!(composed.contains(&"PATH=/w e/bin;/w e/Scripts".to_owned()));
    }

    #[test]
    fn compile_refuses_names_that_no_environment_can_hold() {
        for runtime in [
            r#"{ "set": { "": "x" } }"#,
            r#"{ "set": { "A=B": "x" } }"#,
            r#"{ "map": { "A": "B\u0000" } }"#,
        ] {
            let document = format!(
                r#"{{ "format": "PSPF/2025", "package": {{ "name": "d", "version": "1" }}, "runtime": {{ "env": {runtime} }} }}"#
            );
            let metadata = Metadata::parse(document.as_bytes()).unwrap();
            let placeholders = Placeholders::new(&metadata, &[], "linux", "amd64");
            assert_eq!(
                EnvironmentRules::compile(&metadata, &placeholders)
                    .unwrap_err()
                    .code(),
                "format/bad-metadata"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn compose_passes_bytes_that_are_not_utf8_through() {
        use std::os::unix::ffi::OsStringExt;
        let raw = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let start = Start {
            workenv: OsStr::new("/w"),
            command_name: &raw(b"d\xFF"),
            original_command: OsStr::new("d"),
        };
        let composed = EnvironmentRules::default().compose(
            [(raw(b"A\xFE"), raw(b"\xFF"))],
            NameCase::Sensitive,
            start,
        );
        assert!(composed.contains(&(raw(b"A\xFE"), raw(b"\xFF"))));
        assert!(composed.contains(&("FLAVOR_COMMAND_NAME".into(), raw(b"d\xFF"))));
    }
}
