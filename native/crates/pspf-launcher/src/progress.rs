//! One line on a terminal, for starts that take noticeably long.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, Scope};
use std::time::Duration;

use crate::package_file::PackageFile;
use crate::report;

/// How long a start stays silent.
const SILENCE: Duration = Duration::from_millis(300);
/// Time between two updates.
const PERIOD: Duration = Duration::from_millis(100);

/// Shows how much of `total` stored bytes was read until the returned sender is dropped. Silent without a terminal.
pub(crate) fn show_progress<'scope>(
    scope: &'scope Scope<'scope, '_>,
    package: &'scope PackageFile,
    name: &'scope str,
    total: u64,
) -> Option<Sender<()>> {
    if !io::stderr().is_terminal() || std::env::var_os("CI").is_some() {
        return None;
    }
    let (done, waiting) = mpsc::channel();
    let spawned = thread::Builder::new()
        .stack_size(64 * 1024)
        .spawn_scoped(scope, move || {
            let mut pause = SILENCE;
            let mut shown = false;
            while waiting.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let percent = package
                    .streamed()
                    .saturating_mul(100)
                    .checked_div(total)
                    .unwrap_or(100)
                    .min(100);
                report::write(&format!("\rflavor: unpacking {name}, {percent} %"));
                shown = true;
                pause = PERIOD;
            }
            if shown {
                report::write("\r\x1b[K");
            }
        });
    spawned.is_ok().then_some(done)
}
