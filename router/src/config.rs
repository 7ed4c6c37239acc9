//! What a router is told at its start.

use std::sync::Arc;
use std::time::Duration;

use lacuna_model::NodeId;
use lacuna_model::access::SecretHash;
use lacuna_model::catalog::NodeInfo;
use lacuna_proto::handle::NodeHandle;

use crate::embed::EmbeddingConfig;

/// Makes handles for nodes: a gRPC connection, or the node in this very process.
pub trait Connector: Send + Sync {
    /// A handle for the node; called once for each node and address.
    fn handle(&self, node: &NodeInfo) -> Arc<dyn NodeHandle>;
}

/// A router's settings.
#[derive(Clone, Debug)]
pub struct RouterConfig {
    /// Nodes to ask first; the others are learnt from the meta group.
    pub seeds: Vec<NodeInfo>,
    /// The node in the same process (`serve`), whose readiness is ours; `None` for a router alone.
    pub local_node: Option<NodeId>,
    /// Deadline of a request without `Lacuna-Deadline-Ms`.
    pub default_deadline: Duration,
    /// Requests that are worked on at the same time; more are refused (429).
    pub max_concurrent: usize,
    /// A request that took longer gets a line in the log.
    pub slow_request: Duration,
    /// Of the root key. With it keys are on: every request must carry one. Without it everybody is the default
    /// account, with all rights.
    pub root_key: Option<SecretHash>,
    /// Keys are off and the address isn't loopback: shown in `/v1/cluster`.
    pub insecure_open: bool,
    /// What our own port speaks, for addresses that answers must tell.
    pub port: Port,
    /// How clients reach us, `http(s)://host[:port]` without a path, where answers must say so (Pinecone's `host`);
    /// `None`: as the request's own `Host` says.
    pub public_url: Option<String>,
    /// The port where the records of Pinecone's indexes are served, and nothing else; `None`: they are with all the rest.
    pub pinecone_records: Option<RecordsPort>,
    /// What Pinecone's deleteAll does with the namespace.
    pub pinecone_delete_all: EmptiedNamespace,
    /// What embeds text, where clients send text.
    pub embedding: EmbeddingConfig,
    /// May whole stores be wiped by a request?
    pub mode: Mode,
}

/// What a server is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Data that matters: prune and Chroma's reset are refused.
    #[default]
    Production,
    /// Data that can be made anew: both are served.
    Development,
}

/// What the port for clients speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Port {
    /// Plain text.
    #[default]
    Http,
    /// TLS.
    Https,
}

/// A port of records alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsPort {
    /// Its number.
    pub number: u16,
    /// How clients reach it, as `public_url`; `None`: by the host that they asked, at this port.
    pub url: Option<String>,
}

/// What becomes of a namespace when all of its records are deleted at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptiedNamespace {
    /// It goes, as its records do.
    #[default]
    Dropped,
    /// It stays, without records.
    Kept,
}

impl RouterConfig {
    /// With keys on, if there is a root key: nothing is open then.
    #[must_use]
    pub fn with_root_key(self, root_key: Option<SecretHash>) -> Self {
        Self { root_key, insecure_open: self.insecure_open && root_key.is_none(), ..self }
    }

    /// Default settings, asking these nodes first.
    pub fn new(seeds: Vec<NodeInfo>) -> Self {
        Self {
            seeds,
            local_node: None,
            default_deadline: Duration::from_secs(10),
            max_concurrent: 1_024,
            slow_request: Duration::from_millis(500),
            root_key: None,
            insecure_open: false,
            port: Port::default(),
            public_url: None,
            pinecone_records: None,
            pinecone_delete_all: EmptiedNamespace::default(),
            embedding: EmbeddingConfig::default(),
            mode: Mode::default(),
        }
    }
}
