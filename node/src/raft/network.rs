//! openraft's network over gRPC: appends are pipelined on one stream a group and follower.

use std::future::Future;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use lacuna_model::NodeId;
use lacuna_model::catalog::NodeInfo;
use lacuna_proto::remote::BadAddress;
use lacuna_proto::wire::GroupFrame;
use lacuna_proto::wire::raft_client::RaftClient;
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{BasicNode, OptionalSend};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use super::peers::{Lane, Peers};
use super::state_machine::{OpenSnapshot, SnapshotFile};
use super::types::{Snapshot, TypeConfig, Vote};
use super::wire::{self, AppendAnswer, GROUP_HEADER, Kind, PIECE_BYTES, SnapshotHead, SnapshotTail};

type RpcError = RPCError<TypeConfig>;

/// An append that gets no answer for so long ends the stream: its connection may be dead without knowing.
const STALLED: Duration = Duration::from_secs(2);

/// Makes the clients of one group.
pub(crate) struct GroupNetwork {
    pub(crate) group: u32,
    pub(crate) peers: Peers,
}

impl GroupNetwork {
    fn client(&self, id: u64, node: &BasicNode, lane: Lane) -> PeerClient {
        let info = NodeInfo { id: NodeId(id), address: node.addr.clone() };
        PeerClient { group: self.group, client: self.peers.raft(&info, lane), address: info.address }
    }
}

impl RaftNetworkFactory<TypeConfig> for GroupNetwork {
    type Network = PeerClient;

    async fn new_client(&mut self, id: u64, node: &BasicNode) -> PeerClient {
        self.client(id, node, Lane::Log)
    }

    async fn new_heartbeat_client(&mut self, id: u64, node: &BasicNode) -> PeerClient {
        self.client(id, node, Lane::Pulse)
    }

    async fn new_snapshot_client(&mut self, id: u64, node: &BasicNode) -> PeerClient {
        self.client(id, node, Lane::Bulk)
    }
}

/// One group's way to one follower.
pub(crate) struct PeerClient {
    group: u32,
    client: Result<RaftClient<Channel>, BadAddress>,
    address: String,
}

fn unreachable(why: impl ToString) -> Unreachable<TypeConfig> {
    Unreachable::from_string(why)
}

impl PeerClient {
    fn connected(&self) -> Result<RaftClient<Channel>, Unreachable<TypeConfig>> {
        self.client.clone().map_err(unreachable)
    }

    async fn unary<Q: Serialize, A: DeserializeOwned>(
        &self,
        kind: Kind,
        message: &Q,
        within: Duration,
    ) -> Result<A, RpcError> {
        let frame = wire::frame(self.group, kind, message).map_err(unreachable)?;
        let mut client = self.connected()?;
        let answer = tokio::time::timeout(within, client.unary(frame))
            .await
            .map_err(|_| unreachable(format!("{} gave no answer within {within:?}", self.address)))?
            .map_err(unreachable)?;
        Ok(wire::unframe(answer.get_ref()).map_err(unreachable)?)
    }
}

impl RaftNetworkV2<TypeConfig> for PeerClient {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RpcError> {
        self.unary(Kind::Append, &request, option.soft_ttl()).await
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        option: RPCOption,
    ) -> Pin<
        Box<
            dyn Future<
                    Output = Result<
                        BoxStream<'s, Result<StreamAppendResult<TypeConfig>, RpcError>>,
                        RpcError,
                    >,
                > + Send
                + 's,
        >,
    >
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + OptionalSend + Unpin + 'static,
    {
        Box::pin(async move {
            let mut client = self.connected()?;
            let sent = Arc::new(AtomicU64::new(0));
            let (group, counter) = (self.group, Arc::clone(&sent));
            let frames = input.filter_map(move |request| {
                counter.fetch_add(1, Ordering::Relaxed);
                // A request of our own types always encodes; were it not so, the stream would stall and end.
                std::future::ready(wire::frame(group, Kind::Append, &request).ok())
            });
            let mut request = Request::new(frames);
            request.metadata_mut().insert(GROUP_HEADER, self.group.into());
            let within = option.hard_ttl().max(Duration::from_millis(500));
            let answers = tokio::time::timeout(within, client.append(request))
                .await
                .map_err(|_| unreachable(format!("{} didn't take up the stream", self.address)))?
                .map_err(unreachable)?
                .into_inner();
            Ok(answer_stream(answers, sent))
        })
    }

