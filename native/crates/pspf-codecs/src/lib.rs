//! The compressions that a runtime may lack, from the crates that the launcher decodes with.
//!
//! `scripts/build_codecs` makes the WebAssembly module of it that travels inside of the TypeScript library; the native builder
//! links the encoders, so that both write the same bytes.

mod decode;
pub mod encode;
#[cfg(target_arch = "wasm32")]
mod exports;

pub use decode::{Compression, Failure, StreamDecoder};
