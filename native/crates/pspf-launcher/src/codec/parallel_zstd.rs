//! One big zstd slot on all cores: our builder writes a frame per 8 MiB, and frames do not depend on each other.
//!
//! Workers take turns reading the stored bytes (so that they are hashed in order, once), decode apart from each other, and
//! hand their content to one consumer in order. How much may be in memory at once is bounded.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use pspf_format::{Error, ErrorKind, Result};
use zstd_safe::DCtx;

use super::frames::{MAX_FRAME, Unit, read_frame};
use super::stream_reader::corrupt;
use super::zstd::{describe, new_context};
use super::{Compression, decompress};
use crate::failure::{into_io, io_error};
use crate::package_file::read_buffered;

/// How many bytes of stored and decoded frames may be in memory at once.
const MEMORY: usize = 24 * 1024 * 1024;

/// What the next frame is expected to take at least: its content, and a stored half.
const EXPECTED: usize = MAX_FRAME + MAX_FRAME / 2;

/// A frame that some worker took, in the order of the file.
enum Place {
    Pending,
    Decoded(Result<Vec<u8>>),
}

struct State<R> {
    /// Taken out while a worker reads from it.
    source: Option<R>,
    /// Frames from the first that the consumer has not seen.
    places: VecDeque<Place>,
    /// Sequence number of the front of `places`.
    first: usize,
    /// Bytes that frames in flight hold or will hold.
    in_flight: usize,
    /// What the frame read last took, as the estimate for the next one.
    last_cost: usize,
    /// No further frame will be read.
    ended: bool,
    /// First bytes of something that only the plain decoder can read.
    tail: Option<Vec<u8>>,
    /// Nobody wants the rest.
    cancelled: bool,
    spare: Vec<Vec<u8>>,
}

struct Shared<R> {
    state: Mutex<State<R>>,
    /// Something changed that a worker may wait for.
    for_workers: Condvar,
    /// Something changed that the consumer may wait for.
    for_consumer: Condvar,
}

