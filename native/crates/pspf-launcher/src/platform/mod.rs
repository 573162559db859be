//! What differs between operating systems.

#[cfg(all(target_env = "musl", panic = "abort"))]
mod no_unwinding;
#[cfg(unix)]
mod process_unix;
#[cfg(target_env = "musl")]
mod start_arena;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use self::process_unix::*;
#[cfg(unix)]
pub(crate) use self::unix::*;
#[cfg(windows)]
pub(crate) use self::windows::*;
