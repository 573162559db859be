//! One large slot on all cores: while one thread consumes the content, others read, check and decode what comes next.
//!
//! Workers take turns reading the stored bytes (so that they are hashed in order, once), decode apart from each other, and
//! hand their content to one consumer in order. How much may be in memory at once is bounded.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use pspf_format::frames::Frame;
use pspf_format::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use zstd_safe::DCtx;

use super::layers::{Compression, MAX_WINDOW, decompress};
use super::stream_reader::corrupt;
use super::zstd::{describe, new_context};
use super::zstd_frames::{MAX_FRAME, Unit, compressed_bound, parse_header, read_frame, take};
use crate::failure::{from_io, into_io, io_error};
use crate::package_file::read_buffered;

/// How many bytes of stored and decoded parts may be in memory at once.
const MEMORY: usize = 18 * 1024 * 1024;
/// What a part takes beside its bytes, at least.
const OVERHEAD: usize = 1024;
/// More workers than this would wait for each other.
const MAX_WORKERS: usize = 6;
/// A smaller slot is done before others have started, in stored bytes.
const WORTH_IT: u64 = 1024 * 1024;
/// Length of a part of what cannot be decoded apart, in bytes.
const CHUNK: usize = 256 * 1024;
/// A worker keeps its buffer for stored bytes up to this size.
const KEPT_BUFFER: usize = 1280 * 1024;

/// How a slot can be taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parts<'a> {
    /// It is not worth it.
    None,
    /// Into the zstd frames that its signed table names.
    Frames(&'a [Frame]),
    /// Into zstd frames, to be found by their headers.
    Scanned,
    /// Into pieces of the stored bytes, which others only read and hash.
    Pieces,
}

/// How to take a slot apart that is compressed like this, the outermost compression first. Where there is a table of frames,
/// it is used in any case: no decoder sees a frame before it was checked.
pub(crate) fn parts_of<'a>(
    compressions: &[Compression],
    frames: &'a [Frame],
    size: u64,
    threads: usize,
    stored: &mut impl BufRead,
) -> Result<Parts<'a>> {
    let is_zstd = compressions == [Compression::Zstd];
    let is_small = |frame: &Frame| {
        usize::try_from(frame.content).is_ok_and(|content| {
            let stored = usize::try_from(frame.stored).unwrap_or(usize::MAX);
            content <= MAX_FRAME && stored <= compressed_bound(content)
        })
    };
    if is_zstd && !frames.is_empty() && frames.iter().all(is_small) {
        return Ok(Parts::Frames(frames));
    }
    if threads < 2 || size < WORTH_IT {
        return Ok(Parts::None);
    }
    if !is_zstd {
        return Ok(Parts::Pieces);
    }
    let start = stored
        .fill_buf()
        .map_err(|error| from_io(error, "read", "the package"))?;
    Ok(match parse_header(start) {
        Some(header) if header.content >= CHUNK => Parts::Scanned,
        _ => Parts::Pieces,
    })
}

impl Parts<'_> {
    /// Whether others undo the only compression.
    pub(crate) const fn are_decoded(self) -> bool {
        matches!(self, Self::Frames(_) | Self::Scanned)
    }
}

/// A part that some worker took, in the order of the file.
enum Place {
    Pending,
    Done(Result<Vec<u8>>),
}

struct State<R> {
    /// Taken out while a worker reads from it.
    source: Option<R>,
    /// Parts from the first that the consumer has not seen.
    places: VecDeque<Place>,
    /// Sequence number of the front of `places`.
    first: usize,
    /// Bytes that parts in flight hold or will hold.
    in_flight: usize,
    /// What the part read last took, as the estimate for the next one.
    last_cost: usize,
    /// No further part will be read.
    ended: bool,
    /// First bytes of something that only the plain decoder can read.
    tail: Option<Vec<u8>>,
    /// Nobody wants the rest.
    cancelled: bool,
    spare: Vec<Vec<u8>>,
}

struct Shared<'p, R> {
    parts: Parts<'p>,
    state: Mutex<State<R>>,
    /// Something changed that a worker may wait for.
    for_workers: Condvar,
    /// Something changed that the consumer may wait for.
    for_consumer: Condvar,
}

impl<R> Shared<'_, R> {
    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next part takes, as far as that is known before it was read.
    fn expected_cost(&self, state: &State<R>) -> usize {
        let next = state.first.saturating_add(state.places.len());
        match self.parts {
            Parts::Frames(frames) => frames.get(next).map_or(0, |frame| {
                let bytes = frame.stored.saturating_add(frame.content);
                usize::try_from(bytes).unwrap_or(usize::MAX)
            }),
            _ => state.last_cost,
        }
    }
}

