//! Stopping cleanly.
use anyhow::{Context as _, Result};
use tokio_util::sync::CancellationToken;

/// A token that ctrl-c or SIGTERM cancels. A second one ends the process at once.
pub fn token() -> Result<CancellationToken> {
    use tokio::signal::unix::{signal, SignalKind};
    let what = "This system has no signals to stop by";
    let mut terminate = signal(SignalKind::terminate()).context(what)?;
    let mut interrupt = signal(SignalKind::interrupt()).context(what)?;
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        for already in [false, true] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if already {
                std::process::exit(130);
            }
            cancel.cancel();
        }
    });
    Ok(token)
}

/// The same as a channel that says true once.
pub fn channel(token: &CancellationToken) -> tokio::sync::watch::Receiver<bool> {
    let (tell, hear) = tokio::sync::watch::channel(false);
    let token = token.clone();
    tokio::spawn(async move {
        token.cancelled().await;
        // Nobody hears it only where the agent has ended already.
        let _ = tell.send(true);
        tell.closed().await;
    });
    hear
}
