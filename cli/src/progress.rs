//! Signs of life on stderr while something takes long; none where nobody watches.
use crate::output::harmless;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// One line, whatever is in what others named.
fn line(what: impl Into<String>) -> String {
    harmless(&what.into()).replace('\n', "\\n")
}

/// Something that takes long. Cleared when dropped.
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// Begins; says nothing unless stderr is a terminal.
    pub fn start(what: impl Into<String>) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(line(what));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(Some(bar))
    }

    /// Says what goes on now.
    pub fn say(&self, what: impl Into<String>) {
        if let Some(bar) = &self.0 {
            bar.set_message(line(what));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// How far something is that has parts. Cleared when dropped.
pub struct Bar(Option<ProgressBar>);

impl Bar {
    /// Begins; says nothing unless stderr is a terminal.
    pub fn start(what: impl Into<String>) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new(0);
        let template = "{spinner} [{bar:30}] {pos}/{len} {msg} ({elapsed}, {eta} to go)";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(line(what));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(Some(bar))
    }

    /// Says how far it is.
    pub fn at(&self, done: usize, of: usize, what: impl Into<String>) {
        if let Some(bar) = &self.0 {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
            bar.set_message(line(what));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
