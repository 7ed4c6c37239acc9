//! Connections to other nodes, made when first used and shared by all groups.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lacuna_model::NodeId;
use lacuna_model::catalog::NodeInfo;
use lacuna_proto::codec::MAX_MESSAGE_BYTES;
use lacuna_proto::remote::{self, BadAddress};
use lacuna_proto::tls::cluster::Security;
use lacuna_proto::wire::raft_client::RaftClient;
use parking_lot::Mutex;
use tonic::transport::Channel;

/// Connections by node, address and lane.
#[derive(Clone)]
pub(crate) struct Peers {
    security: Security,
    channels: Arc<Mutex<Channels>>,
}

type Channels = HashMap<(NodeId, String, Lane), Channel>;

/// Which of a peer's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// Log replication.
    Log,
    /// Heartbeats and votes: never behind anything large.
    Pulse,
    /// Snapshots.
    Bulk,
}

impl Peers {
    /// No connections yet.
    pub(crate) fn new(security: Security) -> Self {
        Self { security, channels: Arc::default() }
    }

    /// The connection to a node; an error when its address can't be called.
    fn channel(&self, node: &NodeInfo, lane: Lane) -> Result<Channel, BadAddress> {
        let mut channels = self.channels.lock();
        let place = (node.id, node.address.clone(), lane);
        if let Some(channel) = channels.get(&place) {
            return Ok(channel.clone());
        }
        let endpoint = remote::endpoint(node, &self.security)?
            .connect_timeout(Duration::from_millis(500))
            .tcp_nodelay(true)
            .initial_stream_window_size(8 << 20)
            .initial_connection_window_size(16 << 20)
            .http2_keep_alive_interval(Duration::from_secs(2))
            .keep_alive_timeout(Duration::from_secs(2))
            .keep_alive_while_idle(true);
        let channel = self.security.connect_lazy(&endpoint, node.id);
        channels.insert(place, channel.clone());
        Ok(channel)
    }

    /// A client of the node's Raft service.
    pub(crate) fn raft(&self, node: &NodeInfo, lane: Lane) -> Result<RaftClient<Channel>, BadAddress> {
        let channel = self.channel(node, lane)?;
        Ok(RaftClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES))
    }
}
