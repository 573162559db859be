//! The placeholders: `{workenv}` `{package_name}` `{version}` `{slot:N}` `{primary}` `{os}`
//! `{arch}` `{platform}`.

use pspf_format::agreement::CheckedSlot;
use pspf_format::metadata::SlotMetadata;
use pspf_format::{Error, ErrorKind, Metadata, Result};

use super::template::{Template, WORKENV_MARK};
use crate::package::Contents;
use crate::platform::{Os, Platform};

/// This processor architecture in the format's words.
const ARCH: &str = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => "amd64",
    b"aarch64" => "arm64",
    _ => std::env::consts::ARCH,
};

/// What the placeholders stand for in one package on one platform.
#[derive(Debug)]
pub(crate) struct Placeholders<'a> {
    metadata: &'a Metadata<'a>,
    slots: &'a [CheckedSlot],
    os: &'a str,
    arch: &'a str,
}

/// Which slots a text may refer to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slots {
    Known,
    /// A slot's own target cannot depend on the place of another.
    None,
}

impl<'a> Placeholders<'a> {
    /// The placeholders of a package on this machine.
    pub(crate) fn of(contents: &'a Contents<'a>) -> Self {
        Self::new(&contents.metadata, &contents.slots, Os::NAME, ARCH)
    }

    /// Takes the document, what was found about each of its slots, and the platform in the format's words
    /// (`linux`, `amd64`).
    pub(crate) fn new(
        metadata: &'a Metadata<'a>,
        slots: &'a [CheckedSlot],
        os: &'a str,
        arch: &'a str,
    ) -> Self {
        Self {
            metadata,
            slots,
            os,
            arch,
        }
    }

    /// Replaces every placeholder but the workenv's path. Text in braces that is no placeholder
    /// stays as it is.
    pub(crate) fn compile(&self, text: &str) -> Result<Template<'static>> {
        self.replace(text, Slots::Known).map(Template::from_marked)
    }

    /// Where a slot's content goes, relative to the workenv: its target with the placeholders
    /// replaced and the workenv itself left out. Empty where that is the workenv. Not yet checked
    /// for leaving it.
    pub(crate) fn target(&self, slot: &SlotMetadata<'_>) -> Result<String> {
        let target = self.replace(&slot.target, Slots::None)?;
        Ok(target.replace("\0/", "").replace(WORKENV_MARK, ""))
    }

    /// The platform as one word, such as `linux_amd64`.
    pub(crate) fn platform(&self) -> String {
        format!("{}_{}", self.os, self.arch)
    }

    /// The operating system in the format's words.
    pub(crate) fn os(&self) -> &str {
        self.os
    }

    fn replace(&self, text: &str, slots: Slots) -> Result<String> {
        if text.contains(WORKENV_MARK) {
            return Err(Error::new(
                ErrorKind::FormatBadMetadata,
                "a text holds a NUL character, which no program can get",
            )
            .with("text", text.replace(WORKENV_MARK, "\\0")));
        }
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((plain, braced)) = rest.split_once('{') {
            replaced.push_str(plain);
            rest = match braced.split_once('}') {
                Some((name, after)) if self.push_value(&mut replaced, name, slots)? => after,
                _ => {
                    replaced.push('{');
                    braced
                }
            };
        }
        replaced.push_str(rest);
        Ok(replaced)
    }

    /// Appends what a name in braces stands for. False where it is no placeholder.
    fn push_value(&self, text: &mut String, name: &str, slots: Slots) -> Result<bool> {
        match name {
            "workenv" => text.push(WORKENV_MARK),
            "package_name" => text.push_str(plain(&self.metadata.package.name)?),
            "version" => text.push_str(plain(&self.metadata.package.version)?),
            "os" => text.push_str(self.os),
            "arch" => text.push_str(self.arch),
            "platform" => text.push_str(&self.platform()),
            "primary" => {
                text.push_str(&self.slot_path(
                    self.metadata.execution.primary_slot,
                    name,
                    slots,
                )?);
            }
            _ => {
                let Some(number) = name.strip_prefix("slot:") else {
                    return Ok(false);
                };
                let number = number.parse().map_err(|_| unknown_slot(name))?;
                text.push_str(&self.slot_path(number, name, slots)?);
            }
        }
        Ok(true)
    }

    fn slot_path(&self, number: u64, name: &str, slots: Slots) -> Result<String> {
        if slots == Slots::None {
            return Err(unknown_slot(name).hint("a slot's own target cannot refer to a slot"));
        }
        let mut slots = self.metadata.slots.iter().zip(self.slots);
        let (slot, checked) = slots
            .find(|(slot, _)| slot.slot == number)
            .ok_or_else(|| unknown_slot(name))?;
        let target = if checked.chain.is_archive() {
            String::new()
        } else {
            self.target(slot)?
        };
        Ok(if target.is_empty() {
            WORKENV_MARK.to_string()
        } else {
            format!("{WORKENV_MARK}/{target}")
        })
    }
}

