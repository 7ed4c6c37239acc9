//! Serves routers, other nodes' drivers and the command line: the calls of `NodeHandle` over gRPC.

use std::sync::Weak;
use std::time::Duration;

use async_trait::async_trait;
use lacuna_proto::remote::answer;
use lacuna_proto::wire::Frame;
use lacuna_proto::wire::node_server::Node as NodeService;
use tonic::{Request, Response, Status};

use crate::node::Node;

/// Longest time a call may take here; a caller's own limit ends it earlier.
const LONGEST: Duration = Duration::from_secs(120);

/// The Node service.
pub(crate) struct NodeServer(pub(crate) Weak<Node>);

#[async_trait]
impl NodeService for NodeServer {
    async fn call(&self, request: Request<Frame>) -> Result<Response<Frame>, Status> {
        let node = self.0.upgrade().ok_or_else(|| Status::unavailable("the node has stopped"))?;
        answer(node.as_ref(), request.get_ref(), LONGEST).await.map(Response::new)
    }
}