    async fn vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        self.unary(Kind::Vote, &request, option.soft_ttl()).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RpcError> {
        self.unary(Kind::PreVote, &request, option.soft_ttl()).await
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RpcError> {
        self.unary(Kind::Transfer, &request, option.soft_ttl()).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let Some(open) = snapshot.snapshot.0 else {
            return Err(unreachable("the snapshot has no data to send").into());
        };
        let mut client = self.connected()?;
        let head = SnapshotHead { vote, meta: snapshot.meta, bytes: file_len(&open).map_err(unreachable)? };
        let frames = snapshot_frames(self.group, &head, open).map_err(unreachable)?;
        let sending = tokio::time::timeout(option.hard_ttl(), client.snapshot(frames));
        tokio::select! {
            closed = cancel => Err(StreamingError::Closed(closed)),
            answer = sending => {
                let answer = answer.map_err(unreachable)?.map_err(unreachable)?;
                Ok(wire::unframe(answer.get_ref()).map_err(unreachable)?)
            }
        }
    }
}

/// Turns a follower's frames into openraft's answers, and ends when one is overdue.
fn answer_stream<'s>(
    answers: Streaming<GroupFrame>,
    sent: Arc<AtomicU64>,
) -> BoxStream<'s, Result<StreamAppendResult<TypeConfig>, RpcError>> {
    stream::unfold(Some((answers, sent, 0_u64)), |state| async move {
        let (mut answers, sent, received) = state?;
        match next_answer(&mut answers, &sent, received).await {
            Ok(Some(answer)) => Some((Ok(answer.into()), Some((answers, sent, received + 1)))),
            Ok(None) => None,
            Err(error) => Some((Err(RPCError::Unreachable(unreachable(error))), None)),
        }
    })
    .boxed()
}

async fn next_answer(
    answers: &mut Streaming<GroupFrame>,
    sent: &AtomicU64,
    received: u64,
) -> Result<Option<AppendAnswer>, Status> {
    let mut was_waiting = false;
    loop {
        if let Ok(frame) = tokio::time::timeout(STALLED, answers.message()).await {
            let Some(frame) = frame? else { return Ok(None) };
            return wire::unframe(&frame).map(Some).map_err(|error| Status::internal(error.to_string()));
        }
        let waits = sent.load(Ordering::Relaxed) > received;
        if waits && was_waiting {
            return Err(Status::deadline_exceeded("an append got no answer"));
        }
        was_waiting = waits;
    }
}

fn file_len(open: &OpenSnapshot) -> std::io::Result<u64> {
    Ok(open.file.metadata()?.len())
}

/// Reads a snapshot file on a blocking thread, piece by piece, as the connection takes it.
fn snapshot_frames(
    group: u32,
    head: &SnapshotHead,
    open: OpenSnapshot,
) -> Result<ReceiverStream<GroupFrame>, lacuna_proto::codec::CodecError> {
    let head = wire::frame(group, Kind::SnapshotHead, head)?;
    let (frames, stream) = tokio::sync::mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send_pieces(group, head, &open, &frames) {
            // The receiver sees a stream without its last frame and refuses it.
            tracing::warn!(group, %error, "a snapshot could not be sent");
        }
    });
    Ok(ReceiverStream::new(stream))
}

fn send_pieces(
    group: u32,
    head: GroupFrame,
    open: &OpenSnapshot,
    frames: &tokio::sync::mpsc::Sender<GroupFrame>,
) -> std::io::Result<()> {
    let closed = |_| std::io::Error::other("the connection closed");
    frames.blocking_send(head).map_err(closed)?;
    let (mut crc, mut at) = (0, 0);
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        // By offset: several sendings of one file at once don't share a position.
        let read = open.file.read_at(&mut piece, at)?;
        if read == 0 {
            break;
        }
        piece.truncate(read);
        at += read as u64;
        crc = crc32c::crc32c_append(crc, &piece);
        frames
            .blocking_send(wire::raw_frame(group, Kind::SnapshotPiece, Bytes::from(piece)))
            .map_err(closed)?;
    }
    let tail =
        wire::frame(group, Kind::SnapshotTail, &SnapshotTail { crc }).map_err(std::io::Error::other)?;
    frames.blocking_send(tail).map_err(closed)
}
