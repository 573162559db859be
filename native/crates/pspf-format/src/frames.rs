//! Frames: parts of a slot that can be read, checked and decoded without the others.
//!
//! The table is written into the signed metadata. It is a help, and never the authority: that is the SHA-256 of the whole
//! slot.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::base64;
use crate::error::{Error, Result};
use crate::error_kind::ErrorKind;
use crate::operation::Operation;
use crate::operation_chain::OperationChain;

/// Most frames that a slot can have.
pub const MAX_FRAMES: usize = 65_536;
/// How much of the SHA-256 of a stored frame the table keeps, in bytes.
pub const FRAME_DIGEST_SIZE: usize = 16;

/// One frame of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Length of its stored bytes.
    pub stored: u64,
    /// Length of its content, in bytes.
    pub content: u64,
    /// First bytes of the SHA-256 of its stored bytes.
    pub digest: [u8; FRAME_DIGEST_SIZE],
}

/// The table as the document has it, of the right types and otherwise unchecked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FrameTable<'a> {
    /// Lengths of the stored frames.
    pub stored: Vec<u64>,
    /// Lengths of their content.
    pub content: Vec<u64>,
    /// All digests, one after the other, in Base64.
    pub digests: Cow<'a, str>,
}

impl FrameTable<'_> {
    /// Checks the table against the slot that it describes, and gives the frames.
    pub fn check(&self, stored: u64, content: u64, chain: OperationChain) -> Result<Vec<Frame>> {
        let compressed = match chain.iter().last() {
            None | Some(Operation::TAR) if chain.len() < 2 => false,
            Some(Operation::ZSTD) if chain.len() == 1 => true,
            Some(Operation::ZSTD) if chain.is_archive() && chain.len() == 2 => true,
            _ => return Err(bad("a chain of operations that has none")),
        };
        if self.stored.len() != self.content.len() || !(2..=MAX_FRAMES).contains(&self.stored.len())
        {
            return Err(bad("lists of the wrong length"));
        }
        if !compressed && self.stored != self.content {
            return Err(bad("frames whose content is not what is stored"));
        }
        if sum(&self.stored) != Some(stored) || sum(&self.content) != Some(content) {
            return Err(bad("frames that do not add up to the slot"));
        }
        let digests = base64::decode(&self.digests).unwrap_or_default();
        let (digests, []) = digests.as_chunks::<FRAME_DIGEST_SIZE>() else {
            return Err(bad("digests of the wrong length"));
        };
        if digests.len() != self.stored.len() {
            return Err(bad("digests of the wrong length"));
        }
        let sizes = self.stored.iter().zip(&self.content);
        Ok(sizes
            .zip(digests)
            .map(|((stored, content), digest)| Frame {
                stored: *stored,
                content: *content,
                digest: *digest,
            })
            .collect())
    }
}

/// `None` where a size is zero, or all of them are more than a number can hold.
fn sum(sizes: &[u64]) -> Option<u64> {
    sizes.iter().try_fold(0_u64, |sum, size| {
        sum.checked_add(*size).filter(|_| *size > 0)
    })
}

fn bad(what: &'static str) -> Error {
    Error::new(
        ErrorKind::FormatBadSlot,
        "the frame table does not fit its slot",
    )
    .with("it names", what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(stored: &[u64], content: &[u64], digests: &'static str) -> FrameTable<'static> {
        FrameTable {
            stored: stored.to_vec(),
            content: content.to_vec(),
            digests: digests.into(),
        }
    }

    /// Two digests: sixteen zeros, sixteen ones.
    const TWO: &str = "AAAAAAAAAAAAAAAAAAAAAP////////////////////8=";

    fn chain(text: &str) -> OperationChain {
        OperationChain::parse(text).unwrap()
    }

    #[test]
    fn check_gives_the_frames_of_a_table_that_fits() {
        let frames = table(&[3, 4], &[10, 20], TWO)
            .check(7, 30, chain("tar.zst"))
            .unwrap();
        assert_eq!(
            frames,
            [
                Frame {
                    stored: 3,
                    content: 10,
                    digest: [0; 16]
                },
                Frame {
                    stored: 4,
                    content: 20,
                    digest: [0xFF; 16]
                }
            ]
        );
        for text in ["raw", "tar"] {
            assert!(
                table(&[3, 4], &[3, 4], TWO)
                    .check(7, 7, chain(text))
                    .is_ok()
            );
        }
        assert!(
            table(&[3, 4], &[10, 20], TWO)
                .check(7, 30, chain("zstd"))
                .is_ok()
        );
    }

    #[test]
    fn check_refuses_a_table_that_does_not_fit() {
        let many = alloc::vec![1; MAX_FRAMES + 1];
        let most = u64::try_from(many.len()).unwrap();
        for (case, (table, stored, content, operations)) in [
            (
                table(&[7], &[30], "AAAAAAAAAAAAAAAAAAAAAA=="),
                7,
                30,
                "zstd",
            ),
            (table(&[], &[], ""), 0, 0, "zstd"),
            (table(&[3, 4], &[10], TWO), 7, 10, "zstd"),
            (table(&[3, 4], &[10, 20], TWO), 8, 30, "zstd"),
            (table(&[3, 4], &[10, 20], TWO), 7, 31, "zstd"),
            (table(&[0, 7], &[10, 20], TWO), 7, 30, "zstd"),
            (table(&[3, 4], &[0, 30], TWO), 7, 30, "zstd"),
            (table(&[u64::MAX, 8], &[10, 20], TWO), 7, 30, "zstd"),
            (table(&[3, 4], &[10, 20], "AAAA"), 7, 30, "zstd"),
            (table(&[3, 4], &[10, 20], ""), 7, 30, "zstd"),
            (table(&[3, 4], &[10, 20], "not base64"), 7, 30, "zstd"),
            (table(&[3, 4], &[4, 3], TWO), 7, 7, "tar"),
            (table(&[3, 4], &[3, 4], TWO), 7, 7, "gzip"),
            (table(&[3, 4], &[3, 4], TWO), 7, 7, "tar.gz"),
            (table(&[3, 4], &[3, 4], TWO), 7, 7, "zstd|zstd"),
            (table(&[3, 4], &[3, 4], TWO), 7, 7, "gzip|zstd"),
            (table(&[3, 4], &[3, 4], TWO), 7, 7, "tar|gzip|zstd"),
            (table(&many, &many, TWO), most, most, "zstd"),
        ]
        .into_iter()
        .enumerate()
        {
            let error = table.check(stored, content, chain(operations)).unwrap_err();
            assert_eq!(error.code(), "format/bad-slot", "case {case}");
        }
    }
}
