//! The clients' ports and what their router is told, as `serve` and `router` take it from the settings.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use lacuna_model::access::SecretHash;
use lacuna_model::catalog::NodeInfo;
use lacuna_proto::tls::client_port::{ClientPort, PortFiles};
use lacuna_router::{EmptiedNamespace, Mode, Port, RecordsPort, Router, RouterConfig};
use tokio::net::TcpListener;

use super::embedding::embedding;
use crate::config::network::{self, Keys};
use crate::config::{Overrides, Settings};
use crate::process::{HttpServer, bind};

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

/// Ports taken, on which nothing is served yet.
pub(super) struct ClientPorts {
    main: TcpListener,
    pinecone: Option<TcpListener>,
    tls: Option<Arc<ClientPort>>,
}

/// Ports that are served.
pub(super) struct Served {
    main: HttpServer,
    pinecone: Option<HttpServer>,
}

impl ClientPorts {
    /// Takes the ports that settings name; none that others can reach without keys, unless that was asked for.
    pub(super) async fn take(settings: &Settings, keys: Keys) -> anyhow::Result<Self> {
        let address = |text: &str| {
            let address = network::listen_address(text)?;
            network::refuse_open(address, keys, settings.insecure_open).map(|()| address)
        };
        let main = address(&settings.listen)?;
        let given = Some(settings.pinecone_listen.as_str()).filter(|text| !text.is_empty());
        let pinecone = given.map(address).transpose()?;
        let tls = client_port(settings)?;
        let main = bind(main).await?;
        let pinecone = match pinecone {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        Ok(Self { main, pinecone, tls })
    }

    /// Begins to serve.
    pub(super) fn serve(self, router: &Router) -> anyhow::Result<Served> {
        let main = HttpServer::start(self.main, router.app(), self.tls.clone())?;
        let of_records = |listener| HttpServer::start(listener, router.records_app(), self.tls);
        Ok(Served { main, pinecone: self.pinecone.map(of_records).transpose()? })
    }

    fn is_open(&self) -> anyhow::Result<bool> {
        let mut all = vec![self.main.local_addr()?];
        if let Some(listener) = &self.pinecone {
            all.push(listener.local_addr()?);
        }
        Ok(all.iter().any(|address| !address.ip().is_loopback()))
    }

    fn records_port(&self, settings: &Settings) -> anyhow::Result<Option<RecordsPort>> {
        let Some(listener) = &self.pinecone else {
            if !settings.pinecone_url.is_empty() {
                bail!(
                    "pinecone_url is given and pinecone_listen isn't: nothing would answer there. Nothing was started."
                );
            }
            return Ok(None);
        };
        let url = address_of("pinecone_url", &settings.pinecone_url)?;
        Ok(Some(RecordsPort { number: listener.local_addr()?.port(), url }))
    }
}

impl Served {
    /// Where clients find it.
    pub(super) fn url(&self) -> String {
        self.main.url()
    }

    /// What is served where, a line for each port but the first.
    pub(super) fn others(&self) -> Option<String> {
        Some(format!("records of Pinecone's indexes on {}", self.pinecone.as_ref()?.url()))
    }

    /// Takes no more requests and waits for those at work.
    pub(super) async fn stop(self) {
        match self.pinecone {
            Some(pinecone) => {
                tokio::join!(self.main.stop(), pinecone.stop());
            }
            None => self.main.stop().await,
        }
    }
}

/// What every router is told, of those that settings say: `serve`'s and a router's alike.
pub(super) fn router_config(
    settings: &Settings,
    seeds: Vec<NodeInfo>,
    ports: &ClientPorts,
) -> anyhow::Result<RouterConfig> {
    Ok(RouterConfig {
        default_deadline: Duration::from_millis(settings.deadline_ms),
        slow_request: Duration::from_millis(settings.slow_request_ms),
        insecure_open: ports.is_open()?,
        port: if ports.tls.is_some() { Port::Https } else { Port::Http },
        public_url: address_of("public_url", &settings.public_url)?,
        pinecone_records: ports.records_port(settings)?,
        pinecone_delete_all: emptied(&settings.pinecone_delete_all_namespace)?,
        embedding: embedding(settings)?,
        mode: mode(settings),
        ..RouterConfig::new(seeds)
    })
}

/// In development mode the log says what can happen to the data.
fn mode(settings: &Settings) -> Mode {
    if !settings.development_mode {
        return Mode::Production;
    }
    tracing::warn!("development mode: prune and Chroma's reset are served, they wipe whole stores");
    Mode::Development
}

/// Are keys on?
pub(super) fn keys(root_key: Option<&SecretHash>) -> Keys {
    if root_key.is_some() { Keys::On } else { Keys::Off }
}

/// A scheme and a host, without a path; or none.
fn address_of(setting: &str, text: &str) -> anyhow::Result<Option<String>> {
    let text = text.trim().trim_end_matches('/');
    if text.is_empty() {
        return Ok(None);
    }
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', ' ']) => Ok(Some(text.to_owned())),
        Some(_) | None => {
            bail!(
                "{setting} {text:?} is no address; expected http(s)://host[:port] without a path. Nothing was started."
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
fn client_port(settings: &Settings) -> anyhow::Result<Option<Arc<ClientPort>>> {
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
        assert_eq!(address_of("public_url", "").unwrap(), None);
        assert_eq!(
            address_of("public_url", "https://db.example:443/").unwrap().as_deref(),
            Some("https://db.example:443")
        );
        for bad in ["db.example", "ftp://x", "https://", "http://x/y", "http://x y"] {
            assert!(address_of("public_url", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_emptied_namespace_is_dropped_or_kept() {
        assert_eq!(emptied("drop").unwrap(), EmptiedNamespace::Dropped);
        assert_eq!(emptied("keep").unwrap(), EmptiedNamespace::Kept);
        assert!(emptied("Drop").is_err());
    }
}
