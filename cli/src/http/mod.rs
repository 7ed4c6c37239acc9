//! Asking a running Lacuna over HTTP: the native API, and that of memory collections.

mod client;
mod failure;

pub(crate) use client::{Answer, Client};
pub(crate) use failure::Failure;
