//! Calls a node over TLS.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::Service;

use super::cluster::ClusterFiles;
use super::reload::Reloaded;
use super::stream::TAKEN;

/// Connects to one node, with the certificates of the moment.
#[derive(Clone, Debug)]
pub(super) struct Dial {
    certificates: Arc<Reloaded<ClusterFiles>>,
    node: ServerName<'static>,
}

impl Dial {
    pub(super) fn new(certificates: Arc<Reloaded<ClusterFiles>>, node: ServerName<'static>) -> Self {
        Self { certificates, node }
    }
}

impl Service<Uri> for Dial {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (sides, node) = (self.certificates.current(), self.node.clone());
        Box::pin(async move {
            let address = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let mut stream = TlsConnector::from(Arc::clone(&sides.client)).connect(node, stream).await?;
            let mut first = [0];
            stream.read_exact(&mut first).await?;
            if first != [TAKEN] {
                return Err(io::Error::other(format!("{address} speaks another protocol")));
            }
            Ok(TokioIo::new(stream))
        })
    }
}
