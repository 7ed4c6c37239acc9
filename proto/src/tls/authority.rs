//! The cluster's certificate authority: makes itself, and certificates of nodes and routers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, SanType, date_time_ymd,
};
use webpki::EndEntityCert;

use super::files::{PemFile, TlsFileError};
use super::identity::Identity;

/// The authority's name in its certificates.
const NAME: &str = "Lacuna cluster CA";
/// Certificates are valid from a little before they were made: clocks differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(3_600);

/// A certificate and its private key, both PEM.
#[derive(Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl std::fmt::Debug for Issued {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("a certificate can't be made: {0}")]
pub struct IssueError(#[from] rcgen::Error);

/// An authority that can issue.
pub struct Authority {
    own: Issued,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new one that is valid for so long.
    pub fn make(valid: Duration) -> Result<Self, IssueError> {
        let key = KeyPair::generate()?;
        let params = authority_params(valid);
        let own = Issued { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() };
        Ok(Self { own, issuer: Issuer::new(params, key) })
    }

    /// Takes one that was made before from its files.
    pub fn load(certificate: &PemFile, key: &PemFile) -> Result<Self, TlsFileError> {
        let own = Issued { certificate: certificate.text()?.to_owned(), key: key.text()?.to_owned() };
        let pair = KeyPair::from_pem(&own.key)
            .map_err(|error| TlsFileError::content(&key.path, format!("no usable private key: {error}")))?;
        let mut ours = false;
        for der in certificate.certificates()? {
            let parsed = EndEntityCert::try_from(&der)
                .map_err(|error| TlsFileError::content(&certificate.path, error.to_string()))?;
            ours |= parsed.subject_public_key_info().as_ref() == pair.subject_public_key_info();
        }
        if !ours {
            return Err(TlsFileError::Pair {
                certificate: certificate.path.clone(),
                key: key.path.clone(),
                reason: "the key is not that of a certificate in the file".to_owned(),
            });
        }
        // Only its name is used from here on; `lacuna cluster init` gives every authority the same.
        Ok(Self { own, issuer: Issuer::new(authority_params(Duration::ZERO), pair) })
    }

    /// Its own certificate and key.
    pub fn own(&self) -> &Issued {
        &self.own
    }

    /// Issues a certificate that is valid for so long from now.
    pub fn issue(&self, identity: Identity, valid: Duration) -> Result<Issued, IssueError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&format!("lacuna {identity}"));
        params.subject_alt_names = vec![SanType::URI(Ia5String::try_from(identity.to_string())?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = match identity {
            Identity::Node(_) => {
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]
            }
            Identity::Router(_) => vec![ExtendedKeyUsagePurpose::ClientAuth],
        };
        params.use_authority_key_identifier_extension = true;
        limit(&mut params, valid);
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { certificate, key: key.serialize_pem() })
    }
}

fn authority_params(valid: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    limit(&mut params, valid);
    params
}

fn named(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

/// From a little ago until so long from now.
fn limit(params: &mut CertificateParams, valid: Duration) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(CLOCKS_DIFFER);
    params.not_after = epoch + now + valid;
}
