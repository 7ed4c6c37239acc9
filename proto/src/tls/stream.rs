//! A connection of a cluster's process, accepted.
//!
//! A caller learns that its certificate was refused only when it reads: in TLS 1.3 its own part of the handshake is
//! over before the server has looked. So a node sends one byte when it has taken a connection, and callers wait for
//! it. A refused call was then never sent, and its fate is certain.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::cluster::Sides;
use super::identity::Identity;

/// The byte.
pub(super) const TAKEN: u8 = b'+';

/// A connection of a process whose certificate was checked.
#[derive(Debug)]
pub struct ClusterStream {
    stream: TlsStream<TcpStream>,
    peer: Identity,
}

/// Shakes hands, and says that the connection is taken.
pub(super) async fn welcome(stream: TcpStream, sides: Arc<Sides>) -> io::Result<ClusterStream> {
    let address = stream.peer_addr()?;
    let refused = |error: &dyn std::fmt::Display| {
        tracing::warn!(%address, %error, "a connection between processes was not taken");
    };
    let mut stream = TlsAcceptor::from(Arc::clone(&sides.server))
        .accept(stream)
        .await
        .inspect_err(|error| refused(error))?;
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let peer = match shown.map(Identity::of) {
        Some(Ok(peer)) => peer,
        Some(Err(error)) => return Err(io::Error::other(error)),
        None => return Err(io::Error::other("no certificate was shown")),
    };
    stream.write_all(&[TAKEN]).await?;
    stream.flush().await?;
    Ok(ClusterStream { stream, peer })
}

/// Requests carry who sent them.
impl Connected for ClusterStream {
    type ConnectInfo = Identity;

    fn connect_info(&self) -> Identity {
        self.peer
    }
}

impl AsyncRead for ClusterStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ClusterStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