/// What a worker has read.
struct Claimed {
    sequence: usize,
    /// Length of the content; `None` where the stored bytes are it.
    content: Option<usize>,
    /// What the table says that the stored bytes hash to.
    digest: Option<[u8; 16]>,
    cost: usize,
}

/// Reads `source` part by part on so many threads while `consume` reads the content; returns what `consume` made, and the
/// source.
pub(crate) fn with_parts_in_parallel<R, T>(
    source: R,
    parts: Parts<'_>,
    threads: usize,
    consume: impl FnOnce(&mut dyn BufRead) -> Result<T>,
) -> Result<(T, R)>
where
    R: BufRead + Send,
{
    let shared = Shared {
        parts,
        state: Mutex::new(State {
            source: Some(source),
            places: VecDeque::new(),
            first: 0,
            in_flight: 0,
            last_cost: match parts {
                // Its content, and a stored half.
                Parts::Scanned => MAX_FRAME + MAX_FRAME / 2,
                _ => CHUNK,
            },
            ended: false,
            tail: None,
            cancelled: false,
            spare: Vec::new(),
        }),
        for_workers: Condvar::new(),
        for_consumer: Condvar::new(),
    };
    // Reading pieces is one after the other in any case.
    let workers = if parts.are_decoded() { threads } else { 1 };
    let result = thread::scope(|scope| {
        for number in 0..workers.clamp(1, MAX_WORKERS) {
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
        let mut reader = PartReader {
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

/// Reads and decodes parts until there are none left.
fn work<R: BufRead>(shared: &Shared<'_, R>) {
    let mut zstd: Option<DCtx<'static>> = None;
    let mut stored = Vec::new();
    while let Some(claimed) = claim(shared, &mut stored) {
        let spare = shared.lock().spare.pop().unwrap_or_default();
        let (done, kept) = match claimed.content {
            // The buffers change places.
            None => (Ok(std::mem::replace(&mut stored, spare)), claimed.cost),
            Some(content) => {
                let decoded = check_frame(&stored, claimed.digest)
                    .and_then(|()| decode_frame(&mut zstd, &stored, content, spare));
                if stored.capacity() > KEPT_BUFFER {
                    // Frames like this one are rare; their buffer would stay for nothing.
                    stored = Vec::new();
                }
                (decoded, content)
            }
        };
        let mut state = shared.lock();
        // The stored bytes are done with; only the content stays in memory until it is consumed.
        state.in_flight = state
            .in_flight
            .saturating_sub(claimed.cost.saturating_sub(kept.saturating_add(OVERHEAD)));
        let index = claimed.sequence.saturating_sub(state.first);
        if let Some(place) = state.places.get_mut(index) {
            *place = Place::Done(done);
        }
        drop(state);
        shared.for_consumer.notify_all();
        shared.for_workers.notify_all();
    }
}

/// Waits for its turn and for memory, then reads the next part.
fn claim<R: BufRead>(shared: &Shared<'_, R>, stored: &mut Vec<u8>) -> Option<Claimed> {
    let mut state = shared.lock();
    let mut source = loop {
        if state.cancelled || state.ended {
            return None;
        }
        let cost = shared.expected_cost(&state);
        let fits = state.in_flight == 0 || state.in_flight.saturating_add(cost) <= MEMORY;
        if fits && let Some(source) = state.source.take() {
            break source;
        }
        state = shared
            .for_workers
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
    };
    let sequence = state.first.saturating_add(state.places.len());
    drop(state);
    let read = read_part(shared.parts, sequence, &mut source, stored);
    let mut state = shared.lock();
    state.source = Some(source);
    let claimed = match read {
        Ok(Some(Part::Tail)) => {
            state.tail = Some(std::mem::take(stored));
            None
        }
        Ok(None) => None,
        Ok(Some(Part::Whole { content, digest })) => {
            let cost = stored
                .len()
                .saturating_add(content.unwrap_or_default())
                .saturating_add(OVERHEAD);
            state.last_cost = state.last_cost.max(cost);
            state.in_flight = state.in_flight.saturating_add(cost);
            state.places.push_back(Place::Pending);
            Some(Claimed {
                sequence,
                content,
                digest,
                cost,
            })
        }
        Err(error) => {
            state.places.push_back(Place::Done(Err(error)));
            None
        }
    };
    state.ended = claimed.is_none();
    drop(state);
    shared.for_workers.notify_all();
    shared.for_consumer.notify_all();
    claimed
}

/// What was read.
enum Part {
    Whole {
        content: Option<usize>,
        digest: Option<[u8; 16]>,
    },
    /// The start of something that the plain decoder has to read.
    Tail,
}

/// Reads the next part into `stored`; `None` at the end.
fn read_part(
    parts: Parts<'_>,
    number: usize,
    source: &mut impl BufRead,
    stored: &mut Vec<u8>,
) -> Result<Option<Part>> {
    match parts {
        Parts::Scanned => Ok(match read_frame(source, stored)? {
            Unit::Frame(content) => Some(Part::Whole {
                content: Some(content),
                digest: None,
            }),
            Unit::Other => Some(Part::Tail),
            Unit::End => None,
        }),
        Parts::Frames(frames) => {
            let Some(frame) = frames.get(number) else {
                return Ok(None);
            };
            stored.clear();
            let size = usize::try_from(frame.stored).unwrap_or_default();
            take(source, stored, size)?;
            if stored.len() < size {
                return Err(corrupt("zstd", "a frame ends early"));
            }
            Ok(Some(Part::Whole {
                content: usize::try_from(frame.content).ok(),
                digest: Some(frame.digest),
            }))
        }
        Parts::None | Parts::Pieces => {
            stored.clear();
            take(source, stored, CHUNK)?;
            Ok((!stored.is_empty()).then_some(Part::Whole {
                content: None,
                digest: None,
            }))
        }
    }
}

/// Checks stored bytes before a decoder sees them.
fn check_frame(stored: &[u8], digest: Option<[u8; 16]>) -> Result<()> {
    match digest {
        Some(expected) if !Sha256::digest(stored).starts_with(&expected) => Err(Error::new(
            ErrorKind::VerifySlotDigest,
            "a frame of the slot is not what was signed",
        )
        .hint("the package is damaged or was changed; get it again from its publisher")),
        _ => Ok(()),
    }
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

/// The content of all parts, in order.
struct PartReader<'a, R> {
    shared: &'a Shared<'a, R>,
    current: Vec<u8>,
    start: usize,
    /// The plain decoder, once frames gave way to something else.
    tail: Option<Box<dyn BufRead + 'a>>,
}

impl<R: BufRead> PartReader<'_, R> {
    /// Gives the consumed part back and waits for the next one; false at the end of the parts.
    fn next_part(&mut self) -> io::Result<bool> {
        let mut state = self.shared.lock();
        if self.current.capacity() > 0 {
            let mut used = std::mem::take(&mut self.current);
            let cost = used.len().saturating_add(OVERHEAD);
            state.in_flight = state.in_flight.saturating_sub(cost);
            used.clear();
            state.spare.push(used);
            self.shared.for_workers.notify_all();
        }
        self.start = 0;
        loop {
            match state.places.front() {
                Some(Place::Done(_)) => {
                    state.first = state.first.saturating_add(1);
                    let Some(Place::Done(done)) = state.places.pop_front() else {
                        return Ok(false);
                    };
                    self.current = done.map_err(into_io)?;
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

impl<R: BufRead> BufRead for PartReader<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.tail.is_none() && self.start >= self.current.len() {
            if self.next_part()? {
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
            self.tail = Some(decompress(Compression::Zstd, whole, MAX_WINDOW).map_err(into_io)?);
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

impl<R: BufRead> Read for PartReader<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, out)
    }
}

/// The source on loan to the consumer; dropped, it goes back.
struct TakenSource<'a, R> {
    shared: &'a Shared<'a, R>,
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
        let (out, mut rest) = with_parts_in_parallel(stored, Parts::Scanned, 3, |reader| {
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
    fn scanned_frames_yields_the_frames_in_order() {
        let parts: Vec<_> = (0..7)
            .map(|seed| content(MAX_FRAME - usize::from(seed) * 1000, seed))
            .collect();
        let stored: Vec<u8> = parts.iter().flat_map(|part| compress(part)).collect();
        assert_eq!(decode(&stored).unwrap(), parts.concat());
    }

    #[test]
    fn scanned_frames_reads_tiny_frames_without_touching_their_neighbours() {
        let stored: Vec<u8> = (0..100_u8).flat_map(|n| compress(&[n])).collect();
        assert_eq!(decode(&stored).unwrap(), (0..100).collect::<Vec<u8>>());
    }

    #[test]
    fn scanned_frames_falls_back_to_the_plain_decoder_for_what_it_cannot_split() {
        let first = content(1000, 1);
        let large = content(MAX_FRAME + 1, 2);
        let mut stored = compress(&first);
        stored.extend([0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 9, 9, 9]); // a skippable frame
        stored.extend(compress(&large));
        assert_eq!(decode(&stored).unwrap(), [first, large].concat());
    }

    #[test]
    fn scanned_frames_reports_damage_and_truncation() {
        let stored = compress(&content(100_000, 3));
        let mut damaged = stored.clone();
        damaged[9] ^= 0xFF; // the first block header
        assert!(decode(&damaged).is_err());
        let cut = &stored[..stored.len() - 1];
        assert_eq!(decode(cut).unwrap_err().code(), "compress/corrupt");
    }

    #[test]
    fn scanned_frames_stops_when_the_consumer_gives_up() {
        let stored: Vec<u8> = (0..40)
            .flat_map(|seed| compress(&content(1 << 20, seed)))
            .collect();
        let result = with_parts_in_parallel(stored.as_slice(), Parts::Scanned, 2, |_| {
            Err::<(), _>(corrupt("zstd", "stop"))
        });
        assert!(result.is_err());
    }

    fn frames_of(parts: &[Vec<u8>]) -> (Vec<u8>, Vec<Frame>) {
        let mut stored = Vec::new();
        let mut frames = Vec::new();
        for part in parts {
            let frame = compress(part);
            frames.push(Frame {
                stored: frame.len() as u64,
                content: part.len() as u64,
                digest: Sha256::digest(&frame)[..16].try_into().unwrap(),
            });
            stored.extend(frame);
        }
        (stored, frames)
    }

    fn decode_frames(stored: &[u8], frames: &[Frame]) -> Result<Vec<u8>> {
        let parts = Parts::Frames(frames);
        let (out, _) = with_parts_in_parallel(stored, parts, 3, |reader| {
            let mut out = Vec::new();
            reader
                .read_to_end(&mut out)
                .map_err(|error| from_io(error, "read", "test"))?;
            Ok(out)
        })?;
        Ok(out)
    }

    #[test]
    fn frames_of_a_table_are_decoded_in_order() {
        let parts: Vec<_> = (0..60).map(|seed| content(1 << 20, seed)).collect();
        let (stored, frames) = frames_of(&parts);
        assert_eq!(decode_frames(&stored, &frames).unwrap(), parts.concat());
    }

    #[test]
    fn frames_that_are_not_what_the_table_says_are_refused() {
        let parts: Vec<_> = (0..5).map(|seed| content(300_000, seed)).collect();
        let (stored, frames) = frames_of(&parts);
        let mut other_digest = frames.clone();
        other_digest[3].digest[0] ^= 1;
        let mut longer = frames.clone();
        longer[3].content += 1;
        let mut shorter = frames.clone();
        shorter[3].content -= 1;
        let mut moved = frames.clone();
        moved[1].stored += 1;
        moved[2].stored -= 1;
        for (frames, code) in [
            (other_digest, "verify/slot-digest"),
            (longer, "compress/corrupt"),
            (shorter, "compress/corrupt"),
            (moved, "verify/slot-digest"),
        ] {
            assert_eq!(decode_frames(&stored, &frames).unwrap_err().code(), code);
        }
        let cut = &stored[..stored.len() - 1];
        assert_eq!(
            decode_frames(cut, &frames).unwrap_err().code(),
            "compress/corrupt"
        );
    }

    #[test]
    fn pieces_are_the_stored_bytes() {
        let stored = content(3_000_001, 7);
        let (out, rest) = with_parts_in_parallel(stored.as_slice(), Parts::Pieces, 3, |reader| {
            let mut out = Vec::new();
            reader
                .read_to_end(&mut out)
                .map_err(|error| from_io(error, "read", "test"))?;
            Ok(out)
        })
        .unwrap();
        assert!(out == stored && rest.is_empty());
    }

    #[test]
    fn parts_of_leaves_alone_what_is_small_or_would_take_too_much_memory() {
        let frame = |stored, content| Frame {
            stored,
            content,
            digest: [0; 16],
        };
        let small = [frame(10, 20), frame(1 << 20, 1 << 21)];
        let content_too_large = [frame(10, 20), frame(10, 1 << 30)];
        let stored_too_large = [frame(10, 20), frame(1 << 30, 20)];
        let zstd = [Compression::Zstd];
        let parts = |frames, size| parts_of(&zstd, frames, size, 2, &mut &b"no frame"[..]).unwrap();
        assert!(matches!(parts(&small, WORTH_IT), Parts::Frames(_)));
        assert!(matches!(parts(&small, 30), Parts::Frames(_)));
        assert!(matches!(parts(&[], WORTH_IT - 1), Parts::None));
        assert!(matches!(parts(&content_too_large, WORTH_IT), Parts::Pieces));
        assert!(matches!(parts(&stored_too_large, WORTH_IT), Parts::Pieces));
        let start = compress(&content(1 << 20, 1));
        let scanned = |mut start: &[u8]| parts_of(&zstd, &[], WORTH_IT, 2, &mut start).unwrap();
        assert!(matches!(scanned(&start), Parts::Scanned));
        assert!(matches!(scanned(&compress(b"tiny")), Parts::Pieces));
    }
}
