//! TLS: certificates from files that are read again when they change, connections accepted by them, and who stands
//! at the other end.

pub mod accept;
pub mod client_port;
pub mod files;
pub mod reload;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The cryptography of every connection: ring.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