/// Name and version come from the document as well, and go into arguments as well.
fn plain(text: &str) -> Result<&str> {
    if text.contains(WORKENV_MARK) {
        return Err(Error::new(
            ErrorKind::FormatBadMetadata,
            "the package's name or version holds a NUL character",
        ));
    }
    Ok(text)
}

fn unknown_slot(name: &str) -> Error {
    Error::new(
        ErrorKind::FormatBadMetadata,
        "a placeholder names a slot that the package does not have",
    )
    .with("placeholder", format_args!("{{{name}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pspf_format::OperationChain;
    use std::ffi::OsStr;

    const DOCUMENT: &[u8] = br#"{
        "format": "PSPF/2025",
        "package": { "name": "demo", "version": "1.2" },
        "execution": { "primary_slot": 1, "command": "x" },
        "slots": [
            { "slot": 0, "id": "a", "target": "{workenv}/share/{version}.txt", "checksum": "x" },
            { "slot": 1, "id": "b", "target": "bin/{os}/run", "checksum": "x" },
            { "slot": 2, "id": "c", "target": "ignored", "checksum": "x" },
            { "slot": 3, "id": "d", "target": "{slot:1}", "checksum": "x" }
        ]
    }"#;

    fn with_placeholders(check: impl Fn(&Placeholders<'_>)) {
        let metadata = Metadata::parse(DOCUMENT).unwrap();
        let slots = ["raw", "gzip", "tar.gz", "raw"].map(|chain| CheckedSlot {
            chain: OperationChain::parse(chain).unwrap(),
            mode: 0o644,
            frames: Vec::new(),
        });
        check(&Placeholders::new(&metadata, &slots, "linux", "amd64"));
    }

    #[test]
    fn compile_replaces_every_placeholder() {
        with_placeholders(|placeholders| {
            for (text, expanded) in [
                ("{workenv}/bin/app", "/w/bin/app"),
                ("{package_name}-{version}", "demo-1.2"),
                ("{os}/{arch}/{platform}", "linux/amd64/linux_amd64"),
                ("{slot:0}", "/w/share/1.2.txt"),
                ("{primary}", "/w/bin/linux/run"),
                ("{slot:2}/lib", "/w/lib"),
                ("{unknown} {} { {workenv", "{unknown} {} { {workenv"),
                ("{{workenv}}", "{/w}"),
                ("", ""),
            ] {
                assert_eq!(
                    placeholders.compile(text).unwrap().expand(OsStr::new("/w")),
                    expanded,
                    "{text}"
                );
            }
        });
    }

    #[test]
    fn compile_refuses_unknown_slots_and_nul() {
        with_placeholders(|placeholders| {
            for text in [
                "{slot:4}",
                "{slot:}",
                "{slot:-1}",
                "{slot:x}",
                "a\0b",
                "{slot:3}",
            ] {
                assert_eq!(
                    placeholders.compile(text).unwrap_err().code(),
                    "format/bad-metadata",
                    "{text}"
                );
            }
        });
    }

    #[test]
    fn target_is_relative_to_the_workenv() {
        with_placeholders(|placeholders| {
            let target = |text: &'static str| {
                placeholders
                    .target(&SlotMetadata {
                        target: text.into(),
                        ..SlotMetadata::default()
                    })
                    .unwrap()
            };
            assert_eq!(target("{workenv}"), "");
            assert_eq!(target("{workenv}/a/b"), "a/b");
            assert_eq!(target("{workenv}a"), "a");
            assert_eq!(target("a/{workenv}/b"), "a/b");
            assert_eq!(target(".{workenv}./x"), "../x");
            assert_eq!(target("/etc/{arch}"), "/etc/amd64");
            assert_eq!(target("../x"), "../x");
        });
    }
}
