//! What a directory leaves out by itself: history, caches, and what its ignore file names.

use std::fs;
use std::path::Path;

use pspf_format::Result;

use crate::failure::from_io;
use crate::glob::Whole;

/// What no package is made of.
const NEVER_PACKED: &str = ".git\n.hg\n.svn\n.DS_Store\n.mypy_cache/\n.pytest_cache/\n.ruff_cache/";

struct Line {
    glob: Whole,
    is_negated: bool,
    directories_only: bool,
}

/// The lines of several ignore files; of each file a later line wins over an earlier one.
pub(crate) struct Ignores(Vec<Vec<Line>>);

impl Ignores {
    /// Reads the ignore file of a directory, the first that there is.
    pub(crate) fn read(directory: &Path, names: &[&str]) -> Result<Self> {
        let mut rules = vec![parse(NEVER_PACKED)];
        let paths = names.iter().map(|name| directory.join(name));
        if let Some(path) = paths.into_iter().find(|path| path.is_file()) {
            let bytes = fs::read(&path).map_err(|error| from_io(&error, "read", &path))?;
            rules.push(parse(&String::from_utf8_lossy(&bytes)));
        }
        Ok(Self(rules))
    }

    /// Whether an entry is left out. Its parents are not: what is in them is not even listed.
    pub(crate) fn ignores(&self, path: &str, is_directory: bool) -> bool {
        self.0.iter().any(|lines| {
            let of_it = lines
                .iter()
                .rfind(|line| (is_directory || !line.directories_only) && line.glob.is_match(path));
            of_it.is_some_and(|line| !line.is_negated)
        })
    }
}

fn parse(text: &str) -> Vec<Line> {
    text.split('\n').filter_map(compile).collect()
}

fn compile(raw: &str) -> Option<Line> {
    // A space at the end counts only behind a backslash.
    let mut text = raw.trim_end();
    if text.ends_with('\\') && text.len() < raw.len() {
        text = &raw[..text.len() + raw[text.len()..].chars().next().map_or(0, char::len_utf8)];
    }
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let is_negated = text.starts_with('!');
    let pattern = text.strip_prefix('!').unwrap_or(text);
    let pattern = pattern
        .strip_prefix('\\')
        .filter(|rest| rest.starts_with(['!', '#']))
        .unwrap_or(pattern);
    let bare = pattern.strip_suffix('/').unwrap_or(pattern);
    let inner = bare.strip_prefix('/').unwrap_or(bare);
    let glob = if bare.contains('/') {
        Whole::new(inner)
    } else {
        Whole::new(&format!("**/{inner}"))
    };
    Some(Line {
        glob,
        is_negated,
        directories_only: pattern.ends_with('/'),
    })
}

#[cfg(test)]
mod tests {
    use super::{Ignores, parse};

    #[test]
    fn ignores_reads_what_git_reads() {
        let ignores = Ignores(vec![parse(
            "# no\n*.log\n!keep.log\n/top\nlogs/\na/b\n\\#x\r\n",
        )]);
        for (path, is_directory, expected) in [
            ("x.log", false, true),
            ("d/x.log", false, true),
            ("d/keep.log", false, false),
            ("top", false, true),
            ("d/top", false, false),
            ("logs", false, false),
            ("d/logs", true, true),
            ("a/b", false, true),
            ("d/a/b", false, false),
            ("#x", false, true),
            ("no", false, false),
        ] {
            assert_eq!(ignores.ignores(path, is_directory), expected, "{path}");
        }
    }
}
