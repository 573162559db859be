//! A set of environment variables: no name twice, always in the same order.

use std::cmp::Ordering;
use std::ffi::{OsStr, OsString};

use crate::platform::{Os, Platform};

/// How a platform compares the names of variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameCase {
    /// `Path` and `PATH` are two variables.
    Sensitive,
    /// `Path` and `PATH` are one variable, as on Windows.
    Ignored,
}

impl NameCase {
    /// The rule of the platform that this program runs on.
    pub(crate) const NATIVE: Self = if Os::VARIABLES_IGNORE_CASE {
        Self::Ignored
    } else {
        Self::Sensitive
    };

    /// Whether two names are those of one variable.
    pub(crate) fn is_same(self, a: &OsStr, b: &OsStr) -> bool {
        match self {
            Self::Sensitive => a == b,
            Self::Ignored => a.eq_ignore_ascii_case(b),
        }
    }

    fn compare(self, a: &OsStr, b: &OsStr) -> Ordering {
        match self {
            Self::Sensitive => a.cmp(b),
            Self::Ignored => a.to_ascii_uppercase().cmp(&b.to_ascii_uppercase()),
        }
    }
}

/// Variables sorted by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Environment {
    variables: Vec<(OsString, OsString)>,
    case: NameCase,
}

impl Environment {
    /// Takes variables over. Of a name that comes twice the first counts, as it does for `getenv`.
    pub(crate) fn new(
        inherited: impl IntoIterator<Item = (OsString, OsString)>,
        case: NameCase,
    ) -> Self {
        let mut variables: Vec<_> = inherited.into_iter().collect();
        variables.sort_by(|(a, _), (b, _)| case.compare(a, b));
        variables.dedup_by(|(later, _), (first, _)| case.compare(later, first).is_eq());
        Self { variables, case }
    }

    /// How this environment compares names.
    pub(crate) fn case(&self) -> NameCase {
        self.case
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        let position = self.find(name.as_ref()).ok()?;
        self.variables
            .get(position)
            .map(|(_, value)| value.as_os_str())
    }

    /// Sets a variable, or replaces its value.
    pub(crate) fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        let name = name.into();
        match self.find(&name) {
            Ok(position) => {
                if let Some((_, old)) = self.variables.get_mut(position) {
                    *old = value.into();
                }
            }
            Err(position) => self.variables.insert(position, (name, value.into())),
        }
    }

    /// Takes a variable out, and gives its value.
    pub(crate) fn take(&mut self, name: impl AsRef<OsStr>) -> Option<OsString> {
        let position = self.find(name.as_ref()).ok()?;
        Some(self.variables.remove(position).1)
    }

    /// Keeps the variables whose names are wanted.
    pub(crate) fn retain(&mut self, mut wanted: impl FnMut(&OsStr) -> bool) {
        self.variables.retain(|(name, _)| wanted(name));
    }

    /// The variables, sorted by name.
    pub(crate) fn into_variables(self) -> Vec<(OsString, OsString)> {
        self.variables
    }

    fn find(&self, name: &OsStr) -> Result<usize, usize> {
        self.variables
            .binary_search_by(|(other, _)| self.case.compare(other, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    #[test]
    fn new_sorts_and_keeps_the_first_of_a_name() {
        let environment = Environment::new(
            variables(&[("B", "1"), ("A", "2"), ("B", "3")]),
            NameCase::Sensitive,
        );
        assert_eq!(
            environment.into_variables(),
            variables(&[("A", "2"), ("B", "1")])
        );
    }

    #[test]
    fn set_take_and_get_find_names_by_the_case_rule() {
        let mut unix = Environment::new(variables(&[("Path", "a")]), NameCase::Sensitive);
        unix.set("PATH", "b");
        assert_eq!(unix.into_variables().len(), 2);
        let mut windows =
            Environment::new(variables(&[("Path", "a"), ("A", "")]), NameCase::Ignored);
        windows.set("PATH", "b");
        assert_eq!(windows.get("path").unwrap(), "b");
        assert_eq!(windows.take("PATH").unwrap(), "b");
        assert_eq!(windows.take("PATH"), None);
        assert_eq!(windows.into_variables(), variables(&[("A", "")]));
    }
}
