//! What was done to a slot's bytes, in order.

use alloc::format;
use core::fmt;

use crate::constants::MAX_OPERATIONS;
use crate::error::{Error, Result};
use crate::error_kind::ErrorKind;
use crate::operation::{Operation, SPELLINGS};

/// Operations in the order they were executed; a reader undoes them from the end.
///
/// Held as the packed number of the slot descriptor, which is known to have no holes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationChain(u64);

impl OperationChain {
    /// No operation at all.
    pub const RAW: Self = Self(0);

    /// Unpacks a descriptor's field. A code after a zero byte is refused: existing readers disagree
    /// on what it means.
    pub fn unpack(packed: u64) -> Result<Self> {
        let mut codes = packed
            .to_le_bytes()
            .into_iter()
            .skip_while(|code| *code != 0);
        if codes.any(|code| code != 0) {
            return Err(Error::new(
                ErrorKind::FormatBadOperations,
                "the operation chain has a hole",
            )
            .with("operations", format_args!("{packed:#018x}")));
        }
        Ok(Self(packed))
    }

    /// Packs operations given in the order of execution.
    pub fn from_operations(operations: &[Operation]) -> Result<Self> {
        operations
            .iter()
            .try_fold(Self::RAW, |chain, operation| chain.then(*operation))
    }

    /// Reads any spelling that one of the existing builders accepts: `raw`, `gzip`, `tgz`,
    /// `tar.gz`, `TAR|GZIP`, `tar,gzip`. Case and blanks do not matter, empty parts are skipped.
    pub fn parse(text: &str) -> Result<Self> {
        let normal = text.trim().to_ascii_lowercase();
        if matches!(normal.as_str(), "" | "raw" | "none") {
            return Ok(Self::RAW);
        }
        let parts = normal
            .split(['|', ','])
            .map(str::trim)
            .filter(|part| !part.is_empty());
        parts
            .flat_map(|part| {
                part_operations(part).map_or_else(|| [Err(part), Ok(None)], |pair| pair.map(Ok))
            })
            .try_fold(Self::RAW, |chain, operation| match operation {
                Ok(Some(operation)) => chain.then(operation),
                Ok(None) => Ok(chain),
                Err(part) => Err(unknown_name(text, part)),
            })
    }

    /// The chain with one more operation at its end.
    pub fn then(self, operation: Operation) -> Result<Self> {
        let length = self.len();
        if operation.0 == 0 || length >= MAX_OPERATIONS {
            return Err(Error::new(
                ErrorKind::FormatBadOperations,
                "an operation chain holds 1 to 8 codes, none zero",
            )
            .with("operation", operation));
        }
        let mut codes = self.0.to_le_bytes();
        if let Some(free) = codes.get_mut(length) {
            *free = operation.0;
        }
        Ok(Self(u64::from_le_bytes(codes)))
    }

    /// Refuses a chain with an operation that no reader can undo.
    pub fn require_known(self) -> Result<Self> {
        match self
            .iter()
            .find(|operation| operation.supported().is_none())
        {
            None => Ok(self),
            Some(unknown) => Err(Error::new(
                ErrorKind::FormatBadOperations,
                "an operation is not supported",
            )
            .with("operation", unknown)
            .with("code", format_args!("{:#04x}", unknown.0))
            .hint("a newer flavor may know it")),
        }
    }

    /// The number to store in a descriptor.
    pub const fn pack(self) -> u64 {
        self.0
    }

    /// Operations in the order of execution. Reverse it to undo them.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Operation> {
        self.0
            .to_le_bytes()
            .into_iter()
            .filter(|code| *code != 0)
            .map(Operation)
    }

    /// Number of operations.
    pub fn len(self) -> usize {
        self.iter().count()
    }

    /// Whether the stored bytes are the content itself.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the slot is a tree of files.
    pub fn is_archive(self) -> bool {
        self.iter().any(|operation| operation == Operation::TAR)
    }
}

