//! TLS: certificates from files that are read again when they change, connections accepted by them, and who stands
//! at the other end.

pub mod accept;
pub mod authority;
pub mod client_port;
pub mod cluster;
mod dial;
pub mod files;
pub mod https;
pub mod identity;
pub mod reload;
pub mod stream;
mod verify;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The cryptography of every connection: ring.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
