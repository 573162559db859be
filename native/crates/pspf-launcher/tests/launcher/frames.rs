//! Slots that are cut into frames.

use crate::builder::{PackageBuilder, Slot};
use crate::sandbox::{Sandbox, assert_code, assert_refused, stdout};
use crate::tar::Tar;

/// Content in which every part is different, and which compresses.
fn content(size: usize) -> Vec<u8> {
    let lines = (0_u64..).map(|number| format!("{:x}\n", number * number));
    let mut content = Vec::with_capacity(size + 20);
    for line in lines {
        if content.len() >= size {
            break;
        }
        content.extend_from_slice(line.as_bytes());
    }
    content.truncate(size);
    content
}

/// A package whose program sums up what it finds.
fn summing() -> PackageBuilder {
    PackageBuilder::script("cd \"$FLAVOR_WORKENV\"; find data* -type f | sort | xargs cksum")
}

#[test]
fn slots_with_frames_are_what_they_are_without() {
    let big = content(7_000_000);
    let mut archive = Tar::new().file("data/big", 0o644, &big);
    for number in 0..300_usize {
        archive = archive.file(
            &format!("data/{number}"),
            0o644,
            &big[number * 1000..number * 1013],
        );
    }
    let archive = archive.file("data/zeta", 0o644, &big[..2_500_000]).finish();
    let tar = || Slot::tar("data", archive.clone());
    let file = || Slot::file("data", &big);
    let mut seen = Vec::new();
    for slots in [
        [
            tar(),
            tar().raw_frames(1 << 20),
            tar().zstd_frames(1 << 20),
            tar().zstd(),
        ],
        [
            file(),
            file().raw_frames(1 << 20),
            file().zstd_frames(1 << 20),
            file().zstd(),
        ],
    ] {
        for slot in slots {
            let sandbox = Sandbox::new();
            let package = sandbox.package("demo.psp", summing().slot(slot));
            let output = package.run([""; 0]);
            assert_code(&output, 0);
            assert!(!stdout(&output).is_empty());
            seen.push(stdout(&output));
        }
    }
    assert!(seen[..4].iter().all(|text| *text == seen[0]));
    assert!(seen[4..].iter().all(|text| *text == seen[4]));
}

#[test]
fn a_frame_that_is_not_what_its_table_says_never_reaches_the_decoder() {
    let sandbox = Sandbox::new();
    let mut slot = Slot::file("data", content(5_000_000)).zstd_frames(1 << 20);
    slot.spoiled_frame = Some(2);
    let package = sandbox.package("demo.psp", summing().slot(slot));
    assert_refused(&package.run([""; 0]), 107, "verify/slot-digest");
    assert!(!sandbox.workenv_exists());
}

#[test]
fn a_table_that_does_not_fit_its_slot_is_refused_in_a_sealed_package() {
    let sandbox = Sandbox::new();
    let good = || Slot::file("data", content(3_000_000)).zstd_frames(1 << 20);
    let mut longer = good();
    longer.frames[0].1 += 1;
    let mut zero = good();
    zero.frames[0].1 += zero.frames[1].1;
    zero.frames[1].1 = 0;
    let mut one = Slot::file("data", "x").raw_frames(1 << 20);
    one.frames.truncate(1);
    let compressed = good().stored_as("gzip", crate::builder::gzip(&content(3_000_000)));
    for slot in [longer, zero, one, compressed] {
        let mut slot = slot;
        slot.spoiled_frame = None;
        let total: usize = slot.frames.iter().map(|(stored, _)| stored).sum();
        if total > slot.stored.len() {
            slot.frames.truncate(1);
        }
        let package = sandbox.package("demo.psp", summing().slot(slot));
        assert_refused(&package.run([""; 0]), 102, "format/bad-slot");
        assert!(!sandbox.workenv_exists());
    }
}

#[test]
fn frames_whose_content_is_not_as_long_as_they_say_are_refused() {
    let sandbox = Sandbox::new();
    let mut slot = Slot::file("data", content(3_000_000)).zstd_frames(1 << 20);
    slot.frames[0].1 -= 1;
    slot.frames[1].1 += 1;
    let package = sandbox.package("demo.psp", summing().slot(slot));
    assert_refused(&package.run([""; 0]), 103, "compress/corrupt");
    assert!(!sandbox.workenv_exists());
}
