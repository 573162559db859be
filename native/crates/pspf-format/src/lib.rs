//! The PSPF/2025 package format: parsing and checking, and with the feature `write` encoding.
//!
//! This crate is pure. It reads no file, no environment and no clock; it takes bytes and gives
//! values, and it never panics on what it is given. `no_std` makes the compiler hold it to that.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod adler32;
pub mod agreement;
pub mod base64;
pub mod constants;
pub mod error;
pub mod error_kind;
mod fields;
pub mod frames;
pub mod hex;
pub mod index;
pub mod json_reader;
pub mod metadata;
pub mod mode;
pub mod operation;
pub mod operation_chain;
pub mod platform_signature;
pub mod seal;
pub mod section;
pub mod signature;
pub mod slot;
pub mod trailer;
#[cfg(feature = "write")]
pub mod write;

pub use error::{Error, Result};
pub use error_kind::ErrorKind;
pub use index::{Index, IndexChecksum};
pub use metadata::Metadata;
pub use operation::Operation;
pub use operation_chain::OperationChain;
pub use seal::Seal;
pub use section::Section;
pub use slot::SlotDescriptor;
pub use trailer::IndexBlock;
