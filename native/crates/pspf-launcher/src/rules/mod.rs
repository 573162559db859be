//! What the metadata says about a start, as pure functions: nothing here touches a file, a process
//! or the environment.

pub mod environment;
pub mod environment_rules;
pub mod glob;
pub mod names;
pub mod record;
pub mod template;
pub mod words;
