//! The cache: where workenvs live, who fills them, who uses them.

mod layout;
mod lease;
mod lock;
mod root;
mod trash;

pub(crate) use self::layout::Layout;
pub(crate) use self::lease::Lease;
pub(crate) use self::lock::{FillLock, Patience};
pub(crate) use self::root::{CacheRoot, check_usable, locate_root};
pub(crate) use self::trash::clear_trash;
