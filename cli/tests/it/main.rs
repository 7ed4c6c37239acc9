//! The real binary, started as a person starts it.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod check;
mod cluster;
mod cluster_tls;
mod config;
mod export;
mod forget;
mod ingest;
mod keys;
mod messages;
mod serve;
mod server;
mod tls;
mod walk;
