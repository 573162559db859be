//! The workenv: filling it, checking it, preparing it for one start.

mod after_setup;
mod config;
mod extract_all;
mod fill;
mod per_start;
mod record_file;
mod setup;

pub(crate) use self::after_setup::{Kind, Thing, Things, decode as decode_setup};
pub(crate) use self::fill::Fill;
pub(crate) use self::per_start::{after_exit, refresh_per_start};
pub(crate) use self::record_file::{StoredRecord, make_durable, store};
pub(crate) use self::setup::declared_directories;
