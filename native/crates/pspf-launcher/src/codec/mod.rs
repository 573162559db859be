//! From stored bytes to content: the operations of a slot, undone.

mod bounded_reader;
mod bzip2;
mod digest_reader;
mod gzip;
mod layers;
mod parallel;
mod stream_reader;
mod xz;
mod zstd;
mod zstd_frames;

pub(crate) use self::bounded_reader::{BoundedReader, OutputLimit};
pub(crate) use self::digest_reader::DigestReader;
pub(crate) use self::gzip::Gzip;
pub(crate) use self::layers::{Compression, Layers};
pub(crate) use self::parallel::{Parts, parts_of, with_parts_in_parallel};
pub(crate) use self::stream_reader::StreamReader;
