//! Certificates and keys from PEM files. Every error names the file.

use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What is wrong with a file of TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsFileError {
    /// It can't be read.
    #[error("{} can't be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It holds something else than it should.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// The two files don't belong together.
    #[error("{} and {} don't fit together: {reason}", certificate.display(), key.display())]
    Pair {
        /// File of the certificate.
        certificate: PathBuf,
        /// File of the private key.
        key: PathBuf,
        /// Why.
        reason: String,
    },
}

impl TlsFileError {
    /// Something is wrong with what a file holds.
    pub fn content(path: &Path, reason: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), reason: reason.into() }
    }
}

/// A file's bytes, and its name for errors.
#[derive(Clone, PartialEq, Eq)]
pub struct PemFile {
    /// Where it lies.
    pub path: PathBuf,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for PemFile {
    /// Without its content: it may be a private key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PemFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl PemFile {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, TlsFileError> {
        let bytes = std::fs::read(path)
            .map_err(|source| TlsFileError::Unreadable { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), bytes })
    }

    /// The certificates in it, in their order; at least one.
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
        let found = CertificateDer::pem_slice_iter(&self.bytes)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| TlsFileError::content(&self.path, format!("no readable PEM: {error}")))?;
        if found.is_empty() {
            let reason = "no certificate in it; expected PEM, beginning with -----BEGIN CERTIFICATE-----";
            return Err(TlsFileError::content(&self.path, reason));
        }
        Ok(found)
    }

    /// The private key in it.
    pub fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsFileError> {
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|_| {
            let reason = "no private key in it; expected PEM, beginning with -----BEGIN PRIVATE KEY----- \
                          (or EC or RSA PRIVATE KEY), without a password";
            TlsFileError::content(&self.path, reason)
        })
    }

    /// The whole as text.
    pub fn text(&self) -> Result<&str, TlsFileError> {
        std::str::from_utf8(&self.bytes).map_err(|_| TlsFileError::content(&self.path, "no text in UTF-8"))
    }
}
