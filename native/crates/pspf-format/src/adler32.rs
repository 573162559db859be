//! Adler-32, the checksum of the index block.

const MODULUS: u32 = 65_521;
/// The longest run for which neither sum can overflow 32 bits before it is reduced.
const RUN: usize = 5552;

/// A running Adler-32.
#[derive(Clone, Copy, Debug)]
pub struct Adler32 {
    low: u32,
    high: u32,
}

impl Adler32 {
    /// The checksum of nothing.
    pub const fn new() -> Self {
        Self { low: 1, high: 0 }
    }

    /// Takes more bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        for run in bytes.chunks(RUN) {
            for byte in run {
                self.low = self.low.wrapping_add(u32::from(*byte));
                self.high = self.high.wrapping_add(self.low);
            }
            self.low %= MODULUS;
            self.high %= MODULUS;
        }
    }

    /// The checksum of everything taken in.
    pub const fn finish(self) -> u32 {
        (self.high << 16) | self.low
    }
}

impl Default for Adler32 {
    fn default() -> Self {
        Self::new()
    }
}

/// Adler-32 of some bytes.
pub fn adler32(bytes: &[u8]) -> u32 {
    let mut sum = Adler32::new();
    sum.update(bytes);
    sum.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adler32_matches_the_published_values() {
        assert_eq!(adler32(b""), 1);
        assert_eq!(adler32(b"a"), 0x0062_0062);
        assert_eq!(adler32(b"Hello, PSPF!\n"), 0x1D51_03A5);
        assert_eq!(adler32(&[0; 8192]), 0x2000_0001);
    }

    #[test]
    fn adler32_does_not_overflow_on_the_largest_bytes() {
        let mut expected = (1u64, 0u64);
        for _ in 0..100_000 {
            expected.0 = (expected.0 + 255) % 65_521;
            expected.1 = (expected.1 + expected.0) % 65_521;
        }
        let value = adler32(&std::vec![0xFF; 100_000]);
        assert_eq!(u64::from(value), (expected.1 << 16) | expected.0);
    }
}
