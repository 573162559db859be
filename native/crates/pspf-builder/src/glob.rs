//! Chooses members of a tree by glob patterns, as the toolkit reads them.

/// A pattern of `include` or `exclude`.
pub(crate) struct Pattern {
    pub(crate) text: String,
    nodes: Vec<Node>,
    /// Whether it is matched against the last part of a path only.
    by_name: bool,
    directories_only: bool,
    pub(crate) is_used: bool,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        let trimmed = text.trim_end_matches('/');
        let inner = text
            .strip_prefix('.')
            .filter(|rest| rest.starts_with('/'))
            .unwrap_or(text);
        let inner = inner
            .strip_prefix('/')
            .unwrap_or(inner)
            .trim_end_matches('/');
        Self {
            text: text.to_owned(),
            nodes: compile(inner),
            by_name: !trimmed.contains('/'),
            directories_only: text.ends_with('/'),
            is_used: false,
        }
    }
}

/// A pattern that is compared with whole paths.
pub(crate) struct Whole(Vec<Node>);

impl Whole {
    pub(crate) fn new(glob: &str) -> Self {
        Self(compile(glob))
    }

    pub(crate) fn is_match(&self, path: &str) -> bool {
        is_match(&self.0, path)
    }
}

/// Tries the path itself and every directory above it.
pub(crate) fn matches(patterns: &mut [Pattern], path: &str, is_directory: bool) -> bool {
    let mut end = path.len();
    while !patterns.is_empty() && end > 0 {
        let part = &path[..end];
        let is_directory = is_directory || end < path.len();
        let name = part.rsplit('/').next().unwrap_or(part);
        for pattern in patterns.iter_mut() {
            let subject = if pattern.by_name { name } else { part };
            if pattern.directories_only && !is_directory || !is_match(&pattern.nodes, subject) {
                continue;
            }
            pattern.is_used = true;
            return true;
        }
        end = part.rfind('/').unwrap_or(0);
    }
    false
}

#[derive(Clone)]
enum Node {
    Char(char),
    /// `?`
    Any,
    /// `*`
    Wildcard,
    /// `**` between slashes
    Globstar,
    Class {
        is_negated: bool,
        ranges: Vec<(char, char)>,
    },
    Either(Vec<Vec<Self>>),
}

fn is_match(nodes: &[Node], subject: &str) -> bool {
    // What an empty pattern is: nothing matches it.
    !nodes.is_empty()
        && try_match(nodes, subject, &mut |rest| {
            rest.trim_matches('/').is_empty()
        })
}

fn try_match(nodes: &[Node], text: &str, then: &mut dyn FnMut(&str) -> bool) -> bool {
    let Some((first, rest)) = nodes.split_first() else {
        return then(text);
    };
    let mut characters = text.chars();
    let next = characters.next();
    let behind = characters.as_str();
    match first {
        Node::Char(expected) => next == Some(*expected) && try_match(rest, behind, then),
        Node::Any => next.is_some_and(|c| c != '\n') && try_match(rest, behind, then),
        Node::Class { is_negated, ranges } => {
            next.is_some_and(|c| {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *is_negated
            }) && try_match(rest, behind, then)
        }
        Node::Wildcard => {
            let longest = text.find('/').unwrap_or(text.len());
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.take_while(|end| *end <= longest)
                .any(|end| try_match(rest, &text[end..], then))
        }
        Node::Globstar => {
            let ends = text.match_indices('/').map(|(at, _)| at + 1);
            std::iter::once(0)
                .chain(ends)
                .chain([text.len()])
                .any(|end| try_match(rest, &text[end..], then))
        }
        Node::Either(options) => options
            .iter()
            .any(|option| try_match(option, text, &mut |behind| try_match(rest, behind, then))),
    }
}

fn compile(glob: &str) -> Vec<Node> {
    let glob: Vec<char> = glob.chars().collect();
    let mut nodes = Vec::new();
    let mut start = 0;
    while start < glob.len() {
        let (segment, end) = compile_segment(&glob, start);
        let ends_with_separator = matches!(segment.last(), Some(Node::Globstar));
        nodes.extend(segment);
        start = end;
        if start < glob.len() && !ends_with_separator {
            nodes.push(Node::Char('/'));
        }
        while glob.get(start) == Some(&'/') {
            start += 1;
        }
    }
    nodes
}

