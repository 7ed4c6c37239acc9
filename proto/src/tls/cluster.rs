//! How processes of a cluster speak to each other: in plain text on loopback, else over TLS with certificates on both
//! sides, all of the cluster's own authority.
//!
//! A directory holds what a process needs: `ca.pem`, `cert.pem`, `key.pem`. They are read again when they change.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use lacuna_model::NodeId;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tonic::transport::{Channel, Endpoint};

use super::accept::Incoming;
use super::dial::Dial;
use super::files::{PemFile, TlsFileError};
use super::identity::Identity;
use super::reload::{Reloaded, Source};
use super::stream::{ClusterStream, welcome};
use super::verify::{CalledNode, Caller, server_name};

/// The authority's certificates; several while the cluster moves from one to the next.
pub const AUTHORITY_FILE: &str = "ca.pem";
/// The process's own certificate.
pub const CERTIFICATE_FILE: &str = "cert.pem";
/// Its private key.
pub const KEY_FILE: &str = "key.pem";

/// Whose certificates a process must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// This node's.
    Node(NodeId),
    /// Any router's.
    Router,
}

impl Holder {
    fn is(self, identity: Identity) -> bool {
        match (self, identity) {
            (Self::Node(own), Identity::Node(found)) => own == found,
            (Self::Router, Identity::Router(_)) => true,
            (Self::Node(_), Identity::Router(_)) | (Self::Router, Identity::Node(_)) => false,
        }
    }

    fn expected(self) -> String {
        match self {
            Self::Node(id) => {
                format!("{}; `lacuna cluster cert --role node --id {id}` makes it", Identity::Node(id))
            }
            Self::Router => {
                "lacuna://router/N; `lacuna cluster cert --role router --id N` makes one".to_owned()
            }
        }
    }
}

/// The files of a process.
#[derive(Debug, PartialEq, Eq)]
pub struct ClusterFiles {
    holder: Holder,
    authority: PemFile,
    certificate: PemFile,
    key: PemFile,
}

/// Both sides of a process's connections, as its files are now.
#[derive(Debug)]
pub struct Sides {
    /// For connections that it accepts.
    pub(super) server: Arc<ServerConfig>,
    /// For connections that it makes.
    pub(super) client: Arc<ClientConfig>,
}

impl ClusterFiles {
    /// Reads a directory.
    pub fn read(dir: &Path, holder: Holder) -> Result<Self, TlsFileError> {
        let read = |name: &str| PemFile::read(&dir.join(name));
        Ok(Self {
            holder,
            authority: read(AUTHORITY_FILE)?,
            certificate: read(CERTIFICATE_FILE)?,
            key: read(KEY_FILE)?,
        })
    }

    fn roots(&self) -> Result<Arc<RootCertStore>, TlsFileError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.authority.certificates()? {
            roots
                .add(certificate)
                .map_err(|error| TlsFileError::content(&self.authority.path, error.to_string()))?;
        }
        Ok(Arc::new(roots))
    }

    /// The own certificate must be the holder's, of the authority, and in time: others would refuse it anyway, with
    /// less to say.
    fn check_own(&self, chain: &[CertificateDer<'_>], caller: &Caller) -> Result<(), TlsFileError> {
        let wrong = |reason: String| TlsFileError::content(&self.certificate.path, reason);
        let [own, intermediates @ ..] = chain else { return Err(wrong("no certificate in it".to_owned())) };
        let identity = Identity::of(own).map_err(|error| wrong(error.to_string()))?;
        if !self.holder.is(identity) {
            let expected = self.holder.expected();
            return Err(wrong(format!("this is the certificate of {identity}; expected that of {expected}")));
        }
        rustls::server::danger::ClientCertVerifier::verify_client_cert(
            caller,
            own,
            intermediates,
            UnixTime::now(),
        )
        .map(|_| ())
        .map_err(|error| {
            wrong(format!("not usable with the authority in {}: {error}", self.authority.path.display()))
        })
    }
}

impl Source for ClusterFiles {
    type Value = Sides;

