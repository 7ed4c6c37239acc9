//! Asking a running Lacuna over its native HTTP API.

mod client;
mod failure;

pub(crate) use client::{Answer, Client};
pub(crate) use failure::Failure;
