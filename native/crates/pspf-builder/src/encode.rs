//! Compression, block by block on all cores. Whoever encodes a block gives the same bytes.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use pspf_format::write::cut::UNIT;
use pspf_format::{Error, ErrorKind, Operation, Result};
use sha2::{Digest, Sha256};
use zlib_rs::{Deflate, DeflateFlush};
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

/// Blocks that are read before they are needed, so that nobody waits for a thread to be woken.
const AHEAD: usize = 8;

/// Memory of blocks that are done: fresh memory costs a page fault for every 4 KiB.
static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Empty memory with room for so many bytes.
pub(crate) fn take_memory(size: usize) -> Vec<u8> {
    let spare = SPARE.lock().ok().and_then(|mut spare| spare.pop());
    let mut memory = spare.unwrap_or_default();
    memory.reserve(size);
    memory
}

/// Gives memory back that is worth keeping.
pub(crate) fn give_memory(mut memory: Vec<u8>) {
    if memory.capacity() < UNIT as usize / 4 {
        return;
    }
    memory.clear();
    if let Ok(mut spare) = SPARE.lock()
        && spare.len() < 2 * AHEAD
    {
        spare.push(memory);
    }
}

/// Takes blocks of content.
pub(crate) type Emit<'a> = dyn FnMut(Vec<u8>) -> Result<()> + 'a;
/// Gives content as blocks, which are frames where the slot has frames.
pub(crate) type Content<'a> = dyn FnMut(&mut Emit<'_>) -> Result<()> + Send + 'a;
/// Takes encoded blocks, in order.
pub(crate) type Sink<'a> = dyn FnMut(Encoded) -> Result<()> + 'a;

/// A block that was encoded on its own.
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    /// Length of its content; 0 for what stands around the blocks.
    pub(crate) content: usize,
    /// First bytes of the SHA-256 of what is stored.
    pub(crate) digest: [u8; 16],
}

#[derive(Clone, Copy, PartialEq)]
enum Coding {
    Store,
    Zstd,
    Gzip,
    Xz,
    Bzip2,
}

/// The highest level of an operation, and the one that is used when nobody says.
const fn levels(coding: Coding) -> (u32, u32) {
    match coding {
        Coding::Store => (0, 0),
        Coding::Zstd => (22, 3),
        Coding::Gzip | Coding::Bzip2 => (9, 9),
        Coding::Xz => (9, 6),
    }
}

fn coding_of(operation: Operation) -> Coding {
    match operation {
        Operation::GZIP => Coding::Gzip,
        Operation::BZIP2 => Coding::Bzip2,
        Operation::XZ => Coding::Xz,
        _ => Coding::Zstd,
    }
}

/// Compresses content by all operations, the first one first; without any it is only cut and hashed.
pub(crate) fn encode(
    operations: &[Operation],
    level: Option<u32>,
    jobs: usize,
    content: &mut Content<'_>,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let Some((last, inner)) = operations.split_last() else {
        return run(Coding::Store, 0, jobs, content, sink);
    };
    let coding = coding_of(*last);
    let (most, default) = levels(coding);
    // One level serves every compression, and some have fewer of them.
    let own_level = level.map_or(default, |level| level.min(most));
    if inner.is_empty() {
        return run(coding, own_level, jobs, content, sink);
    }
    let mut recut = |emit: &mut Emit<'_>| {
        let mut cutter = Cutter::new(UNIT as usize);
        encode(inner, level, jobs, content, &mut |block| {
            cutter.push(&block.bytes, emit)
        })?;
        cutter.finish(emit)
    };
    run(coding, own_level, jobs, &mut recut, sink)
}

/// Joins and cuts bytes into blocks of one size.
struct Cutter {
    size: usize,
    block: Vec<u8>,
}

impl Cutter {
    const fn new(size: usize) -> Self {
        Self {
            size,
            block: Vec::new(),
        }
    }

    fn push(&mut self, mut bytes: &[u8], emit: &mut Emit<'_>) -> Result<()> {
        while !bytes.is_empty() {
            let (part, rest) = bytes.split_at(bytes.len().min(self.size - self.block.len()));
            if self.block.capacity() == 0 {
                self.block.reserve_exact(self.size);
            }
            self.block.extend_from_slice(part);
            bytes = rest;
            if self.block.len() == self.size {
                emit(std::mem::take(&mut self.block))?;
            }
        }
        Ok(())
    }

    fn finish(self, emit: &mut Emit<'_>) -> Result<()> {
        if self.block.is_empty() {
            Ok(())
        } else {
            emit(self.block)
        }
    }
}

struct Job {
    block: Vec<u8>,
    is_last: bool,
    reply: Sender<Result<Encoded>>,
}

