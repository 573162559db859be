//! Where the content of a slot is cut into frames.
//!
//! Cuts depend on the content alone, and mostly on what is near them, so that a small change of a tree changes few frames.
//! `tests/vectors/frames.json` holds this in both languages.

use alloc::vec::Vec;

use crate::frames::MAX_FRAMES;

/// About how much content a frame has, in bytes. Doubled for slots that would have too many frames.
pub const UNIT: u64 = 1 << 20;
const TAR_BLOCK: u64 = 512;
/// The zeros that end an archive, in bytes. They belong to the last frame.
const TAR_END: u64 = 1024;

/// The cuts of one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cuts {
    /// How much content a frame was meant to have, in bytes.
    pub unit: u64,
    /// Where frames end and the next begin, in bytes from the start of the content.
    pub positions: Vec<u64>,
}

/// One member of an archive, as far as cuts depend on it.
#[derive(Clone, Copy, Debug)]
pub struct TarMember<'a> {
    /// Name inside of the archive, without a slash at its end.
    pub path: &'a [u8],
    /// Length of its headers in bytes, those of a PAX record included.
    pub head: u64,
    /// Length of its content in bytes, 0 for a directory or a link.
    pub size: u64,
}

/// The unit of a plain file.
pub fn file_unit(size: u64) -> u64 {
    let mut unit = UNIT;
    while size.div_ceil(unit) > MAX_FRAMES as u64 {
        unit = unit.saturating_mul(2);
    }
    unit
}

/// The cuts of a plain file: one at every multiple of the unit below its size.
pub fn file_cuts(size: u64) -> Cuts {
    let unit = file_unit(size);
    let next = |at: &u64| at.checked_add(unit).filter(|at| *at < size);
    Cuts {
        unit,
        positions: core::iter::successors(next(&0), next).collect(),
    }
}

/// The cuts of an archive.
pub fn tar_cuts<'a>(members: &(impl Iterator<Item = TarMember<'a>> + Clone)) -> Cuts {
    tar_cuts_up_to(members, MAX_FRAMES)
}

/// [`tar_cuts`] with another number of frames allowed.
pub fn tar_cuts_up_to<'a>(
    members: &(impl Iterator<Item = TarMember<'a>> + Clone),
    max_frames: usize,
) -> Cuts {
    let mut unit = UNIT;
    loop {
        let mut cutter = TarCutter::new(unit);
        for member in members.clone() {
            cutter.add(member);
            if cutter.positions.len() >= max_frames {
                break;
            }
        }
        if cutter.positions.len() < max_frames {
            return Cuts {
                unit,
                positions: cutter.positions,
            };
        }
        unit = unit.saturating_mul(2);
    }
}

/// Length of an archive with these members, in bytes.
pub fn tar_size<'a>(members: impl Iterator<Item = TarMember<'a>>) -> u64 {
    members.fold(TAR_END, |sum, member| sum.saturating_add(member.length()))
}

impl TarMember<'_> {
    fn length(&self) -> u64 {
        let padded = self.size.div_ceil(TAR_BLOCK).saturating_mul(TAR_BLOCK);
        self.head.saturating_add(padded)
    }
}

/// Cuts an archive, one member after the other.
struct TarCutter {
    unit: u64,
    /// End of the member added last.
    position: u64,
    /// Start of the current frame.
    start: u64,
    positions: Vec<u64>,
}

impl TarCutter {
    const fn new(unit: u64) -> Self {
        Self {
            unit,
            position: 0,
            start: 0,
            positions: Vec::new(),
        }
    }

    fn add(&mut self, member: TarMember<'_>) {
        let filled = self.position.saturating_sub(self.start);
        let is_large = member.size >= self.unit;
        let is_chosen = || filled >= self.unit / 4 && fnv1a32(member.path) >> 30 == 0;
        if filled > 0 && (is_large || filled >= self.unit || is_chosen()) {
            self.cut(self.position);
        }
        self.position = self.position.saturating_add(member.length());
        if is_large {
            while let next = self.start.saturating_add(self.unit)
                && next < self.position
            {
                self.cut(next);
            }
        }
    }

    fn cut(&mut self, at: u64) {
        self.positions.push(at);
        self.start = at;
    }
}

/// FNV-1a, 32 bits.
pub fn fnv1a32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811C_9DC5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}
