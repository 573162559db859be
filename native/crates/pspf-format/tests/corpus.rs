//! What the fuzz targets check, over their seeds and over changed seeds, without a fuzzer.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test reads its seeds from files, and stops where a property does not hold"
)]

#[expect(
    unreachable_pub,
    reason = "the fuzz targets use the same file from another crate"
)]
#[path = "../../../fuzz/src/checks.rs"]
mod checks;

use std::fs;
use std::path::Path;

/// Runs a check over every seed, over every truncation of a small one, and over changed copies.
fn run(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target);
    let mut seeds = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let seed = fs::read(entry.unwrap().path()).unwrap();
        seeds += 1;
        check(&seed);
        let step = 1 + seed.len() / 1024;
        for length in (0..seed.len()).step_by(step) {
            check(&seed[..length]);
            check(&seed[length..]);
        }
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        let mut next = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        for _ in 0..2000.min(seed.len() * 64) {
            let mut changed = seed.clone();
            for _ in 0..=next() % 4 {
                // The format's own numbers and JSON's own characters get further than random ones.
                let bytes = *b"\x00\x01\xFF\x7F\"\\{}[]:,0u";
                let at = usize::try_from(next()).unwrap() % changed.len();
                changed[at] = bytes[usize::try_from(next()).unwrap() % bytes.len()];
            }
            check(&changed);
        }
    }
    assert!(seeds > 0, "there are no seeds for {target}");
}

#[test]
fn index_holds_over_the_corpus() {
    run("index", checks::index);
}

#[test]
fn table_holds_over_the_corpus() {
    run("table", checks::table);
}

#[test]
fn metadata_holds_over_the_corpus() {
    run("metadata", checks::metadata);
}

#[test]
fn chain_holds_over_the_corpus() {
    run("chain", checks::chain);
}
