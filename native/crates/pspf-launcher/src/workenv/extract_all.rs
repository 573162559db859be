//! All wanted slots, on all cores, with the same result as one after the other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use pspf_format::Result;

use crate::extract::{Extraction, PendingModes, Totals, extract_slot};
use crate::package_file::PackageFile;
use crate::platform::{ContainedTree, Os, Platform, Tree};
use crate::report::show_progress;

/// More threads than this would break the memory bound, whatever the machine has.
const MAX_THREADS: usize = 8;
/// Slots from this size on are decoded on all cores, one slot after the other, in bytes.
const BIG: u64 = 4 * 1024 * 1024;

/// What came of an extraction.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What was written.
    pub(crate) totals: Totals,
    /// Two slots wanted the same name, so that the order of slots matters.
    pub(crate) clashed: bool,
}

/// Extracts slots into a directory. With `in_order` one after the other, so that of two files with one name the later wins.
pub(crate) fn extract_all(
    package: &PackageFile,
    slots: &[Extraction],
    tree: &mut Tree,
    name: &str,
    in_order: bool,
) -> Result<Outcome> {
    let total = slots
        .iter()
        .fold(0_u64, |sum, slot| sum.saturating_add(slot.stored.size));
    let threads = Os::cores().min(MAX_THREADS);
    thread::scope(|scope| {
        let line = move || {
            let read = package.streamed().saturating_mul(100);
            let percent = read.checked_div(total).unwrap_or(100).min(100);
            format!("unpacking {name}, {percent} %")
        };
        let progress = show_progress(scope, line);
        let slots: Vec<&Extraction> = slots.iter().collect();
        let result = extract(
            package,
            &slots,
            tree,
            if in_order { 1 } else { threads },
            threads,
        );
        drop(progress);
        result
    })
}

fn extract(
    package: &PackageFile,
    slots: &[&Extraction],
    tree: &mut Tree,
    at_once: usize,
    threads: usize,
) -> Result<Outcome> {
    let mut modes = PendingModes::new();
    let mut outcome = Outcome::default();
    let (big, small): (Vec<_>, Vec<_>) = if at_once > 1 && slots.len() > 1 {
        slots.iter().partition(|slot| slot.stored.size >= BIG)
    } else {
        (slots.to_vec(), Vec::new())
    };
    // A slot at a time: the archive's order decides among its own members.
    for slot in big {
        let mut own = tree.share();
        extract_slot(package, slot, &mut own, threads)?;
        outcome.add(&own);
        modes.append(&mut own.take_pending());
    }
    if !small.is_empty() {
        modes.append(&mut extract_at_once(
            package,
            &small,
            tree,
            at_once,
            &mut outcome,
        )?);
    }
    tree.finish(&modes)?;
    outcome.clashed &= slots.len() > 1;
    Ok(outcome)
}

impl Outcome {
    fn add(&mut self, tree: &Tree) {
        self.totals = self.totals.and(tree.totals());
        self.clashed |= tree.replaced_something();
    }
}

/// Small slots, several at once; the first error stops the rest.
fn extract_at_once(
    package: &PackageFile,
    slots: &[&Extraction],
    tree: &Tree,
    threads: usize,
    outcome: &mut Outcome,
) -> Result<PendingModes> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(slots.iter().map(|_| None).collect::<Vec<_>>());
    let work = || {
        while let Some((position, slot)) = take(&next, slots) {
            let mut own = tree.share();
            let result = extract_slot(package, slot, &mut own, 1).map(|()| own);
            if result.is_err() {
                next.store(slots.len(), Ordering::Relaxed);
            }
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = results.get_mut(position) {
                *place = Some(result);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(slots.len()) {
            // Fewer threads than wanted are slower, not wrong.
            let _ = thread::Builder::new()
                .stack_size(512 * 1024)
                .spawn_scoped(scope, work);
        }
        work();
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut modes = PendingModes::new();
    for result in results.into_iter().flatten() {
        let mut own = result?;
        outcome.add(&own);
        modes.append(&mut own.take_pending());
    }
    Ok(modes)
}

fn take<'a>(next: &AtomicUsize, slots: &[&'a Extraction]) -> Option<(usize, &'a Extraction)> {
    let position = next.fetch_add(1, Ordering::Relaxed);
    slots.get(position).map(|slot| (position, *slot))
}
