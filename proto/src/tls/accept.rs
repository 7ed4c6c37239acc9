//! Accepted connections, after their TLS handshake.
//!
//! Handshakes run beside each other: a client that connects and says nothing holds nobody up.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

/// Longest time a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Handshakes at once; further connections wait in the system's queue.
const AT_ONCE: usize = 1_024;
/// Connections that wait to be taken.
const WAITING: usize = 64;

/// Connections that are ready to use.
#[derive(Debug)]
pub struct Incoming<S> {
    /// The address that is listened on.
    pub address: SocketAddr,
    ready: mpsc::Receiver<(S, SocketAddr)>,
}

impl<S: Send + 'static> Incoming<S> {
    /// Accepts connections and makes each ready by `handshake`, until this is dropped.
    pub fn start<F, Fut>(listener: TcpListener, handshake: F) -> io::Result<Self>
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = io::Result<S>> + Send + 'static,
    {
        let address = listener.local_addr()?;
        let (send, ready) = mpsc::channel(WAITING);
        tokio::spawn(accept(listener, handshake, send));
        Ok(Self { address, ready })
    }

    /// The next connection; `None` never comes while the process lives.
    pub async fn next(&mut self) -> Option<(S, SocketAddr)> {
        self.ready.recv().await
    }

    /// The connections as a stream.
    pub fn into_streams(self) -> impl futures::Stream<Item = io::Result<S>> + Send {
        futures::stream::unfold(self.ready, |mut ready| async move {
            let (stream, _) = ready.recv().await?;
            Some((Ok(stream), ready))
        })
    }
}

async fn accept<S, F, Fut>(listener: TcpListener, handshake: F, ready: mpsc::Sender<(S, SocketAddr)>)
where
    S: Send + 'static,
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = io::Result<S>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = ready.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, or a connection that broke before it was taken: neither ends the server.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Answers are small and waited for. Nobody sets this for connections that come as a stream.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let (shaken, ready) = (handshake(stream), ready.clone());
        tokio::spawn(async move {
            let _place = place;
            match tokio::time::timeout(HANDSHAKE, shaken).await {
                Ok(Ok(stream)) => {
                    // Only fails when the server stops.
                    let _ = ready.send((stream, peer)).await;
                }
                Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
                Err(_elapsed) => tracing::debug!(%peer, "a TLS handshake took too long"),
            }
        });
    }
}
