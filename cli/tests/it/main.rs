//! The real binary, started as a person starts it.

mod check;
mod cluster;
mod config;
mod export;
mod messages;
mod serve;
mod server;
