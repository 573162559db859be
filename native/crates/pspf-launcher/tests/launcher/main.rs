//! The built launcher, in front of packages that are made for each test.

#![cfg(unix)]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "in a test a panic is the message"
)]

mod builder;
mod sandbox;
mod tar;

mod applications;
mod cache;
mod compressions;
mod frames;
mod hostile;
mod launcher_words;
mod lifecycles;
mod passage;
mod recheck;
mod setup;
mod spawn;
mod start;
mod trust;
