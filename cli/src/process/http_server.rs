//! Serving HTTP until asked to stop.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Requests at work may finish for so long after a stop was asked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running HTTP server.
pub(crate) struct HttpServer {
    /// Where it listens, the port filled in.
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

/// Takes the address; fails where somebody else has it.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("{address} can't be listened on (give another --listen, port 0 picks a free one). Nothing was started.")
    })
}

impl HttpServer {
    /// Begins to serve.
    pub(crate) fn start(listener: TcpListener, app: axum::Router) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let asked = stop.clone();
        let listener = listener.tap_io(|stream| {
            // Answers are small and waited for.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY could not be set");
            }
        });
        let served =
            axum::serve(listener, app).with_graceful_shutdown(async move { asked.cancelled().await });
        Ok(Self { address, stop, task: tokio::spawn(served.into_future()) })
    }

    /// Takes no more requests and waits for those at work.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if tokio::time::timeout(PATIENCE, self.task).await.is_err() {
            tracing::warn!("requests were still at work after {} s; they are cut off", PATIENCE.as_secs());
        }
    }
}
