//! Connections to other nodes, made when first used and shared by all groups.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lacuna_proto::codec::MAX_MESSAGE_BYTES;
use lacuna_proto::wire::raft_client::RaftClient;
use parking_lot::Mutex;
use tonic::transport::{Channel, Endpoint};

/// Connections by address.
#[derive(Clone, Default)]
pub(crate) struct Peers(Arc<Mutex<HashMap<(String, Lane), Channel>>>);

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
    /// The connection to an address; `None` when the address can't be one.
    pub(crate) fn channel(&self, address: &str, lane: Lane) -> Option<Channel> {
        let mut channels = self.0.lock();
        if let Some(channel) = channels.get(&(address.to_owned(), lane)) {
            return Some(channel.clone());
        }
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .ok()?
            .connect_timeout(Duration::from_millis(500))
            .tcp_nodelay(true)
            .initial_stream_window_size(8 << 20)
            .initial_connection_window_size(16 << 20)
            .http2_keep_alive_interval(Duration::from_secs(2))
            .keep_alive_timeout(Duration::from_secs(2))
            .keep_alive_while_idle(true);
        let channel = endpoint.connect_lazy();
        channels.insert((address.to_owned(), lane), channel.clone());
        Some(channel)
    }

    /// A client of the address's Raft service.
    pub(crate) fn raft(&self, address: &str, lane: Lane) -> Option<RaftClient<Channel>> {
        let channel = self.channel(address, lane)?;
        Some(
            RaftClient::new(channel)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
        )
    }
}
