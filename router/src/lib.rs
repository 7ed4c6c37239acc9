//! HTTP in, gRPC out: surfaces, verbs, plan, fan-out and merge.
//!
//! A *surface* translates requests of one API into the verbs' typed inputs and their answers back, and decides
//! nothing. A *verb* (`verb/`) is the same for every surface: it resolves names (`catalog`), plans which shard
//! gets what (`plan`), asks them at once with a deadline (`fanout`, `client`), and folds what they answered
//! (`lacuna_model::merge`). The walk of a delete: `surface/native/delete` → `verb/delete` → `plan` → `fanout`
//! → `client` → a node.

pub mod app;
mod catalog;
mod client;
mod clock;
pub mod config;
mod core;
pub mod deadline;
pub mod embed;
pub mod error;
mod failpoint;
mod fanout;
mod peers;
mod plan;
mod positions;
pub mod surface;
pub mod verb;

pub use app::Router;
pub use config::{Connector, EmptiedNamespace, Mode, Port, RecordsPort, RouterConfig};
pub use error::VerbError;
