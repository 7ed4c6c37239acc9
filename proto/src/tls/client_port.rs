//! TLS of the port that clients use: this server shows a certificate, clients show none.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::accept::Incoming;
use super::files::{PemFile, TlsFileError};
use super::reload::{Reloaded, Source};

/// The port's certificate and key, read again when they change.
pub type ClientPort = Reloaded<PortFiles>;

/// Certificate (with its chain) and private key.
#[derive(Debug, PartialEq, Eq)]
pub struct PortFiles {
    certificate: PemFile,
    key: PemFile,
}

impl PortFiles {
    /// Reads them.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsFileError> {
        Ok(Self { certificate: PemFile::read(certificate)?, key: PemFile::read(key)? })
    }
}

impl Source for PortFiles {
    type Value = ServerConfig;

    fn read_again(&self) -> Result<Self, TlsFileError> {
        Self::read(&self.certificate.path, &self.key.path)
    }

    fn make(&self) -> Result<ServerConfig, TlsFileError> {
        let (chain, private) = (self.certificate.certificates()?, self.key.private_key()?);
        let mut config = ServerConfig::builder_with_provider(super::provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsFileError::content(&self.certificate.path, error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(|error| TlsFileError::Pair {
                certificate: self.certificate.path.clone(),
                key: self.key.path.clone(),
                reason: error.to_string(),
            })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    fn names(&self) -> String {
        format!("{}, {}", self.certificate.path.display(), self.key.path.display())
    }
}

/// A client's connection.
pub type ClientStream = TlsStream<TcpStream>;

/// Accepts clients; each new connection sees the certificate of its moment.
pub fn clients(listener: TcpListener, port: Arc<ClientPort>) -> io::Result<Incoming<ClientStream>> {
    Incoming::start(listener, move |stream| TlsAcceptor::from(port.current()).accept(stream))
}
