//! Serving HTTP until asked to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::serve::{Listener, ListenerExt};
use lacuna_proto::tls::accept::Incoming;
use lacuna_proto::tls::client_port::{self, ClientPort, ClientStream};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Requests at work may finish for so long after a stop was asked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running HTTP server.
pub(crate) struct HttpServer {
    /// Where it listens, the port filled in.
    pub(crate) address: SocketAddr,
    scheme: &'static str,
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
    /// Begins to serve: over TLS where a certificate is given, else in plain text.
    pub(crate) fn start(
        listener: TcpListener,
        app: axum::Router,
        tls: Option<Arc<ClientPort>>,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let task = match tls {
            None => {
                let listener = listener.tap_io(|stream| {
                    // Answers are small and waited for.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY could not be set");
                    }
                });
                serve(listener, app, stop.clone())
            }
            Some(port) => {
                tokio::spawn(Arc::clone(&port).follow(stop.clone()));
                serve(TlsListener(client_port::clients(listener, port)?), app, stop.clone())
            }
        };
        Ok(Self { address, scheme, stop, task })
    }

    /// Where clients find it.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Takes no more requests and waits for those at work.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if tokio::time::timeout(PATIENCE, self.task).await.is_err() {
            tracing::warn!("requests were still at work after {} s; they are cut off", PATIENCE.as_secs());
        }
    }
}

fn serve<L>(listener: L, app: axum::Router, stop: CancellationToken) -> JoinHandle<std::io::Result<()>>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let served = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
    tokio::spawn(served.into_future())
}

/// Connections after their handshakes. Dropped with the server, it ends the listening.
struct TlsListener(Incoming<ClientStream>);

impl Listener for TlsListener {
    type Io = ClientStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (ClientStream, SocketAddr) {
        match self.0.next().await {
            Some(accepted) => accepted,
            // Only while the runtime ends.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.0.address)
    }
}
