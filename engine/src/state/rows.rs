//! Rows with their filters made ready.

use std::sync::Arc;

use lacuna_model::command::{RecordKey, RowAction};
use lacuna_model::filter::{CompiledFilter, Filter};
use lacuna_model::outcome::{Row, RowStatus};
use lacuna_model::record::StoredRecord;

/// A filter made ready. One that can't be (the door lets none through) matches nothing, on every replica.
#[derive(Clone)]
pub(crate) struct Judge(Option<Arc<CompiledFilter>>);

impl Judge {
    pub(crate) fn new(filter: &Filter) -> Self {
        match filter.compile() {
            Ok(compiled) => Self(Some(Arc::new(compiled))),
            Err(error) => {
                tracing::error!(%error, "a filter in the log can't be compiled; it matches nothing");
                Self(None)
            }
        }
    }

    /// The verdict on a record as the store has it (INV-3).
    pub(crate) fn matches(&self, id: &str, record: &StoredRecord) -> bool {
        self.0.as_ref().is_some_and(|filter| filter.matches(id, &record.metadata, record.document.as_deref()))
    }
}

/// A row and its filter.
#[derive(Clone)]
pub(crate) struct RowState {
    pub(crate) row: Row,
    /// `None` for a fence.
    pub(crate) judge: Option<Judge>,
}

impl RowState {
    pub(crate) fn new(row: Row) -> Self {
        let judge = row.filter.as_ref().map(Judge::new);
        Self { row, judge }
    }

    pub(crate) fn is_sweeping(&self) -> bool {
        match self.row.view.status {
            RowStatus::Sweeping => true,
            RowStatus::Done | RowStatus::Fenced => false,
        }
    }

    /// Does it watch writes (protocol PW3)? Rows with a limit take no part.
    pub(crate) fn watches_writes(&self) -> bool {
        self.is_sweeping() && self.row.limit_left.is_none()
    }

    /// Does it change records, so that another row's filter may match what it didn't before?
    pub(crate) fn changes_records(&self) -> bool {
        match self.row.action {
            RowAction::SetMetadata(_) => true,
            RowAction::Delete => false,
        }
    }

    /// Would it take this record, if it came to it? One that it has changed already carries its bound.
    pub(crate) fn would_take(&self, key: &RecordKey, record: &StoredRecord) -> bool {
        record.written < self.row.bound
            && record.holds == 0
            && self.row.after.as_ref().is_none_or(|after| key > after)
            && self.judge.as_ref().is_some_and(|judge| judge.matches(&key.id, record))
    }
}
