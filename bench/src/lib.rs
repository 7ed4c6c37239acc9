//! One load generator for Lacuna and its peers: same data, same concurrency.

pub mod ceiling;
pub mod connection;
pub mod data;
pub mod driver;
pub mod etcd;
pub mod phases;
