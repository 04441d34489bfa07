//! How far a transfer is, drawn on a terminal and nowhere else.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mi_client::Progress;

use crate::output::Output;

/// A size that people can read.
pub fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// A bar that is gone when it is dropped.
pub struct Bar(ProgressBar);

impl Bar {
    /// Without a total it only counts.
    pub fn start(out: &Output, name: &str, total: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(total, target(out));
        let template = match total {
            Some(_) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}",
            None => "{msg} {bytes} {bytes_per_sec}",
        };
        // The templates are constant; where one were wrong, the default bar does.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(crate::output::clean(name).into_owned());
        Self(bar)
    }

    /// Counts things instead of bytes; without a known number (0) it only counts.
    pub fn counting(out: &Output, name: &str, total: u64) -> Self {
        let bar = ProgressBar::with_draw_target((total > 0).then_some(total), target(out));
        let template = if total > 0 { "{msg} {wide_bar} {pos}/{len} {per_sec}" } else { "{msg} {pos} {per_sec}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        Self(bar)
    }

    pub fn add(&self, count: i64) {
        self.0.inc(u64::try_from(count).unwrap_or(0));
    }

    pub fn progress(&self) -> Progress {
        let bar = self.0.clone();
        Progress::new(move |bytes| bar.inc(bytes))
    }
}

/// How many of several things are done; gone when it is dropped.
pub struct Count(ProgressBar);

impl Count {
    pub fn start(out: &Output, what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, target(out));
        // The template is constant; were it wrong, the default bar would do.
        if let Ok(style) = ProgressStyle::with_template("{pos}/{len} {msg}") {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self(bar)
    }

    pub fn of(&mut self, total: u64) {
        self.0.set_length(total);
    }

    pub fn at(&mut self, done: u64) {
        self.0.set_position(done);
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn target(out: &Output) -> ProgressDrawTarget {
    if out.stderr_is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}
