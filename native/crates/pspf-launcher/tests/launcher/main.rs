//! The built launcher, in front of packages that are made for each test.

#![cfg(unix)]

mod builder;
mod sandbox;
mod tar;

mod start;