/// One name of a pattern, and where it ends. What is not well formed is taken literally.
fn compile_segment(glob: &[char], start: usize) -> (Vec<Node>, usize) {
    // The alternatives of each open brace, behind those of the segment itself.
    let mut open: Vec<Vec<Vec<Node>>> = vec![vec![Vec::new()]];
    let mut at = start;
    let mut is_sound = true;
    while at < glob.len() && !(glob[at] == '/' && open.len() == 1) {
        let node = match glob[at] {
            '\\' => {
                at += 1;
                match glob.get(at) {
                    Some(escaped) => Node::Char(*escaped),
                    None => {
                        is_sound = false;
                        break;
                    }
                }
            }
            '[' => match compile_class(glob, at) {
                Some((class, end)) => {
                    at = end;
                    class
                }
                None => {
                    // Nothing behind it ends the segment any more.
                    is_sound = false;
                    at = glob.len();
                    break;
                }
            },
            '?' => Node::Any,
            '{' => {
                open.push(vec![Vec::new()]);
                at += 1;
                continue;
            }
            '}' if open.len() > 1 => Node::Either(open.pop().unwrap_or_default()),
            ',' if open.len() > 1 => {
                if let Some(options) = open.last_mut() {
                    options.push(Vec::new());
                }
                at += 1;
                continue;
            }
            '*' => {
                let first = at;
                while glob.get(at + 1) == Some(&'*') {
                    at += 1;
                }
                let is_edge = |c: Option<&char>| matches!(c, None | Some('/'));
                let before = first.checked_sub(1).and_then(|before| glob.get(before));
                if at - first == 1 && is_edge(before) && is_edge(glob.get(at + 1)) {
                    Node::Globstar
                } else {
                    Node::Wildcard
                }
            }
            other => Node::Char(other),
        };
        at += 1;
        if let Some(option) = open.last_mut().and_then(|options| options.last_mut()) {
            option.push(node);
        }
    }
    let end = at.min(glob.len());
    if is_sound && open.len() == 1 {
        let nodes = open
            .pop()
            .and_then(|mut options| options.pop())
            .unwrap_or_default();
        return (nodes, end);
    }
    (
        glob[start..end].iter().copied().map(Node::Char).collect(),
        end,
    )
}

/// A class like `[a-z]` or `[!x]`, and where its bracket closes.
fn compile_class(glob: &[char], start: usize) -> Option<(Node, usize)> {
    let mut at = start + 1;
    let is_negated = glob.get(at) == Some(&'!');
    if is_negated {
        at += 1;
    }
    let mut ranges: Vec<(char, char)> = Vec::new();
    loop {
        let mut from = *glob.get(at)?;
        match from {
            ']' => return Some((Node::Class { is_negated, ranges }, at)),
            '[' if glob.get(at + 1) == Some(&':') => {
                let end = (at + 2..glob.len())
                    .find(|end| glob[*end] == ':' && glob.get(end + 1) == Some(&']'))?;
                let name: String = glob[at + 2..end].iter().collect();
                ranges.extend(class_ranges(&name));
                at = end + 2;
                continue;
            }
            '\\' => {
                at += 1;
                from = *glob.get(at)?;
            }
            _ => {}
        }
        let to = match (glob.get(at + 1), glob.get(at + 2)) {
            (Some('-'), Some(to)) if *to != ']' => {
                at += 2;
                *to
            }
            _ => from,
        };
        ranges.push((from, to));
        at += 1;
    }
}

fn class_ranges(name: &str) -> Vec<(char, char)> {
    match name {
        "alnum" => vec![('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => vec![('A', 'Z'), ('a', 'z')],
        "blank" => vec![('\t', '\t'), (' ', ' ')],
        "digit" => vec![('0', '9')],
        "graph" => vec![('!', '~')],
        "lower" => vec![('a', 'z')],
        "print" => vec![(' ', '~')],
        "punct" => vec![('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => vec![('\t', '\r'), (' ', ' ')],
        "upper" => vec![('A', 'Z')],
        "word" => vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        "xdigit" => vec![('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_the_toolkit_does() {
        for (pattern, path, is_directory, expected) in [
            ("*.pyc", "a/b/c.pyc", false, true),
            ("*.pyc", "c.py", false, false),
            ("bin/**", "bin/a/b", false, true),
            ("**/x", "a/b/x", false, true),
            ("**/x", "x", false, true),
            ("a/*/c", "a/b/d/c", false, false),
            (".git/", ".git", true, true),
            (".git/", ".git", false, false),
            (".git/", ".git/config", false, true),
            ("{a,b}.txt", "d/b.txt", false, true),
            ("[a-c]?", "bz", false, true),
            ("[!a-c]?", "bz", false, false),
            ("a[", "a[", false, true),
            ("./lib", "lib/x", false, true),
            ("lib/x", "y/lib/x", false, false),
        ] {
            let actual = matches(&mut [Pattern::new(pattern)], path, is_directory);
            assert_eq!(actual, expected, "{pattern} {path}");
        }
    }
}
