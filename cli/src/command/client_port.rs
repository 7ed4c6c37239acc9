//! TLS of the client port, as `serve` and `router` take it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{anyhow, bail};
use lacuna_proto::tls::client_port::{ClientPort, PortFiles};

use crate::config::{Overrides, Settings};

/// Flags of TLS.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TlsFlags {
    /// Serve clients over TLS: the certificate with its chain, a PEM file. Read again when it changes.
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, a PEM file. Read again when it changes.
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_key: Option<PathBuf>,
}

impl TlsFlags {
    /// Adds what was given to the other flags.
    pub(super) fn onto(&self, flags: Overrides) -> Overrides {
        let text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        flags.set("tls_cert", text(&self.tls_cert)).set("tls_key", text(&self.tls_key))
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