/// Feeds workers from a thread of its own and takes their results in order. Only so many blocks are on their way that
/// nobody waits.
fn run(
    coding: Coding,
    level: u32,
    jobs: usize,
    content: &mut Content<'_>,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let mut recut;
    let content: &mut Content<'_> = match coding {
        Coding::Xz | Coding::Bzip2 => {
            let size = if coding == Coding::Xz {
                pspf_codecs::encode::XZ_BLOCK
            } else {
                pspf_codecs::encode::BZIP2_BLOCK
            };
            recut = move |emit: &mut Emit<'_>| {
                let mut cutter = Cutter::new(size);
                content(&mut |block| cutter.push(&block, emit))?;
                cutter.finish(emit)
            };
            &mut recut
        }
        _ => content,
    };
    let mut crc = 0;
    let mut size = 0_u32;
    if coding == Coding::Gzip {
        let flags = match level {
            9 => 2,
            1 => 4,
            _ => 0,
        };
        sink(around(vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, flags, 0xff]))?;
    }
    let sums = (&mut crc, &mut size);
    thread::scope(|scope| {
        let (jobs_in, jobs_out) = channel::<Job>();
        let jobs_out = Arc::new(Mutex::new(jobs_out));
        for _ in 0..jobs {
            let jobs = Arc::clone(&jobs_out);
            scope.spawn(move || work(coding, level, &jobs));
        }
        let (ordered_in, ordered_out) = sync_channel(jobs + AHEAD);
        // It drops its ends when it is done, which ends the others.
        let feeder = scope.spawn(move || {
            let (jobs, ordered) = (jobs_in, ordered_in);
            feed(coding, content, &jobs, &ordered, sums)
        });
        let written = take_in_order(&ordered_out, sink);
        drop(ordered_out);
        let fed = feeder.join().unwrap_or_else(|_| Err(bug("reading")));
        // A reader that was told to stop says nothing new.
        written.and(fed)
    })?;
    if coding == Coding::Gzip {
        let trailer = [crc.to_le_bytes(), size.to_le_bytes()].concat();
        sink(around(trailer))?;
    }
    Ok(())
}

fn around(bytes: Vec<u8>) -> Encoded {
    Encoded {
        content: 0,
        digest: short_digest(&bytes),
        bytes,
    }
}

/// The first bytes of a SHA-256.
pub(crate) fn short_digest(bytes: &[u8]) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(&Sha256::digest(bytes)[..16]);
    digest
}

type Ordered = Receiver<Result<Encoded>>;

fn feed(
    coding: Coding,
    content: &mut Content<'_>,
    jobs: &Sender<Job>,
    ordered: &SyncSender<Ordered>,
    (crc, size): (&mut u32, &mut u32),
) -> Result<()> {
    let submit = |block: Vec<u8>, is_last: bool| {
        let (reply, result) = channel();
        jobs.send(Job {
            block,
            is_last,
            reply,
        })
        .map_err(|_| stopped())?;
        ordered.send(result).map_err(|_| stopped())
    };
    // A block waits for the next one: only then is it certain not to be the last.
    let mut held: Option<Vec<u8>> = None;
    content(&mut |block| {
        if coding == Coding::Gzip {
            *crc = zlib_rs::crc32::crc32(*crc, &block);
            *size = size.wrapping_add(block.len() as u32);
        }
        match held.replace(block) {
            Some(block) => submit(block, false),
            None => Ok(()),
        }
    })?;
    submit(held.unwrap_or_default(), true)
}

fn take_in_order(ordered: &Receiver<Ordered>, sink: &mut Sink<'_>) -> Result<()> {
    for result in ordered {
        let encoded = result.recv().unwrap_or_else(|_| Err(bug("compressing")))?;
        sink(encoded)?;
    }
    Ok(())
}

fn work(coding: Coding, level: u32, jobs: &Mutex<Receiver<Job>>) {
    let mut context = None;
    loop {
        let next = match jobs.lock() {
            Ok(jobs) => jobs.recv(),
            Err(_) => return,
        };
        let Ok(Job {
            block,
            is_last,
            reply,
        }) = next
        else {
            return;
        };
        let result = encode_block(coding, level, block, is_last, &mut context);
        let _ = reply.send(result);
    }
}

fn encode_block(
    coding: Coding,
    level: u32,
    mut block: Vec<u8>,
    is_last: bool,
    context: &mut Option<CCtx<'static>>,
) -> Result<Encoded> {
    let content = block.len();
    let bytes = match coding {
        Coding::Store => Ok(std::mem::take(&mut block)),
        Coding::Zstd => zstd_frame(&block, level, context),
        Coding::Gzip => deflate(&block, level, is_last),
        Coding::Xz => pspf_codecs::encode::xz(&block, level).map_err(|error| error.to_string()),
        Coding::Bzip2 => {
            pspf_codecs::encode::bzip2(&block, level).map_err(|error| error.to_string())
        }
    };
    give_memory(block);
    let bytes = bytes.map_err(|reason| {
        Error::new(
            ErrorKind::BuildFailed,
            format!("Cannot compress a block: {reason}"),
        )
    })?;
    Ok(Encoded {
        content,
        digest: short_digest(&bytes),
        bytes,
    })
}