impl<R> Shared<R> {
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Decodes `source` on `workers` threads while `consume` reads the content; returns what `consume` made, and the source.
pub(crate) fn with_parallel_frames<R, T>(
    source: R,
    workers: usize,
    consume: impl FnOnce(&mut dyn BufRead) -> Result<T>,
) -> Result<(T, R)>
where
    R: BufRead + Send,
{
    let shared = Shared {
        state: Mutex::new(State {
            source: Some(source),
            places: VecDeque::new(),
            first: 0,
            in_flight: 0,
            last_cost: EXPECTED,
            ended: false,
            tail: None,
            cancelled: false,
            spare: Vec::new(),
        }),
        for_workers: Condvar::new(),
        for_consumer: Condvar::new(),
    };
    let result = thread::scope(|scope| {
        for number in 0..workers.max(1) {
            let started = thread::Builder::new()
                .stack_size(256 * 1024)
                .spawn_scoped(scope, || work(&shared));
            match started {
                Ok(_) => {}
                // Fewer threads than wanted are slower, not wrong.
                Err(_) if number > 0 => break,
                Err(error) => {
                    return Err(io_error(error, "start a thread to decode", "the package"));
                }
            }
        }
        let mut reader = FrameReader {
            shared: &shared,
            current: Vec::new(),
            start: 0,
            tail: None,
        };
        let result = consume(&mut reader);
        drop(reader);
        shared.lock().cancelled = true;
        shared.for_workers.notify_all();
        result
    });
    let source = shared
        .state
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .source;
    match (result, source) {
        (Ok(value), Some(source)) => Ok((value, source)),
        (Ok(_), None) => Err(Error::new(
            ErrorKind::InternalBug,
            "a decoder thread kept the package",
        )),
        (Err(error), _) => Err(error),
    }
}

/// Reads and decodes frames until there are none left.
fn work<R: BufRead>(shared: &Shared<R>) {
    let mut context: Option<DCtx<'static>> = None;
    let mut stored = Vec::new();
    while let Some((sequence, content, cost)) = claim_frame(shared, &mut stored) {
        let spare = shared.lock().spare.pop().unwrap_or_default();
        let decoded = decode_frame(&mut context, &stored, content, spare);
        if stored.capacity() > MAX_FRAME / 2 {
            // Frames like this one are rare; their buffer would stay for nothing.
            stored = Vec::new();
        }
        let mut state = shared.lock();
        // The stored bytes are done with; only the content stays in memory until it is consumed.
        state.in_flight = state.in_flight.saturating_sub(cost.saturating_sub(content));
        let index = sequence.saturating_sub(state.first);
        if let Some(place) = state.places.get_mut(index) {
            *place = Place::Decoded(decoded);
        }
        drop(state);
        shared.for_consumer.notify_all();
        shared.for_workers.notify_all();
    }
}

/// Waits for its turn and for memory, then reads the next frame; its sequence number, content size and cost.
fn claim_frame<R: BufRead>(
    shared: &Shared<R>,
    stored: &mut Vec<u8>,
) -> Option<(usize, usize, usize)> {
    let mut state = shared.lock();
    let mut source = loop {
        if state.cancelled || state.ended {
            return None;
        }
        let fits =
            state.in_flight == 0 || state.in_flight.saturating_add(state.last_cost) <= MEMORY;
        if fits && let Some(source) = state.source.take() {
            break source;
        }
        state = shared
            .for_workers
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
    };
    drop(state);
    let unit = read_frame(&mut source, stored);
    let mut state = shared.lock();
    state.source = Some(source);
    let sequence = state.first.saturating_add(state.places.len());
    let claimed = match unit {
        Ok(Unit::Frame(content)) => {
            let cost = stored.len().saturating_add(content);
            state.last_cost = cost.max(EXPECTED);
            state.in_flight = state.in_flight.saturating_add(cost);
            state.places.push_back(Place::Pending);
            Some((sequence, content, cost))
        }
        Ok(Unit::Other) => {
            state.ended = true;
            state.tail = Some(std::mem::take(stored));
            None
        }
        Ok(Unit::End) => {
            state.ended = true;
            None
        }
        Err(error) => {
            state.ended = true;
            state.places.push_back(Place::Decoded(Err(error)));
            None
        }
    };
    drop(state);
    shared.for_workers.notify_all();
    shared.for_consumer.notify_all();
    claimed
}

fn decode_frame(
    decoder: &mut Option<DCtx<'static>>,
    stored: &[u8],
    content: usize,
    mut out: Vec<u8>,
) -> Result<Vec<u8>> {
    let decoder = match decoder {
        Some(decoder) => decoder,
        none => none.insert(new_context()?),
    };
    let no_memory = |_| Error::new(ErrorKind::CompressTooLarge, "no memory left to decode zstd");
    out.clear();
    out.try_reserve_exact(content).map_err(no_memory)?;
    let produced = decoder.decompress(&mut out, stored).map_err(describe)?;
    if produced == content {
        Ok(out)
    } else {
        Err(corrupt("zstd", "a frame is shorter than it says"))
    }
}

/// The content of all frames, in order.
struct FrameReader<'a, R> {
    shared: &'a Shared<R>,
    current: Vec<u8>,
    start: usize,
    /// The plain decoder, once the frames gave way to something else.
    tail: Option<Box<dyn BufRead + 'a>>,
}

impl<R: BufRead> FrameReader<'_, R> {
    /// Gives the consumed frame back and waits for the next one; false at the end of the frames.
    fn next_frame(&mut self) -> io::Result<bool> {
        let mut state = self.shared.lock();
        if self.current.capacity() > 0 {
            let mut used = std::mem::take(&mut self.current);
            state.in_flight = state.in_flight.saturating_sub(used.len());
            used.clear();
            state.spare.push(used);
            self.shared.for_workers.notify_all();
        }
        self.start = 0;
        loop {
            match state.places.front() {
                Some(Place::Decoded(_)) => {
                    state.first = state.first.saturating_add(1);
                    let Some(Place::Decoded(decoded)) = state.places.pop_front() else {
                        return Ok(false);
                    };
                    self.current = decoded.map_err(into_io)?;
                    return Ok(true);
                }
                None if state.ended => return Ok(false),
                _ => {
                    let waited = self.shared.for_consumer.wait(state);
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

impl<R: BufRead> BufRead for FrameReader<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.tail.is_none() && self.start >= self.current.len() {
            if self.next_frame()? {
                continue;
            }
            let mut state = self.shared.lock();
            let Some(head) = state.tail.take() else { break };
            drop(state);
            let rest = TakenSource {
                shared: self.shared,
                source: None,
            };
            let whole: Box<dyn BufRead + '_> = Box::new(io::Cursor::new(head).chain(rest));
            self.tail = Some(decompress(Compression::Zstd, whole).map_err(into_io)?);
        }
        match &mut self.tail {
            Some(tail) => tail.fill_buf(),
            None => Ok(self.current.get(self.start..).unwrap_or_default()),
        }
    }

    fn consume(&mut self, amount: usize) {
        match &mut self.tail {
            Some(tail) => tail.consume(amount),
            None => self.start = self.start.saturating_add(amount).min(self.current.len()),
        }
    }
}

impl<R: BufRead> Read for FrameReader<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, out)
    }
}

