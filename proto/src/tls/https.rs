//! Connections of HTTP clients: plain, or TLS that trusts the system's authorities or those of a file.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower::Service;

use crate::tls::files::{PemFile, TlsFileError};

/// Longest time until a connection is up, its TLS handshake included.
const CONNECT: Duration = Duration::from_secs(5);

/// Why no connection over `https` can be checked.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    /// The file of authorities is no good.
    #[error(transparent)]
    File(#[from] TlsFileError),
    /// The system has none.
    #[error(
        "this system has no certificate authorities to check an https server by{0}; name a file of them (tls_ca)"
    )]
    NoAuthorities(String),
    /// TLS itself.
    #[error("TLS could not be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// Connects by a URL's scheme.
#[derive(Clone)]
pub struct Https {
    tls: Option<Arc<ClientConfig>>,
}

impl Https {
    /// For `http` only.
    pub fn plain() -> Self {
        Self { tls: None }
    }

    /// For `https`: servers must show a certificate of an authority in the file, or without one of the system's.
    pub fn secure(authorities: Option<&Path>) -> Result<Self, HttpsError> {
        let roots = match authorities {
            Some(path) => from_file(path)?,
            None => from_system()?,
        };
        let config = ClientConfig::builder_with_provider(super::provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: Some(Arc::new(config)) })
    }
}

fn from_file(path: &Path) -> Result<RootCertStore, HttpsError> {
    let mut roots = RootCertStore::empty();
    for certificate in PemFile::read(path)?.certificates()? {
        roots.add(certificate).map_err(|error| TlsFileError::content(path, error.to_string()))?;
    }
    Ok(roots)
}

fn from_system() -> Result<RootCertStore, HttpsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(HttpsError::NoAuthorities(why));
    }
    Ok(roots)
}

impl Service<Uri> for Https {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let tls = self.tls.clone();
        Box::pin(async move {
            match tokio::time::timeout(CONNECT, connect(&uri, tls)).await {
                Ok(connected) => connected,
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no connection within 5 s")),
            }
        })
    }
}

async fn connect(uri: &Uri, tls: Option<Arc<ClientConfig>>) -> io::Result<TokioIo<Stream>> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, format!("{uri} names no server"));
    let host =
        uri.host().map(|host| host.trim_start_matches('[').trim_end_matches(']')).ok_or_else(invalid)?;
    let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    let Some(config) = tls else { return Ok(TokioIo::new(Stream(Box::new(stream)))) };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| invalid())?;
    let stream = TlsConnector::from(config).connect(name, stream).await?;
    Ok(TokioIo::new(Stream(Box::new(stream))))
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A connection of either kind.
pub struct Stream(Box<dyn Duplex>);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
