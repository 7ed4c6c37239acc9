//! Serves other replicas: finds the group and hands their messages to it.

use std::pin::Pin;

use async_trait::async_trait;
use futures::{Stream, StreamExt};
use lacuna_proto::tls::cluster::Security;
use lacuna_proto::tls::identity::Identity;
use lacuna_proto::wire::GroupFrame;
use lacuna_proto::wire::raft_server::Raft as RaftService;
use tonic::{Request, Response, Status, Streaming};

use crate::raft::group::Group;
use crate::raft::wire::GROUP_HEADER;

/// Lets in other nodes' messages only: a router's certificate is good for calls, not for votes. On loopback without
/// certificates there is nothing to tell by.
pub(crate) fn only_nodes(
    security: &Security,
) -> impl FnMut(Request<()>) -> Result<Request<()>, Status> + Clone + use<> {
    let open = match security {
        Security::Loopback => true,
        Security::Mutual(_) => false,
    };
    move |request: Request<()>| match request.extensions().get::<Identity>() {
        _ if open => Ok(request),
        Some(Identity::Node(_)) => Ok(request),
        Some(other @ Identity::Router(_)) => {
            Err(Status::permission_denied(format!("{other} is no node and has no part in Raft")))
        }
        None => Err(Status::permission_denied("who calls isn't known")),
    }
}

/// Finds a group that this node hosts.
pub(crate) trait Groups: Send + Sync + 'static {
    /// The group of this number.
    fn group(&self, number: u32) -> Option<Group>;
}

/// The Raft service of a node.
pub(crate) struct RaftServer<G>(pub(crate) G);

impl<G: Groups> RaftServer<G> {
    fn find(&self, number: u32) -> Result<Group, Status> {
        self.0.group(number).ok_or_else(|| Status::not_found(format!("no replica of group {number} here")))
    }
}

#[async_trait]
impl<G: Groups> RaftService for RaftServer<G> {
    type AppendStream = Pin<Box<dyn Stream<Item = Result<GroupFrame, Status>> + Send>>;

    async fn unary(&self, request: Request<GroupFrame>) -> Result<Response<GroupFrame>, Status> {
        let frame = request.into_inner();
        self.find(frame.group)?.unary(frame).await.map(Response::new)
    }

    async fn append(
        &self,
        request: Request<Streaming<GroupFrame>>,
    ) -> Result<Response<Self::AppendStream>, Status> {
        let number = request.metadata().get(GROUP_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
        let number = number.ok_or_else(|| Status::invalid_argument("the stream names no group"))?;
        let answers = self.find(number)?.append(request.into_inner().boxed());
        Ok(Response::new(Box::pin(answers)))
    }

    async fn snapshot(
        &self,
        request: Request<Streaming<GroupFrame>>,
    ) -> Result<Response<GroupFrame>, Status> {
        let mut frames = request.into_inner();
        let head = frames.message().await?.ok_or_else(|| Status::invalid_argument("an empty snapshot"))?;
        self.find(head.group)?.receive_snapshot(head, frames).await.map(Response::new)
    }
}
