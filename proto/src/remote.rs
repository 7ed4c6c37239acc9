//! A node in another process, asked by gRPC; and the other end of it.
//!
//! The request's frame holds a [`NodeCall`], the answer's a `Result<NodeReply, CallError>`. A gRPC status
//! other than OK is a failure of the connection, never a node's answer.

use std::error::Error as _;
use std::time::Duration;

use async_trait::async_trait;
use lacuna_model::catalog::NodeInfo;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::call::{CallError, NodeCall, NodeReply};
use crate::codec;
use crate::handle::NodeHandle;
use crate::tls::cluster::Security;
use crate::wire::Frame;
use crate::wire::node_client::NodeClient;

/// Longest time a connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A silent connection is asked for a sign of life this often, so that a stopped machine is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(2);
/// HTTP/2 window of a stream and of the connection, bytes.
const WINDOW: u32 = 8 << 20;

/// Why an address can't be a node's.
#[derive(Clone, Debug, thiserror::Error)]
#[error("\"{address}\" can't be called: {reason}")]
pub struct BadAddress {
    /// What was given.
    pub address: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A connection to a node; it connects at the first call, and again after it broke.
#[derive(Clone, Debug)]
pub struct RemoteNode {
    client: NodeClient<Channel>,
}

impl RemoteNode {
    /// Takes a node and its `host:port`; opens nothing yet. Call it inside a tokio runtime.
    pub fn new(node: &NodeInfo, security: &Security) -> Result<Self, BadAddress> {
        Ok(Self { client: client(channel(node, security)?) })
    }
}

/// The endpoint of a node; refused where plain text would go to another machine.
pub fn endpoint(node: &NodeInfo, security: &Security) -> Result<Endpoint, BadAddress> {
    let bad = |reason: String| BadAddress { address: node.address.clone(), reason };
    security.allows(&node.address).map_err(|error| bad(error.to_string()))?;
    // Also over TLS: the connector makes it, and the scheme would ask the library to.
    Endpoint::from_shared(format!("http://{}", node.address)).map_err(|error| bad(error.to_string()))
}

fn channel(node: &NodeInfo, security: &Security) -> Result<Channel, BadAddress> {
    let endpoint = endpoint(node, security)?
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW);
    Ok(security.connect_lazy(&endpoint, node.id))
}

fn client(channel: Channel) -> NodeClient<Channel> {
    NodeClient::new(channel)
        .max_decoding_message_size(codec::MAX_MESSAGE_BYTES)
        .max_encoding_message_size(codec::MAX_MESSAGE_BYTES)
}

#[async_trait]
impl NodeHandle for RemoteNode {
    async fn call(&self, call: NodeCall, wait: Duration) -> Result<NodeReply, CallError> {
        let frame = codec::frame(&call).map_err(|error| CallError::BadCall(error.to_string()))?;
        let mut client = self.client.clone();
        let mut request = Request::new(frame);
        // The server gives up with us; what it had proposed by then keeps its own deadline.
        request.set_timeout(wait);
        match tokio::time::timeout(wait, client.call(request)).await {
            Ok(Ok(answer)) => read_answer(&answer.into_inner()),
            Ok(Err(status)) => Err(failure(&status)),
            Err(_elapsed) => Err(CallError::Lost(format!("no answer within {} ms", wait.as_millis()))),
        }
    }
}

fn read_answer(frame: &Frame) -> Result<NodeReply, CallError> {
    codec::unframe::<Result<NodeReply, CallError>>(frame)
        .unwrap_or_else(|error| Err(CallError::Lost(format!("unreadable answer: {error}"))))
}

/// A connection that never came up carried nothing; any other failure leaves the call's fate open.
fn failure(status: &Status) -> CallError {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return CallError::Unreachable(error.to_string());
        }
        cause = error.source();
    }
    CallError::Lost(format!("{}: {}", status.code(), status.message()))
}

/// The server's end: reads a frame, asks the node in this process, frames its answer.
pub async fn answer(node: &dyn NodeHandle, frame: &Frame, wait: Duration) -> Result<Frame, Status> {
    let reply = match codec::unframe::<NodeCall>(frame) {
        Ok(call) => node.call(call, wait).await,
        Err(error) => Err(CallError::BadCall(error.to_string())),
    };
    codec::frame(&reply).map_err(|error| Status::internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{BootId, Pong};
    use crate::wire::node_server::{Node, NodeServer};
    use lacuna_model::{NodeId, Stamp};
    use std::net::SocketAddr;
    use tonic::Response;

    struct Echo;

    #[async_trait]
    impl NodeHandle for Echo {
        async fn call(&self, call: NodeCall, _wait: Duration) -> Result<NodeReply, CallError> {
            match call {
                NodeCall::Ping => {
                    let pong = Pong { node: NodeId(3), boot: BootId(9), now_ns: 1, stamp: Stamp(2) };
                    Ok(NodeReply::Pong(pong))
                }
                NodeCall::Status => {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                    Err(CallError::Busy)
                }
                _ => Err(CallError::NotHere),
            }
        }
    }

    #[tonic::async_trait]
    impl Node for Echo {
        async fn call(&self, request: Request<Frame>) -> Result<Response<Frame>, Status> {
            let frame = request.into_inner();
            answer(self, &frame, Duration::from_secs(60)).await.map(Response::new)
        }
    }

    async fn serve() -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        drop(listener);
        let server = tonic::transport::Server::builder().add_service(NodeServer::new(Echo)).serve(address);
        tokio::spawn(server);
        tokio::time::sleep(Duration::from_millis(50)).await;
        address
    }

    fn remote(address: &str) -> Result<RemoteNode, BadAddress> {
        let info = NodeInfo { id: NodeId(3), address: address.to_owned() };
        RemoteNode::new(&info, &Security::Loopback)
    }

    #[tokio::test]
    async fn a_call_and_its_refusal_cross_the_wire() {
        let node = remote(&serve().await.to_string()).expect("an address");
        let pong = node.call(NodeCall::Ping, Duration::from_secs(5)).await.expect("pong");
        assert!(matches!(pong, NodeReply::Pong(Pong { node: NodeId(3), boot: BootId(9), .. })));
        let digest = NodeCall::ReplicaDigest(lacuna_model::ShardId(1));
        assert_eq!(node.call(digest, Duration::from_secs(5)).await, Err(CallError::NotHere));
    }

    #[tokio::test]
    async fn a_call_without_answer_in_time_is_lost() {
        let node = remote(&serve().await.to_string()).expect("an address");
        let answer = node.call(NodeCall::Status, Duration::from_millis(200)).await;
        assert!(matches!(answer, Err(CallError::Lost(_))), "{answer:?}");
    }

    #[tokio::test]
    async fn a_connection_that_never_came_up_is_unreachable() {
        let node = remote("127.0.0.1:1").expect("an address");
        let answer = node.call(NodeCall::Ping, Duration::from_secs(3)).await;
        assert!(matches!(answer, Err(CallError::Unreachable(_))), "{answer:?}");
        assert!(remote("no address").is_err());
    }
}
