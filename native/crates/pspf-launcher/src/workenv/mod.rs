//! The workenv: filling it, checking it, preparing it for one start.

mod clear;
mod extract_all;
mod fill;
mod per_start;
mod setup;
mod store;

pub(crate) use self::fill::{Fill, Filled};
pub(crate) use self::per_start::{after_exit, refresh_per_start};
pub(crate) use self::store::{is_still_good, load_record};
