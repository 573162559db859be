//! What the metadata says about a start, as pure functions: nothing here touches a file, a process
//! or the environment.

pub(crate) mod environment;
pub(crate) mod environment_rules;
pub(crate) mod glob;
pub(crate) mod placeholders;
pub(crate) mod record;
pub(crate) mod template;
pub(crate) mod words;