/// `raw`, one name, a dotted pair like `tar.gz`, or names joined by `|`. [`OperationChain::parse`]
/// reads all of them.
impl fmt::Display for OperationChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("raw");
        }
        let mut operations = self.iter();
        if let (Some(Operation::TAR), Some(second), None) =
            (operations.next(), operations.next(), operations.next())
            && let Some(pair) = SPELLINGS
                .iter()
                .find_map(|(operation, _, pairs)| (*operation == second).then(|| pairs.first())?)
        {
            return f.write_str(pair);
        }
        for (position, operation) in self.iter().enumerate() {
            write!(f, "{}{operation}", if position == 0 { "" } else { "|" })?;
        }
        Ok(())
    }
}

/// The operations that one part of a spelling stands for: one, or a usual pair.
fn part_operations(part: &str) -> Option<[Option<Operation>; 2]> {
    SPELLINGS.iter().find_map(|(operation, name, pairs)| {
        if *name == part {
            Some([None, Some(*operation)])
        } else {
            pairs
                .contains(&part)
                .then_some([Some(Operation::TAR), Some(*operation)])
        }
    })
}

fn unknown_name(text: &str, part: &str) -> Error {
    Error::new(
        ErrorKind::FormatBadOperations,
        format!("cannot read the operations \"{text}\": \"{part}\" is not known"),
    )
    .hint("use raw, tar, gzip, bzip2, xz, zstd, tar.gz, tar.bz2, tar.xz, tar.zst, or names joined by |")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn parse_reads_every_spelling_of_every_builder() {
        for (texts, packed) in [
            (&["", "raw", "none", "RAW", " raw ", "|", ","][..], 0),
            (&["tar", "TAR", "tar|"], 0x01),
            (&["gzip", "GZIP"], 0x10),
            (
                &[
                    "tgz",
                    "tar.gz",
                    "TAR.GZ",
                    "tar|gzip",
                    "TAR|GZIP",
                    "tar,gzip",
                    " tar | gzip ",
                ],
                0x1001,
            ),
            (&["gzip,tar"], 0x0110),
            (&["bzip2"], 0x13),
            (&["xz"], 0x16),
            (&["zstd"], 0x1B),
            (&["tar.bz2", "tbz2"], 0x1301),
            (&["tar.xz", "txz"], 0x1601),
            (&["tar.zst", "tar|zstd"], 0x1B01),
        ] {
            for text in texts {
                assert_eq!(
                    OperationChain::parse(text).unwrap().pack(),
                    packed,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn parse_refuses_what_it_does_not_know() {
        let long = ["gzip"; 9].join("|");
        for text in ["gz", "frob", "tar.zstd", "tar|raw", "tar gzip", &long] {
            let error = OperationChain::parse(text).unwrap_err();
            assert_eq!(error.code(), "format/bad-operations", "{text}");
        }
    }

    #[test]
    fn unpack_refuses_holes() {
        for packed in [
            0x0010_0001,
            0x1000,
            u64::from(u32::MAX) << 32,
            0xFF00_FFFF_FFFF_FFFF,
        ] {
            assert!(OperationChain::unpack(packed).is_err(), "{packed:#x}");
        }
        assert!(OperationChain::unpack(u64::MAX).is_ok());
    }

    #[test]
    fn display_is_read_back_by_parse() {
        for packed in [
            0, 0x01, 0x10, 0x13, 0x16, 0x1B, 0x1001, 0x1301, 0x1601, 0x1B01, 0x1B10, 0x0110,
        ] {
            let chain = OperationChain::unpack(packed).unwrap();
            assert_eq!(OperationChain::parse(&chain.to_string()).unwrap(), chain);
        }
        assert_eq!(
            OperationChain::unpack(0x2F01).unwrap().to_string(),
            "tar|unknown_2f"
        );
    }

    #[test]
    fn require_known_refuses_registered_but_unsupported_operations() {
        let chain = OperationChain::unpack(0x31_1001).unwrap();
        let error = chain.require_known().unwrap_err();
        assert!(error.to_string().contains("aes256_gcm"), "{error}");
        assert!(
            OperationChain::unpack(0x1001)
                .unwrap()
                .require_known()
                .is_ok()
        );
    }

    #[test]
    fn iter_reversed_undoes_from_the_end() {
        let chain = OperationChain::parse("tar.zst").unwrap();
        assert!(chain.iter().rev().eq([Operation::ZSTD, Operation::TAR]));
        assert!(chain.is_archive());
    }
}