/// The source on loan to the consumer; dropped, it goes back.
struct TakenSource<'a, R> {
    shared: &'a Shared<R>,
    source: Option<R>,
}

impl<R: BufRead> BufRead for TakenSource<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.source.is_none() {
            self.source = self.shared.lock().source.take();
        }
        match &mut self.source {
            Some(source) => source.fill_buf(),
            None => Err(into_io(Error::new(
                ErrorKind::InternalBug,
                "the package is being read by another thread",
            ))),
        }
    }

    fn consume(&mut self, amount: usize) {
        if let Some(source) = &mut self.source {
            source.consume(amount);
        }
    }
}

impl<R: BufRead> Read for TakenSource<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, out)
    }
}

impl<R> Drop for TakenSource<'_, R> {
    fn drop(&mut self) {
        if let Some(source) = self.source.take() {
            self.shared.lock().source = Some(source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compress(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(zstd_safe::compress_bound(data.len()));
        zstd_safe::compress(&mut out, data, 1).unwrap();
        out
    }

    fn content(size: usize, seed: u8) -> Vec<u8> {
        (0..size)
            .map(|i| {
                u8::try_from(i % 251).unwrap() ^ seed ^ u8::try_from((i >> 10) & 0xFF).unwrap()
            })
            .collect()
    }

    fn decode(stored: &[u8]) -> Result<Vec<u8>> {
        let (out, mut rest) = with_parallel_frames(stored, 3, |reader| {
            let mut out = Vec::new();
            reader
                .read_to_end(&mut out)
                .map_err(|error| crate::failure::from_io(error, "read", "test"))?;
            Ok(out)
        })?;
        assert!(rest.fill_buf().unwrap().is_empty());
        Ok(out)
    }

    #[test]
    fn with_parallel_frames_yields_the_frames_in_order() {
        let parts: Vec<_> = (0..7)
            .map(|seed| content(MAX_FRAME - usize::from(seed) * 1000, seed))
            .collect();
        let stored: Vec<u8> = parts.iter().flat_map(|part| compress(part)).collect();
        assert_eq!(decode(&stored).unwrap(), parts.concat());
    }

    #[test]
    fn with_parallel_frames_reads_tiny_frames_without_touching_their_neighbours() {
        let stored: Vec<u8> = (0..100_u8).flat_map(|n| compress(&[n])).collect();
        assert_eq!(decode(&stored).unwrap(), (0..100).collect::<Vec<u8>>());
    }

    #[test]
    fn with_parallel_frames_falls_back_to_the_plain_decoder_for_what_it_cannot_split() {
        let first = content(1000, 1);
        let large = content(MAX_FRAME + 1, 2);
        let mut stored = compress(&first);
        stored.extend([0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 9, 9, 9]); // a skippable frame
        stored.extend(compress(&large));
        assert_eq!(decode(&stored).unwrap(), [first, large].concat());
    }

    #[test]
    fn with_parallel_frames_reports_damage_and_truncation() {
        let stored = compress(&content(100_000, 3));
        let mut damaged = stored.clone();
        damaged[9] ^= 0xFF; // the first block header
        assert!(decode(&damaged).is_err());
        let cut = &stored[..stored.len() - 1];
        assert_eq!(decode(cut).unwrap_err().code(), "compress/corrupt");
    }

    #[test]
    fn with_parallel_frames_stops_when_the_consumer_gives_up() {
        let stored: Vec<u8> = (0..40)
            .flat_map(|seed| compress(&content(1 << 20, seed)))
            .collect();
        let result = with_parallel_frames(stored.as_slice(), 2, |_| {
            Err::<(), _>(corrupt("zstd", "stop"))
        });
        assert!(result.is_err());
    }
}
