//! Hashes stored bytes on their way to the decoder, so that nothing is read twice.

use std::io::{self, BufRead, Read};

use sha2::{Digest, Sha256};

use crate::package_file::read_buffered;

/// Passes bytes through and keeps their SHA-256.
pub(crate) struct DigestReader<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: BufRead> DigestReader<R> {
    /// Hashes what `inner` yields.
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
        }
    }

    /// Reads what the decoder left, and returns the digest of everything.
    pub(crate) fn finish(mut self) -> io::Result<[u8; 32]> {
        loop {
            let count = self.fill_buf()?.len();
            if count == 0 {
                return Ok(self.hasher.finalize().into());
            }
            self.consume(count);
        }
    }
}

impl<R: BufRead> BufRead for DigestReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // The buffer is still the one that `fill_buf` returned, so this hashes exactly the bytes handed out.
        if let Ok(bytes) = self.inner.fill_buf()
            && let Some(bytes) = bytes.get(..amount)
        {
            self.hasher.update(bytes);
        }
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for DigestReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finish_hashes_what_was_read_and_what_was_left() {
        let data: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        let mut reader = DigestReader::new(data.as_slice());
        let mut head = [0; 100];
        reader.read_exact(&mut head).unwrap();
        let expected: [u8; 32] = Sha256::digest(&data).into();
        assert_eq!(reader.finish().unwrap(), expected);
    }
}
