//! Who a certificate of the cluster speaks for: a URI among its alternative names, such as `lacuna://node/3`.

use std::fmt;

use lacuna_model::NodeId;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// A process of the cluster, as its certificate names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// A node: it serves calls, speaks Raft, and may call other nodes.
    Node(NodeId),
    /// A router: it may call nodes.
    Router(u64),
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(NodeId(id)) => write!(f, "lacuna://node/{id}"),
            Self::Router(id) => write!(f, "lacuna://router/{id}"),
        }
    }
}

/// Why a certificate names nobody of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoIdentity {
    /// It can't be read.
    #[error("the certificate can't be read: {0}")]
    Unreadable(String),
    /// It has other names, or several.
    #[error("the certificate must name one role, lacuna://node/N or lacuna://router/N; it names {0:?}")]
    Names(Vec<String>),
}

impl Identity {
    fn parse(uri: &str) -> Option<Self> {
        let (role, id) = uri.strip_prefix("lacuna://")?.split_once('/')?;
        // Only the form that is written: no sign, no leading zero.
        let id = id.parse::<u64>().ok().filter(|number| *number > 0 && number.to_string() == id)?;
        match role {
            "node" => Some(Self::Node(NodeId(id))),
            "router" => Some(Self::Router(id)),
            _ => None,
        }
    }

    /// Reads it from a certificate; whether that can be trusted is for others to check.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, NoIdentity> {
        let parsed = EndEntityCert::try_from(certificate)
            .map_err(|error| NoIdentity::Unreadable(error.to_string()))?;
        let names: Vec<&str> = parsed.valid_uri_names().collect();
        match names.as_slice() {
            [name] => Self::parse(name),
            _ => None,
        }
        .ok_or_else(|| NoIdentity::Names(names.into_iter().map(str::to_owned).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_as_it_is_written_and_nothing_else_is() {
        for identity in [Identity::Node(NodeId(3)), Identity::Router(12)] {
            assert_eq!(Identity::parse(&identity.to_string()), Some(identity));
        }
        for bad in [
            "lacuna://node/0",
            "lacuna://node/+3",
            "lacuna://node/03",
            "lacuna://node/3/",
            "lacuna://admin/3",
            "http://node/3",
            "lacuna://node",
            "Lacuna://node/3",
        ] {
            assert_eq!(Identity::parse(bad), None, "{bad}");
        }
    }
}
