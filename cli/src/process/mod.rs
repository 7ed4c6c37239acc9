//! Real child processes of this very executable: the cluster of `dev` and `demo`.

mod child;
mod cluster;
mod http_server;
mod metrics_recorder;
mod ports;
mod stop;

pub(crate) use child::{Process, die_with};
pub(crate) use cluster::{Cluster, Plan};
pub(crate) use http_server::{HttpServer, bind};
pub(crate) use metrics_recorder::record;
pub(crate) use stop::Stop;
