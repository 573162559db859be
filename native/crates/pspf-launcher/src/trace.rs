//! What a start spends its time on, in microseconds.

use std::fmt::Write as _;
use std::time::Instant;

use pspf_format::Result;

use crate::failure::IoContext;
use crate::json::{JsonObject, array};
use crate::package::Package;
use crate::platform;
use crate::report;
use crate::settings::Settings;
use crate::start::{self, Invocation};

/// Steps of a start, each with the time at its end.
pub(crate) struct Timeline {
    begin: Instant,
    steps: Vec<(&'static str, u128)>,
}

impl Timeline {
    /// Begins now.
    pub(crate) fn begin() -> Self {
        Self {
            begin: Instant::now(),
            steps: Vec::new(),
        }
    }

    /// Says that a step has just ended.
    pub(crate) fn step(&mut self, name: &'static str) {
        self.steps.push((name, self.begin.elapsed().as_micros()));
    }
}

/// Prepares a start, as far as the moment at which the program would take over, and shows what took how long.
pub(crate) fn traced(
    package: &Package,
    invocation: &Invocation,
    settings: &Settings,
    json: bool,
) -> Result<u8> {
    let mut timeline = Timeline::begin();
    let (file, path) = platform::open_self().context("open", &package.path)?;
    timeline.step("open this file");
    let package = Package::open(file, path, settings.level, settings.trusted.as_deref())?;
    timeline.step("check trailer, seal and key");
    let warm = start::prepare(&package, invocation, settings, &mut timeline)?;
    let text = if json {
        let steps = timeline.steps.iter().map(|(name, at)| {
            JsonObject::new()
                .text("step", name)
                .number("at_us", u64::try_from(*at).unwrap_or(u64::MAX))
                .finish()
        });
        format!(
            "{}\n",
            JsonObject::new()
                .flag("warm", warm)
                .raw("steps", &array(steps))
                .finish()
        )
    } else {
        let mut text = String::new();
        for (name, at) in &timeline.steps {
            let _ = writeln!(text, "{at:>9} us  {name}");
        }
        text
    };
    report::output(&text).map(|()| 0)
}
