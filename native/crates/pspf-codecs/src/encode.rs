//! Encoders: one block of content becomes one complete stream, so that blocks are encoded in parallel and their results
//! stand one behind the other.

use std::io::{self, Write};

use bzip2::{Action, Compress, Compression, Status};
use lzma_rust2::{XzOptions, XzWriter};

/// Content of one xz stream, in bytes. Also the largest dictionary: a larger one would never be filled.
pub const XZ_BLOCK: usize = 4 * 1024 * 1024;
/// Content of one bzip2 stream, in bytes: four blocks of the highest level, with room for runs that grow.
pub const BZIP2_BLOCK: usize = 4 * 890_000;

/// Makes an xz stream; the level is 1 to 9.
pub fn xz(content: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let mut options = XzOptions::with_preset(level);
    let most = u32::try_from(XZ_BLOCK).unwrap_or(u32::MAX);
    options.lzma_options.dict_size = options.lzma_options.dict_size.min(most);
    let mut writer = XzWriter::new(Vec::with_capacity(content.len() / 2), options)?;
    writer.write_all(content)?;
    writer.finish()
}

/// Makes a bzip2 stream; the level is 1 to 9.
pub fn bzip2(content: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let mut compress = Compress::new(Compression::new(level), 0);
    let mut output = Vec::with_capacity(content.len() / 2);
    let mut rest = content;
    loop {
        output.reserve(64 * 1024);
        let before = compress.total_in();
        let status = compress
            .compress_vec(rest, &mut output, Action::Finish)
            .map_err(io::Error::other)?;
        let taken = usize::try_from(compress.total_in().saturating_sub(before)).unwrap_or_default();
        rest = rest.get(taken..).unwrap_or_default();
        if matches!(status, Status::StreamEnd) {
            return Ok(output);
        }
    }
}
