//! The cache: where workenvs live, who fills them, who uses them.

mod applications;
mod clear;
mod lock;
mod paths;
mod root;

pub(crate) use self::applications::Application;
pub(crate) use self::clear::{clear_except, clear_trash, remove_workenv};
pub(crate) use self::lock::{FillLock, Lease, Patience};
pub(crate) use self::paths::WorkenvPaths;
pub(crate) use self::root::{find_root, locate_root, prepare_root};
