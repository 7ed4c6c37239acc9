//! openraft's own storage suite over the product's log store and state machine.

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use std::sync::Arc;
use tempfile::TempDir;

use super::log_store::LogStore;
use super::state_machine::{Durability, GroupStateMachine};
use super::types::TypeConfig;
use crate::meta::machine::MetaMachine;
use crate::wal::{RealFiles, Wal, WalConfig};

struct Product(Durability);

impl StoreBuilder<TypeConfig, LogStore, GroupStateMachine, TempDir> for Product {
    async fn build(&self) -> Result<(TempDir, LogStore, GroupStateMachine), StorageError<TypeConfig>> {
        let dir = TempDir::new().unwrap();
        let config = WalConfig { segment_bytes: 1 << 20, ..WalConfig::new(dir.path()) };
        let (wal, _) = Wal::open(config, Arc::new(RealFiles)).unwrap();
        let log = LogStore::open(wal, 1).await.unwrap();
        let places = (self.0, dir.path().join("snapshots"));
        let machine = Box::new(MetaMachine::new());
        let state = GroupStateMachine::open("suite".to_owned(), machine, places, Arc::new(|_| ())).unwrap();
        Ok((dir, log, state))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_of_a_group_with_snapshot_files_passes_openrafts_suite() {
    Suite::test_all(Product(Durability::File)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_of_a_group_with_a_barrier_passes_openrafts_suite() {
    Suite::test_all(Product(Durability::Barrier)).await.unwrap();
}
