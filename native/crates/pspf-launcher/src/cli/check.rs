//! One named check and its outcome, for `verify`.

use pspf_format::{Error, Result};

use crate::json::JsonObject;

/// A check and what came of it.
pub(super) struct Check {
    name: String,
    failure: Option<Error>,
}

impl Check {
    /// Takes an outcome.
    pub(super) fn new(name: impl Into<String>, result: Result<()>) -> Self {
        Self {
            name: name.into(),
            failure: result.err(),
        }
    }

    /// Why it failed, if it did.
    pub(super) const fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// One line for people.
    pub(super) fn line(&self) -> String {
        match &self.failure {
            None => format!("ok    {}\n", self.name),
            Some(error) => format!("FAIL  {}: {error} [{}]\n", self.name, error.code()),
        }
    }

    /// One object for programs.
    pub(super) fn json(&self) -> String {
        let object = JsonObject::new()
            .text("name", &self.name)
            .flag("ok", self.failure.is_none());
        match &self.failure {
            None => object.finish(),
            Some(error) => object
                .text("code", error.code())
                .text("message", &error.to_string())
                .finish(),
        }
    }
}
