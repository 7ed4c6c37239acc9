//! The client port and what its router is told, as `serve` and `router` take it from the settings.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use lacuna_model::access::SecretHash;
use lacuna_model::catalog::NodeInfo;
use lacuna_proto::tls::client_port::{ClientPort, PortFiles};
use lacuna_router::{EmptiedNamespace, Port, RouterConfig};

use super::embedding::embedding;
use crate::config::network::Keys;
use crate::config::{Overrides, Settings};

/// Flags of TLS.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TlsFlags {
    /// Serve clients over TLS: the certificate with its chain, a PEM file. Read again when it changes.
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_cert: Option<String>,
    /// The certificate's private key, a PEM file. Read again when it changes.
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_key: Option<String>,
}

impl TlsFlags {
    /// Adds what was given to the other flags.
    pub(super) fn onto(&self, flags: Overrides) -> Overrides {
        flags.set("tls_cert", self.tls_cert.as_deref()).set("tls_key", self.tls_key.as_deref())
    }
}

/// What every router is told, of those that settings say: `serve`'s and a router's alike.
pub(super) fn router_config(
    settings: &Settings,
    seeds: Vec<NodeInfo>,
    (listen, tls): (SocketAddr, bool),
) -> anyhow::Result<RouterConfig> {
    Ok(RouterConfig {
        default_deadline: Duration::from_millis(settings.deadline_ms),
        slow_request: Duration::from_millis(settings.slow_request_ms),
        insecure_open: !listen.ip().is_loopback(),
        port: if tls { Port::Https } else { Port::Http },
        public_url: public_url(&settings.public_url)?,
        pinecone_delete_all: emptied(&settings.pinecone_delete_all_namespace)?,
        embedding: embedding(settings)?,
        ..RouterConfig::new(seeds)
    })
}

/// Are keys on?
pub(super) fn keys(root_key: Option<&SecretHash>) -> Keys {
    if root_key.is_some() { Keys::On } else { Keys::Off }
}

/// A scheme and a host, without a path; or none.
fn public_url(text: &str) -> anyhow::Result<Option<String>> {
    let text = text.trim().trim_end_matches('/');
    if text.is_empty() {
        return Ok(None);
    }
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', ' ']) => Ok(Some(text.to_owned())),
        Some(_) | None => {
            bail!(
                "public_url {text:?} is no address; expected http(s)://host[:port] without a path. Nothing was started."
            )
        }
    }
}

fn emptied(text: &str) -> anyhow::Result<EmptiedNamespace> {
    match text {
        "drop" => Ok(EmptiedNamespace::Dropped),
        "keep" => Ok(EmptiedNamespace::Kept),
        _ => bail!("pinecone_delete_all_namespace must be drop or keep, got {text:?}. Nothing was started."),
    }
}

/// The port's certificate and key, or none for plain text.
pub(super) fn client_port(settings: &Settings) -> anyhow::Result<Option<Arc<ClientPort>>> {
    let given = |path: &Path| !path.as_os_str().is_empty();
    let (certificate, key) = (settings.tls_cert.as_path(), settings.tls_key.as_path());
    match (given(certificate), given(key)) {
        (false, false) => Ok(None),
        (true, true) => {
            let port = PortFiles::read(certificate, key).and_then(ClientPort::new);
            port.map(Some).map_err(|error| anyhow!("{error}. Nothing was started."))
        }
        (true, false) => bail!(
            "tls_cert is given ({}) and tls_key isn't; give both, or neither for plain text. Nothing was started.",
            certificate.display()
        ),
        (false, true) => bail!(
            "tls_key is given ({}) and tls_cert isn't; give both, or neither for plain text. Nothing was started.",
            key.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_address_has_a_scheme_and_no_path() {
        assert_eq!(public_url("").unwrap(), None);
        assert_eq!(public_url("https://db.example:443/").unwrap().as_deref(), Some("https://db.example:443"));
        for bad in ["db.example", "ftp://x", "https://", "http://x/y", "http://x y"] {
            assert!(public_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_emptied_namespace_is_dropped_or_kept() {
        assert_eq!(emptied("drop").unwrap(), EmptiedNamespace::Dropped);
        assert_eq!(emptied("keep").unwrap(), EmptiedNamespace::Kept);
        assert!(emptied("Drop").is_err());
    }
}
