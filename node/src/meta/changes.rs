//! What changed in the catalog lately: routers drop these from their caches (protocol PN5).

use std::collections::VecDeque;

use lacuna_model::meta::Changed;
use serde::{Deserialize, Serialize};

/// Changes that are kept; a router that was away longer drops everything.
const KEPT: usize = 4096;

/// The newest changes, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Changes {
    list: VecDeque<(u64, Changed)>,
    /// Version of the newest change that is no longer kept.
    floor: u64,
    /// Version of the newest change.
    version: u64,
}

impl Changes {
    /// Index of the last entry that changed the catalog.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Notes a change made by the entry at `index`.
    pub(super) fn note(&mut self, index: u64, changed: Changed) {
        self.version = index;
        self.list.push_back((index, changed));
        while self.list.len() > KEPT {
            self.floor = self.list.pop_front().map_or(self.floor, |(version, _)| version);
        }
    }

    /// What changed after `version`; `None` if that can't be told.
    pub(super) fn since(&self, version: u64) -> Option<Vec<Changed>> {
        if version < self.floor || version > self.version {
            return None;
        }
        let first = self.list.partition_point(|(at, _)| *at <= version);
        Some(self.list.range(first..).map(|(_, changed)| changed.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_model::CollectionId;

    #[test]
    fn changes_are_told_from_any_kept_version_and_refused_before() {
        let mut changes = Changes::default();
        assert_eq!(changes.since(0), Some(Vec::new()));
        let last = KEPT as u64 + 10;
        (1..=last).for_each(|index| changes.note(index, Changed::Collection(CollectionId(index))));
        assert_eq!(changes.version(), last);
        assert_eq!(changes.since(9), None);
        assert_eq!(changes.since(10).map(|list| list.len()), Some(KEPT));
        assert_eq!(changes.since(last - 1), Some(vec![Changed::Collection(CollectionId(last))]));
        assert_eq!(changes.since(last), Some(Vec::new()));
        assert_eq!(changes.since(last + 1), None, "a version this group never had");
    }
}
