//! What must hold for every archive and every compressed stream: they end, stay inside their bounds, and never panic.
//!
//! The fuzz targets in `native/fuzz` call these; the tests below replay the inputs in `native/fuzz/seeds`.

use std::io::{self, Read};

use crate::codec::{BoundedReader, Compression, Layers, OutputLimit};
use crate::extract::{MemberPath, TarReader};

/// How much a fuzzed stream may decode to, in bytes: enough to leave every buffer, little enough to stay fast.
const LIMIT: u64 = 4 * 1024 * 1024;

/// Reads an archive to its end and checks every name in it.
///
/// # Panics
///
/// If a name leads out, or more comes out than went in.
pub fn tar(input: &[u8]) {
    let mut archive = TarReader::new(input);
    let mut total = 0_u64;
    while let Ok(Some(member)) = archive.next_member() {
        if let Ok(path) = MemberPath::parse(&member.name) {
            assert!(
                path.components()
                    .all(|part| part != b".." && !part.contains(&0)),
                "{path:?} leads out"
            );
        }
        let copied = archive.copy_data(|piece| {
            total = total.saturating_add(piece.len() as u64);
            Ok(())
        });
        if copied.is_err() {
            return;
        }
    }
    assert!(total <= input.len() as u64, "more content than archive");
}

/// Undoes the compression that the first byte chooses.
///
/// # Panics
///
/// If more comes out than the limit lets through.
pub fn decode(input: &[u8]) {
    let Some((choice, stored)) = input.split_first() else {
        return;
    };
    let compression = match choice % 4 {
        0 => Compression::Gzip,
        1 => Compression::Bzip2,
        2 => Compression::Xz,
        _ => Compression::Zstd,
    };
    let limit = OutputLimit::AtMost(LIMIT);
    // Once, or one inside of the other.
    let compressions = [compression; 2];
    let compressions = if choice & 4 == 0 {
        compressions.get(1..).unwrap_or_default()
    } else {
        &compressions
    };
    let Ok(content) = Layers::of(compressions, limit).undo(Box::new(stored)) else {
        return;
    };
    let mut content = BoundedReader::new(content, limit).take(LIMIT.saturating_add(1));
    if let Ok(length) = io::copy(&mut content, &mut io::sink()) {
        assert!(length <= LIMIT, "{length} bytes passed a limit of {LIMIT}");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn replay(target: &str, run: fn(&[u8])) {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fuzz/seeds")
            .join(target);
        let entries: Vec<_> = fs::read_dir(seeds)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(!entries.is_empty(), "no seeds for {target}");
        for path in entries {
            run(&fs::read(path).unwrap());
        }
    }

    #[test]
    fn tar_holds_for_every_seed() {
        replay("tar", tar);
    }

    #[test]
    fn decode_holds_for_every_seed() {
        replay("decode", decode);
    }
}
