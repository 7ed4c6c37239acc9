//! One replica's data: sled, hnsw_rs and the apply of commands. No network, no raft, no clock.

pub mod index;