    fn read_again(&self) -> Result<Self, TlsFileError> {
        Self::read(self.certificate.path.parent().unwrap_or(Path::new("")), self.holder)
    }

    fn make(&self) -> Result<Sides, TlsFileError> {
        let provider = super::provider();
        let (roots, chain) = (self.roots()?, self.certificate.certificates()?);
        let pair = |error: rustls::Error| TlsFileError::Pair {
            certificate: self.certificate.path.clone(),
            key: self.key.path.clone(),
            reason: error.to_string(),
        };
        let caller = Caller::new(Arc::clone(&roots), Arc::clone(&provider))
            .map_err(|reason| TlsFileError::content(&self.authority.path, reason))?;
        self.check_own(&chain, &caller)?;
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(pair)?
            .with_client_cert_verifier(Arc::new(caller))
            .with_single_cert(chain.clone(), self.key.private_key()?)
            .map_err(pair)?;
        server.alpn_protocols = vec![b"h2".to_vec()];
        // Connections live long. Each is checked anew: a resumed one would skip the certificates.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(pair)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(CalledNode { roots, provider }))
            .with_client_auth_cert(chain, self.key.private_key()?)
            .map_err(pair)?;
        client.alpn_protocols = vec![b"h2".to_vec()];
        client.resumption = rustls::client::Resumption::disabled();
        Ok(Sides { server: Arc::new(server), client: Arc::new(client) })
    }

    fn names(&self) -> String {
        [&self.authority, &self.certificate, &self.key].map(|file| file.path.display().to_string()).join(", ")
    }
}

/// Plain text would be spoken with another machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} can be reached from other machines, and without certificates processes speak plain text, which is for \
     loopback only: make certificates with `lacuna cluster init` and name this process's directory by --certs \
     (setting cluster_certs), or use 127.0.0.1"
)]
pub struct PlainText(pub String);

/// How a process speaks to the others of its cluster.
#[derive(Clone, Debug)]
pub enum Security {
    /// Plain text, on loopback only.
    Loopback,
    /// TLS with certificates on both sides.
    Mutual(Arc<Reloaded<ClusterFiles>>),
}

impl Security {
    /// By the certificates in a directory; without one plain text.
    pub fn read(dir: Option<&Path>, holder: Holder) -> Result<Self, TlsFileError> {
        dir.map_or(Ok(Self::Loopback), |dir| {
            Ok(Self::Mutual(Reloaded::new(ClusterFiles::read(dir, holder)?)?))
        })
    }

    /// May an address be listened on, or called?
    pub fn allows(&self, address: &str) -> Result<(), PlainText> {
        match self {
            Self::Loopback if !is_loopback(address) => Err(PlainText(address.to_owned())),
            Self::Loopback | Self::Mutual(_) => Ok(()),
        }
    }

    /// A connection to a node that is made when first used, and again after it broke.
    pub fn connect_lazy(&self, endpoint: &Endpoint, node: NodeId) -> Channel {
        match self {
            Self::Loopback => endpoint.connect_lazy(),
            Self::Mutual(certificates) => {
                endpoint.connect_with_connector_lazy(Dial::new(Arc::clone(certificates), server_name(node)))
            }
        }
    }
}

/// Accepts processes of the cluster.
pub fn processes(
    listener: TcpListener,
    certificates: Arc<Reloaded<ClusterFiles>>,
) -> io::Result<Incoming<ClusterStream>> {
    Incoming::start(listener, move |stream| welcome(stream, certificates.current()))
}

fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_for_loopback_only() {
        for good in ["127.0.0.1:7001", "127.8.8.8:1", "[::1]:7001", "localhost:1"] {
            assert_eq!(Security::Loopback.allows(good), Ok(()), "{good}");
        }
        for bad in
            ["0.0.0.0:7001", "10.0.0.1:7001", "[::]:1", "[2001:db8::1]:1", "node1:7001", "localhost.evil:1"]
        {
            let refused = Security::Loopback.allows(bad).expect_err(bad).to_string();
            assert!(refused.starts_with(bad) && refused.contains("cluster init"), "{refused}");
        }
    }
}
