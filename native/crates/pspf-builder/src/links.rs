//! Links that every existing launcher can extract: those to directories are replaced by copies, because these launchers fail
//! at nested ones, and the others get the mode of what they lead to, because one of them applies it there.

use std::collections::HashMap;

use pspf_format::{Error, ErrorKind, Result};

use crate::plan::json_quote;
use crate::tree::{Kind, Member};

/// The same number of links that Linux follows.
const MAX_HOPS: usize = 40;

type Taken = Vec<(String, Member)>;

struct Resolver<'a> {
    root: String,
    entries: &'a Taken,
    by_path: HashMap<&'a str, &'a Member>,
    children: HashMap<&'a str, Vec<&'a str>>,
    result: Taken,
}

/// Replaces links to directories by copies. Links that lead outside, to nothing or in a circle are refused.
pub(crate) fn resolve(root: String, entries: &Taken) -> Result<Taken> {
    let mut resolver = Resolver {
        root,
        entries,
        by_path: HashMap::new(),
        children: HashMap::new(),
        result: Vec::new(),
    };
    for (path, member) in entries {
        resolver.by_path.insert(path, member);
        let siblings = resolver.children.entry(parent_of(path)).or_default();
        siblings.push(path);
    }
    for (path, _) in resolver.entries {
        resolver.add(path, path, &[])?;
    }
    Ok(resolver.result)
}

impl<'a> Resolver<'a> {
    /// Adds an entry under a path that may be that of a copy; `inside` are the links that led there.
    fn add(&mut self, entry: &'a str, path: &str, inside: &[&'a str]) -> Result<()> {
        let Some(member) = self.by_path.get(entry).copied() else {
            return Ok(());
        };
        match &member.kind {
            Kind::File { .. } => {
                self.result.push((path.to_owned(), member.clone()));
                Ok(())
            }
            Kind::Directory => self.add_directory(entry, path, inside),
            Kind::Link { target } => {
                let real = self.follow(entry, target)?;
                let Some(found) = self.by_path.get(real).copied() else {
                    return Ok(());
                };
                if matches!(found.kind, Kind::Directory) {
                    let within: Vec<&str> = inside.iter().copied().chain([entry]).collect();
                    return self.add_directory(real, path, &within);
                }
                // A copied link may not reach its file from its new place.
                let copy = if path == entry {
                    Member {
                        kind: member.kind.clone(),
                        mode: found.mode,
                    }
                } else {
                    found.clone()
                };
                self.result.push((path.to_owned(), copy));
                Ok(())
            }
        }
    }

    fn add_directory(&mut self, entry: &'a str, path: &str, inside: &[&'a str]) -> Result<()> {
        let is_within = |link: &&&str| {
            link.strip_prefix(entry)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        if let Some(link) = inside.iter().find(is_within) {
            return Err(self.bad(link, "leads in a circle"));
        }
        let Some(member) = self.by_path.get(entry).copied() else {
            return Ok(());
        };
        self.result.push((path.to_owned(), member.clone()));
        if path == entry {
            return Ok(());
        }
        for child in self.children.get(entry).cloned().unwrap_or_default() {
            let base = child.rsplit('/').next().unwrap_or_default();
            self.add(child, &format!("{path}/{base}"), inside)?;
        }
        Ok(())
    }

    /// Follows a link to the file or directory behind it, inside the tree.
    fn follow(&self, link: &str, target: &str) -> Result<&'a str> {
        let mut base = parent_of(link).to_owned();
        let mut rest: Vec<&str> = target.split('/').rev().collect();
        if target.starts_with('/') {
            return Err(self.bad(link, "is absolute"));
        }
        let mut hops = 1;
        while let Some(part) = rest.pop() {
            match part {
                "" | "." => continue,
                ".." if base.is_empty() => return Err(self.bad(link, "leaves the directory")),
                ".." => {
                    base = parent_of(&base).to_owned();
                    continue;
                }
                _ => {}
            }
            let path = if base.is_empty() {
                part.to_owned()
            } else {
                format!("{base}/{part}")
            };
            let Some(member) = self.by_path.get(path.as_str()).copied() else {
                return Err(self.bad(link, "leads to nothing that is packed"));
            };
            let Kind::Link { target } = &member.kind else {
                base = path;
                continue;
            };
            hops += 1;
            if hops > MAX_HOPS {
                return Err(self.bad(link, "leads in a circle"));
            }
            if target.starts_with('/') {
                return Err(self.bad(link, "is absolute"));
            }
            rest.extend(target.split('/').rev());
        }
        match self.by_path.get_key_value(base.as_str()) {
            Some((path, member)) if !matches!(member.kind, Kind::Link { .. }) => Ok(path),
            _ => Err(self.bad(link, "leads in a circle")),
        }
    }

    fn bad(&self, link: &str, what: &str) -> Error {
        let message = format!(
            "Cannot pack the link {} of {} in the portable profile: it {what}",
            json_quote(link),
            self.root
        );
        Error::new(ErrorKind::BuildFailed, message)
            .hint("Exclude it, put in its place what it points to, or use our launcher")
    }
}

fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
