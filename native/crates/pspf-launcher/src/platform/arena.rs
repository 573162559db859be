//! Memory for a start, taken from where the executable has some anyway.
//!
//! A warm start needs some ten kilobytes in many small pieces, for a tenth of a millisecond. The C library would ask the
//! system for each size of them, in eight calls and as many page faults. From here they come one after the other; what does
//! not fit is the C library's affair as ever.
//!
//! No byte is ever given out twice, so that no thread can see what another one has left in it.

#![expect(unsafe_code, reason = "an allocator has no safe interface")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How much there is, in bytes: what a start with a usual environment takes, thrice.
const SIZE: usize = 96 * 1024;

#[cfg(target_env = "musl")]
#[global_allocator]
static ARENA: Arena = Arena::new();

/// What the arena is made of, for the sake of its alignment.
type Unit = u128;

/// Gives pieces from the front to the back, and takes none back.
struct Arena {
    bytes: UnsafeCell<[Unit; SIZE / size_of::<Unit>()]>,
    /// Bytes given away, from the front. It never falls.
    used: AtomicUsize,
}

// SAFETY: whoever moves `used` forward owns the bytes that it passed, which nobody owned before and nobody else ever will.
// They hold the zeros that they had before any thread was started, so there is nothing that had to be seen in order.
unsafe impl Sync for Arena {}

impl Arena {
    #[expect(clippy::large_stack_arrays, reason = "it becomes a static")]
    const fn new() -> Self {
        Self {
            bytes: UnsafeCell::new([0; SIZE / size_of::<Unit>()]),
            used: AtomicUsize::new(0),
        }
    }

    fn start(&self) -> *mut u8 {
        self.bytes.get().cast()
    }

    /// Where a piece lies in the arena, if it does.
    fn offset_of(&self, piece: *mut u8) -> Option<usize> {
        let offset = piece.addr().checked_sub(self.start().addr())?;
        (offset < SIZE).then_some(offset)
    }

    /// A new piece, if there is room for it.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        // An offset that is aligned says nothing about an address that must be aligned even more.
        if layout.align() > align_of::<Unit>() {
            return None;
        }
        loop {
            let used = self.used.load(Relaxed);
            let start = used.checked_next_multiple_of(layout.align())?;
            let end = start.checked_add(layout.size())?;
            if self.move_end(used, end)? {
                return Some(self.start().wrapping_add(start));
            }
        }
    }

    /// Moves the end of what is used forward, if it is where it is thought to be. `None` where there is no room.
    fn move_end(&self, from: usize, to: usize) -> Option<bool> {
        let fits = from <= to && to <= SIZE;
        fits.then(|| {
            self.used
                .compare_exchange(from, to, Relaxed, Relaxed)
                .is_ok()
        })
    }
}

// SAFETY: pieces never overlap, since each begins at or after the end of all before it, and that end only moves forward. They
// are aligned as asked, and stay where they are. Everything else is the system's.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        self.take(layout)
            .unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // Nobody has written to a piece before.
        // SAFETY: the caller's promises are passed on.
        self.take(layout)
            .unwrap_or_else(|| unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        if self.offset_of(piece).is_none() {
            // SAFETY: what is not ours is the system's.
            unsafe { System.dealloc(piece, layout) };
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(start) = self.offset_of(piece) else {
            // SAFETY: what is not ours is the system's.
            return unsafe { System.realloc(piece, layout, size) };
        };
        // The last piece grows where it is: the bytes behind it are nobody's yet.
        let end = start.saturating_add(layout.size());
        if size <= layout.size() || self.move_end(end, start.saturating_add(size)) == Some(true) {
            return piece;
        }
        // SAFETY: the caller promises that the new size is valid for this alignment.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !new.is_null() {
            // SAFETY: both pieces have at least this many bytes, and do not overlap.
            unsafe { ptr::copy_nonoverlapping(piece, new, layout.size().min(size)) };
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// Takes, grows and drops pieces until there are none left, and looks that nobody else writes into them.
    ///
    /// Miri watches over it as well: `cargo +nightly miri test arena`.
    #[test]
    fn threads_never_share_a_byte_of_the_arena() {
        let arena = Box::new(Arena::new());
        let rounds = if cfg!(miri) { 40 } else { 4000 };
        thread::scope(|scope| {
            for number in 1..=4_u8 {
                let arena = &arena;
                scope.spawn(move || {
                    let mut kept = Vec::new();
                    for round in 0..rounds {
                        let layout =
                            Layout::from_size_align(1 + round % 29, 1 << (round % 5)).unwrap();
                        let grown = layout.size() + round % 7;
                        // SAFETY: sizes are not zero, and pieces are used within their sizes and given back once.
                        unsafe {
                            let piece = arena.alloc_zeroed(layout);
                            assert!(piece.addr().is_multiple_of(layout.align()));
                            for at in 0..layout.size() {
                                assert_eq!(*piece.add(at), 0, "somebody has written to it");
                            }
                            piece.write_bytes(number, layout.size());
                            let piece = arena.realloc(piece, layout, grown);
                            for at in 0..layout.size() {
                                assert_eq!(*piece.add(at), number);
                            }
                            piece.write_bytes(number, grown);
                            let layout = Layout::from_size_align(grown, layout.align()).unwrap();
                            if round % 3 == 0 {
                                arena.dealloc(piece, layout);
                            } else {
                                kept.push((piece, layout));
                            }
                        }
                    }
                    for (piece, layout) in kept {
                        // SAFETY: as above.
                        unsafe {
                            for at in 0..layout.size() {
                                assert_eq!(*piece.add(at), number);
                            }
                            arena.dealloc(piece, layout);
                        }
                    }
                });
            }
        });
        assert!(arena.used.load(Relaxed) <= SIZE);
        assert!(
            cfg!(miri) || arena.used.load(Relaxed) > SIZE - 64,
            "all of it was used"
        );
    }
}
