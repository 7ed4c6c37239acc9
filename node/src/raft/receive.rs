//! A replica's answers to messages of its group.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use lacuna_proto::wire::GroupFrame;
use openraft::raft::{AppendEntriesRequest, SnapshotResponse};
use tonic::{Status, Streaming};

use super::group::Group;
use super::state_machine::{OpenSnapshot, SnapshotFile};
use super::types::{Snapshot, TypeConfig};
use super::wire::{self, AppendAnswer, Kind, SnapshotHead, SnapshotTail};

#[allow(clippy::needless_pass_by_value)] // as `map_err` gives it
fn bad(error: impl ToString) -> Status {
    Status::invalid_argument(error.to_string())
}

#[allow(clippy::needless_pass_by_value)] // as `map_err` gives it
fn stopped(error: impl ToString) -> Status {
    Status::unavailable(error.to_string())
}

impl Group {
    /// Answers a message that has one answer.
    pub(crate) async fn unary(&self, frame: GroupFrame) -> Result<GroupFrame, Status> {
        let kind =
            Kind::of(&frame).ok_or_else(|| bad(format!("a message of unknown kind {}", frame.kind)))?;
        let raft = &self.raft;
        let answer = match kind {
            Kind::Vote => {
                let answer = raft.vote(wire::unframe(&frame).map_err(bad)?).await.map_err(stopped)?;
                wire::frame(self.number, kind, &answer)
            }
            Kind::PreVote => {
                let answer = raft.pre_vote(wire::unframe(&frame).map_err(bad)?).await.map_err(stopped)?;
                wire::frame(self.number, kind, &answer)
            }
            Kind::Append => {
                let answer =
                    raft.append_entries(wire::unframe(&frame).map_err(bad)?).await.map_err(stopped)?;
                wire::frame(self.number, kind, &answer)
            }
            Kind::Transfer => {
                let answer = raft
                    .handle_transfer_leader(wire::unframe(&frame).map_err(bad)?)
                    .await
                    .map_err(stopped)?;
                wire::frame(self.number, kind, &answer)
            }
            Kind::SnapshotHead | Kind::SnapshotPiece | Kind::SnapshotTail => {
                return Err(bad("a snapshot is sent as a stream"));
            }
        };
        answer.map_err(|error| Status::internal(error.to_string()))
    }

    /// Takes a leader's pipelined appends, and answers each in order.
    pub(crate) fn append(
        &self,
        frames: BoxStream<'static, Result<GroupFrame, Status>>,
    ) -> impl Stream<Item = Result<GroupFrame, Status>> + Send + 'static {
        // A frame that can't be read ends the stream: nothing behind it may be taken.
        let frames = frames.take_until(self.closed.clone().cancelled_owned());
        let requests = frames.scan((), |(), frame| {
            let request =
                frame.ok().and_then(|frame| wire::unframe::<AppendEntriesRequest<TypeConfig>>(&frame).ok());
            std::future::ready(request)
        });
        let number = self.number;
        let answers = self.raft.stream_append(requests).take_until(self.closed.clone().cancelled_owned());
        answers.map(move |answer| {
            let answer = AppendAnswer::from(answer.map_err(stopped)?);
            wire::frame(number, Kind::Append, &answer).map_err(|error| Status::internal(error.to_string()))
        })
    }

    /// Receives a snapshot into a file, verifies it, and installs it.
    pub(crate) async fn receive_snapshot(
        &self,
        head: GroupFrame,
        frames: Streaming<GroupFrame>,
    ) -> Result<GroupFrame, Status> {
        if Kind::of(&head) != Some(Kind::SnapshotHead) {
            return Err(bad("a snapshot begins with its head"));
        }
        let head: SnapshotHead = wire::unframe(&head).map_err(bad)?;
        let part = PartFile(self.snapshots.new_path());
        let file = receive_file(&part.0, head.bytes, frames).await?;
        let open = OpenSnapshot { path: part.0.clone(), file: Arc::new(file) };
        let snapshot = Snapshot { meta: head.meta, snapshot: SnapshotFile(Some(open)) };
        let answer: SnapshotResponse<TypeConfig> =
            self.raft.install_full_snapshot(head.vote, snapshot).await.map_err(stopped)?;
        wire::frame(self.number, Kind::SnapshotHead, &answer)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

/// A file that goes unless the snapshot directory has adopted it.
struct PartFile(PathBuf);

impl Drop for PartFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn receive_file(path: &Path, bytes: u64, mut frames: Streaming<GroupFrame>) -> Result<File, Status> {
    let disk = |error: std::io::Error| Status::internal(format!("a snapshot could not be written: {error}"));
    let mut file = File::options().read(true).write(true).create_new(true).open(path).map_err(disk)?;
    let (mut crc, mut got) = (0, 0);
    while let Some(frame) = frames.message().await? {
        match Kind::of(&frame) {
            Some(Kind::SnapshotPiece) => {
                crc = crc32c::crc32c_append(crc, &frame.body);
                got += frame.body.len() as u64;
                file = tokio::task::spawn_blocking(move || file.write_all(&frame.body).map(|()| file))
                    .await
                    .map_err(stopped)?
                    .map_err(disk)?;
            }
            Some(Kind::SnapshotTail) => {
                let tail: SnapshotTail = wire::unframe(&frame).map_err(bad)?;
                if tail.crc != crc || got != bytes {
                    return Err(Status::data_loss("the snapshot was damaged on its way"));
                }
                return tokio::task::spawn_blocking(move || file.sync_all().map(|()| file))
                    .await
                    .map_err(stopped)?
                    .map_err(disk);
            }
            Some(Kind::Vote | Kind::PreVote | Kind::Append | Kind::Transfer | Kind::SnapshotHead) | None => {
                return Err(bad("not a piece of a snapshot"));
            }
        }
    }
    Err(Status::data_loss("the snapshot ended before its last frame"))
}
