//! The wire between processes: the .proto, its generated code, and the calls that nodes answer.

pub mod call;
pub mod codec;
pub mod handle;
pub mod peer_clock;
pub mod remote;
pub mod tls;

/// Generated code of `proto/lacuna.proto`.
#[allow(missing_docs, unreachable_pub, clippy::pedantic)]
pub mod wire {
    tonic::include_proto!("lacuna.v1");
}
