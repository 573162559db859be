//! Memory for a start, taken from where the executable has some anyway.
//!
//! A warm start needs about ten kilobytes in many small pieces, for a tenth of a millisecond. The C library would ask the
//! system for each size of them, in eight calls and as many page faults. From here they come one after the other; what does
//! not fit is the C library's affair as ever.

#![expect(unsafe_code, reason = "an allocator has no safe interface")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How much there is, in bytes: what a start with a usual environment takes, twice.
const SIZE: usize = 64 * 1024;

#[global_allocator]
static ARENA: StartArena = StartArena {
    bytes: UnsafeCell::new([0; SIZE / size_of::<Unit>()]),
    used: AtomicUsize::new(0),
};

/// What the arena is made of, for the sake of its alignment.
type Unit = u128;

/// Gives pieces from the front to the back, and takes only the last one back.
struct StartArena {
    bytes: UnsafeCell<[Unit; SIZE / size_of::<Unit>()]>,
    /// Bytes given away, from the front.
    used: AtomicUsize,
}

// SAFETY: `used` decides alone who owns which bytes, and changes atomically.
unsafe impl Sync for StartArena {}

impl StartArena {
    /// Where a piece lies in the arena, if it does.
    fn offset_of(&self, piece: *mut u8) -> Option<usize> {
        let offset = (piece as usize).checked_sub(self.bytes.get() as usize)?;
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
            if end > SIZE {
                return None;
            }
            if self.move_end(used, end) {
                return Some(self.bytes.get().cast::<u8>().wrapping_add(start));
            }
        }
    }

    /// Moves the end of what is used, if it is where it is thought to be.
    fn move_end(&self, from: usize, to: usize) -> bool {
        to <= SIZE
            && self
                .used
                .compare_exchange(from, to, Relaxed, Relaxed)
                .is_ok()
    }
}

// SAFETY: pieces never overlap, since each begins at or after the end of all before it, and that end only moves back over a
// piece that was given back. They are aligned as asked, and stay where they are. Everything else is the system's.
unsafe impl GlobalAlloc for StartArena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        self.take(layout)
            .unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(piece) = self.take(layout) else {
            // SAFETY: the caller's promises are passed on.
            return unsafe { System.alloc_zeroed(layout) };
        };
        // SAFETY: the piece is as long as this. Somebody else may have had it before.
        unsafe { ptr::write_bytes(piece, 0, layout.size()) };
        piece
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        match self.offset_of(piece) {
            Some(start) => drop(self.move_end(start.saturating_add(layout.size()), start)),
            // SAFETY: what is not ours is the system's.
            None => unsafe { System.dealloc(piece, layout) },
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(start) = self.offset_of(piece) else {
            // SAFETY: what is not ours is the system's.
            return unsafe { System.realloc(piece, layout, size) };
        };
        let end = start.saturating_add(layout.size());
        if self.move_end(end, start.saturating_add(size)) {
            return piece;
        }
        // SAFETY: the caller promises that the new size is valid for this alignment.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !new.is_null() {
            // SAFETY: both pieces have at least this many bytes, and do not overlap.
            unsafe { ptr::copy_nonoverlapping(piece, new, layout.size().min(size)) };
            // SAFETY: the piece came from here.
            unsafe { self.dealloc(piece, layout) };
        }
        new
    }
}
