//! The last 8200 bytes of a package: start marker, index block, end marker.

use alloc::format;

use crate::constants::{APPENDED_SEARCH, END_MARKER, INDEX_SIZE, START_MARKER, TRAILER_SIZE};
use crate::error::{Error, Result};
use crate::error_kind::ErrorKind;

/// The bytes of an index block.
pub type IndexBlock = [u8; INDEX_SIZE];

/// Finds the index block at the end of a file.
///
/// `tail` is the end of the file, at least its last 8200 bytes. Give up to 64 KiB more, and the
/// error says how many bytes were appended after the package, if that is what happened.
pub fn find_index(tail: &[u8]) -> Result<&IndexBlock> {
    block_ending_at(tail, tail.len()).ok_or_else(|| not_a_package(tail))
}

fn block_ending_at(tail: &[u8], end: usize) -> Option<&IndexBlock> {
    let trailer = tail.get(..end)?.last_chunk::<TRAILER_SIZE>()?;
    let (start, rest) = trailer.split_first_chunk::<4>()?;
    let (block, end) = rest.split_first_chunk::<INDEX_SIZE>()?;
    (*start == START_MARKER && *end == END_MARKER).then_some(block)
}

fn not_a_package(tail: &[u8]) -> Error {
    let error = Error::new(
        ErrorKind::FormatNotAPackage,
        "there is no PSPF/2025 trailer at the end of the file",
    );
    if tail.len() < TRAILER_SIZE {
        return error
            .with("size", tail.len())
            .with("smallest package", TRAILER_SIZE);
    }
    match appended_bytes(tail) {
        Some(1) => error.hint("1 byte was appended to the package: remove it"),
        Some(count) => error.hint(format!(
            "{count} bytes were appended to the package: remove them"
        )),
        None => error.hint("this file is not a package, or its end was cut off"),
    }
}

/// How many bytes follow a complete trailer, where one lies near the end.
fn appended_bytes(tail: &[u8]) -> Option<usize> {
    (1..=APPENDED_SEARCH).find(|count| {
        tail.len()
            .checked_sub(*count)
            .is_some_and(|end| block_ending_at(tail, end).is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::encode_trailer as encode;

    #[test]
    fn find_index_finds_what_encode_wrote() {
        let block = [7; INDEX_SIZE];
        let trailer = encode(&block);
        assert_eq!(trailer.len(), TRAILER_SIZE);
        assert_eq!(find_index(&trailer).unwrap(), &block);
        let longer = [b"before".as_slice(), &trailer].concat();
        assert_eq!(find_index(&longer).unwrap(), &block);
    }

    #[test]
    fn find_index_refuses_a_trailer_truncated_anywhere() {
        let trailer = encode(&[0; INDEX_SIZE]);
        for length in 0..trailer.len() {
            assert_eq!(
                find_index(&trailer[..length]).unwrap_err().kind(),
                ErrorKind::FormatNotAPackage
            );
            assert_eq!(
                find_index(&trailer[TRAILER_SIZE - length..])
                    .unwrap_err()
                    .kind(),
                ErrorKind::FormatNotAPackage
            );
        }
    }

    #[test]
    fn find_index_says_how_much_was_appended() {
        let mut file = encode(&[0; INDEX_SIZE]);
        file.extend_from_slice(b"signature");
        let error = find_index(&file).unwrap_err();
        assert_eq!(error.code(), "format/not-a-package");
        assert!(
            error
                .next_step()
                .unwrap()
                .starts_with("9 bytes were appended")
        );
    }
}