/// An independent frame, with its size and a checksum.
fn zstd_frame(
    block: &[u8],
    level: u32,
    context: &mut Option<CCtx<'static>>,
) -> Result<Vec<u8>, String> {
    let says = |code| zstd_safe::get_error_name(code).to_owned();
    let context = match context {
        Some(context) => context,
        None => {
            let fresh = context.insert(CCtx::create());
            let level = i32::try_from(level).unwrap_or_default();
            fresh
                .set_parameter(CParameter::CompressionLevel(level))
                .map_err(says)?;
            fresh
                .set_parameter(CParameter::ChecksumFlag(true))
                .map_err(says)?;
            fresh
        }
    };
    context
        .set_pledged_src_size(Some(block.len() as u64))
        .map_err(says)?;
    let mut output = take_memory(zstd_safe::compress_bound(block.len()) + 1024);
    let mut sink = OutBuffer::around(&mut output);
    let mut source = InBuffer::around(block);
    // Given whole and ended after that, as `node:zlib` does: zstd cuts its blocks elsewhere when it knows the end.
    while source.pos() < block.len() {
        context
            .compress_stream(&mut sink, &mut source)
            .map_err(says)?;
    }
    context.end_stream(&mut sink).map_err(says)?;
    Ok(output)
}

/// A piece of a raw stream that ends at a byte, as `pigz -i` makes them.
fn deflate(block: &[u8], level: u32, is_last: bool) -> Result<Vec<u8>, String> {
    let mut deflate = Deflate::new(i32::try_from(level).unwrap_or_default(), false, 15);
    let mut output = vec![0; block.len() + block.len() / 256 + 4096];
    let flush = if is_last {
        DeflateFlush::Finish
    } else {
        DeflateFlush::SyncFlush
    };
    deflate
        .compress(block, &mut output, flush)
        .map_err(|error| error.as_str().to_owned())?;
    output.truncate(usize::try_from(deflate.total_out()).unwrap_or_default());
    Ok(output)
}

/// A whole gzip file, for the metadata.
pub(crate) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut output = Vec::new();
    let mut content = |emit: &mut Emit<'_>| {
        bytes
            .chunks(UNIT as usize)
            .try_for_each(|part| emit(part.to_vec()))
    };
    encode(&[Operation::GZIP], None, 1, &mut content, &mut |block| {
        output.extend_from_slice(&block.bytes);
        Ok(())
    })?;
    Ok(output)
}

fn stopped() -> Error {
    Error::new(
        ErrorKind::BuildFailed,
        "Cannot go on: another part of the build has failed",
    )
}

fn bug(doing: &str) -> Error {
    Error::new(
        ErrorKind::InternalBug,
        format!("This should not happen: a thread that was {doing} has ended"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use pspf_format::hex::Hex;

    /// What `tests/compress/shared_content.ts` makes.
    fn shared_content(size: usize) -> Vec<u8> {
        let mut content: Vec<u8> = Vec::with_capacity(size);
        let mut state = 1_u32;
        for at in 0..size {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            content.push(if at >= 5000 && at % 1000 < 300 {
                content[at - 4096 - (at >> 12)]
            } else {
                97 + (state >> 24) as u8 % 23
            });
        }
        content
    }

    #[test]
    fn encode_block_gives_the_bytes_of_the_toolkit() {
        let text = include_str!("../../../../tests/vectors/compressed.json");
        let vectors = json::parse(text).unwrap();
        let blocks = vectors.get("blocks").unwrap().as_list().unwrap();
        assert!(!blocks.is_empty());
        for block in blocks {
            let number = |key| block.get(key).unwrap().as_whole().unwrap();
            let coding = match block.get("kind").unwrap().as_text().unwrap() {
                "zstd" => Coding::Zstd,
                "deflate" => Coding::Gzip,
                "xz" => Coding::Xz,
                _ => Coding::Bzip2,
            };
            let content = shared_content(number("content") as usize);
            let level = u32::try_from(number("level")).unwrap();
            let encoded = encode_block(coding, level, content, true, &mut None).unwrap();
            assert_eq!(
                Hex(&Sha256::digest(&encoded.bytes)).to_string(),
                block.get("sha256").unwrap().as_text().unwrap(),
                "{}, zstd {}",
                block.to_json(),
                zstd_safe::version_string(),
            );
        }
    }
}
