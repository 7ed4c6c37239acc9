//! Being asked to stop.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGINT (Ctrl-C) or SIGTERM, and says which.
pub(crate) async fn stop_asked() -> anyhow::Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT can't be listened to")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can't be listened to")?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    })
}
