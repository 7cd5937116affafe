//! Telling the user's own programs what happens.
use anyhow::Result;
use lode_notify::{Delivery, Hook, Notices};

/// The options of every command that goes on for long.
#[derive(clap::Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Shell command that is run for each event, with the event as JSON on stdin and in LODE_EVENT
    #[arg(long, value_name = "COMMAND")]
    on_event: Option<String>,
    /// URL to which each event is posted as JSON: https, or an address of this machine
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
}

impl Hooks {
    /// Starts to deliver what is told.
    pub fn start(&self, from: &'static str) -> Result<(Notices, Delivery)> {
        let hook = Hook::new(self.on_event.clone(), self.webhook.as_deref())?;
        Ok(hook.start(from)?)
    }
}
