//! A write: the checks before its effect, in the order that protocol PE7 fixes.

use lacuna_model::command::{Write, WriteVerb};
use lacuna_model::memory::part::NewOwner;
use lacuna_model::outcome::{CommandOutcome, Fate, ItemFate, Refusal, WriteOutcome};
use lacuna_model::record::{Change, Kind, Metric, Schema};
use lacuna_model::{RecordId, slot_of};

use super::{Place, Transaction, contribute, delete, insert, update, upsert};
use crate::store::{StoreError, keys, values};

/// One verb's effect: a fate for each item.
pub(super) type Fates = Result<Vec<ItemFate>, StoreError>;

/// Applies a write, exactly once (INV-7).
pub(super) fn apply(
    transaction: &mut Transaction<'_>,
    at: Place,
    write: &Write,
) -> Result<CommandOutcome, StoreError> {
    // An outcome past its window counts as evicted, whether eviction came to it or not: one comparison.
    if write.call.expires() < transaction.stamp() {
        return Ok(CommandOutcome::Refused(Refusal::Forgotten(transaction.stamp())));
    }
    let key = keys::outcome(&write.call);
    if let Some(known) = transaction.value(&key)? {
        return values::decode(&known, "an outcome");
    }
    let outcome = run(transaction, at, write)?;
    if is_kept(&outcome) {
        transaction.none_expires_before = transaction.none_expires_before.min(write.call.expires());
        transaction.set_rest(key, None, Some(values::encode(&outcome)?));
    }
    Ok(outcome)
}

/// Refusals that did nothing and may be retried aren't kept (protocol PC3).
fn is_kept(outcome: &CommandOutcome) -> bool {
    match outcome {
        CommandOutcome::Written(_) | CommandOutcome::Row(_) | CommandOutcome::Done => true,
        CommandOutcome::Refused(refusal) => match refusal {
            Refusal::WrongSlot(_) | Refusal::Busy | Refusal::Forgotten(_) => false,
            Refusal::Fenced
            | Refusal::Schema(_)
            | Refusal::Closed
            | Refusal::Elsewhere
            | Refusal::Released => true,
        },
    }
}

fn run(transaction: &mut Transaction<'_>, at: Place, write: &Write) -> Result<CommandOutcome, StoreError> {
    if let Some(refusal) = refusal(transaction, write) {
        return Ok(CommandOutcome::Refused(refusal));
    }
    let incarnation = write.incarnation;
    if !write.verb.is_delete() {
        let schema = effective(transaction.incarnation(incarnation).map(|state| state.schema), write.schema);
        transaction.set_schema(incarnation, schema);
    }
    let items = match &write.verb {
        WriteVerb::Upsert(records) => upsert::upsert(transaction, at, incarnation, records)?,
        WriteVerb::Insert(records) => insert::insert(transaction, at, incarnation, records)?,
        WriteVerb::Merge(patches) => upsert::merge(transaction, at, incarnation, patches)?,
        WriteVerb::Update(patches) => update::update(transaction, at, incarnation, patches)?,
        WriteVerb::DeleteIds(ids) => delete::by_ids(transaction, at, incarnation, ids)?,
        WriteVerb::DeleteIdsWhere(ids, filter) => {
            delete::by_ids_where(transaction, at, write, (ids, filter))?
        }
        WriteVerb::Contribute(owner, contributions) => {
            contribute::contribute(transaction, at, (incarnation, *owner), contributions)?
        }
        WriteVerb::Retain(retain, ids) => contribute::retain(transaction, at, (incarnation, retain), ids)?,
    };
    let remaining = transaction.live(incarnation);
    Ok(CommandOutcome::Written(WriteOutcome { at: at.position, items, remaining }))
}

/// wrong_slot, then fenced (or released), then schema.
fn refusal(transaction: &Transaction<'_>, write: &Write) -> Option<Refusal> {
    let incarnation = write.incarnation;
    if !ids(&write.verb).all(|id| transaction.holds(slot_of(incarnation, id.as_str()))) {
        return Some(Refusal::WrongSlot(transaction.slots().epoch));
    }
    if transaction.is_ended(incarnation) {
        return Some(Refusal::Fenced);
    }
    if owner(&write.verb).is_some_and(|owner| transaction.is_released(owner.item)) {
        return Some(Refusal::Released);
    }
    let stored = transaction.incarnation(incarnation).map(|state| state.schema);
    let agreed = effective(stored, write.schema);
    let agrees = stored.is_none_or(|stored| {
        stored.metric == write.schema.metric
            && stored.kind == write.schema.kind
            && (stored.dimension.is_none()
                || write.schema.dimension.is_none_or(|carried| stored.dimension == Some(carried)))
    });
    let fits = dimensions(&write.verb)
        .all(|length| agreed.dimension.is_some_and(|fixed| fixed as usize == length))
        && (agreed.kind != Kind::Sparse || dimensions(&write.verb).next().is_none());
    let sparse_fits = agreed.metric == Metric::Dot || !has_sparse(&write.verb);
    (!agrees || !fits || !sparse_fits).then(|| Refusal::Schema(stored.unwrap_or(write.schema)))
}

/// The stored schema, its dimension fixed by the carried one if it wasn't.
fn effective(stored: Option<Schema>, carried: Schema) -> Schema {
    match stored {
        None => carried,
        Some(stored) => Schema { dimension: stored.dimension.or(carried.dimension), ..stored },
    }
}

fn ids(verb: &WriteVerb) -> Box<dyn Iterator<Item = &RecordId> + '_> {
    match verb {
        WriteVerb::Upsert(records) | WriteVerb::Insert(records) => {
            Box::new(records.iter().map(|record| &record.id))
        }
        WriteVerb::Merge(patches) | WriteVerb::Update(patches) => {
            Box::new(patches.iter().map(|patch| &patch.id))
        }
        WriteVerb::DeleteIds(ids) | WriteVerb::DeleteIdsWhere(ids, _) | WriteVerb::Retain(_, ids) => {
            Box::new(ids.iter().map(|at| &at.id))
        }
        WriteVerb::Contribute(_, contributions) => Box::new(contributions.iter().map(|new| &new.id)),
    }
}

/// The item that a verb writes for.
fn owner(verb: &WriteVerb) -> Option<NewOwner> {
    match verb {
        WriteVerb::Contribute(owner, _) => Some(*owner),
        WriteVerb::Retain(retain, _) => Some(retain.owner),
        WriteVerb::Upsert(_)
        | WriteVerb::Merge(_)
        | WriteVerb::Insert(_)
        | WriteVerb::Update(_)
        | WriteVerb::DeleteIds(_)
        | WriteVerb::DeleteIdsWhere(..) => None,
    }
}

/// Lengths of the vectors that a verb writes.
fn dimensions(verb: &WriteVerb) -> Box<dyn Iterator<Item = usize> + '_> {
    match verb {
        WriteVerb::Upsert(records) | WriteVerb::Insert(records) => {
            Box::new(records.iter().filter_map(|record| record.vector.as_ref()).map(Vec::len))
        }
        WriteVerb::Merge(patches) | WriteVerb::Update(patches) => {
            Box::new(patches.iter().filter_map(|patch| match &patch.vector {
                Change::Set(vector) => Some(vector.len()),
                Change::Keep | Change::Remove => None,
            }))
        }
        WriteVerb::Contribute(_, contributions) => {
            Box::new(contributions.iter().filter_map(|new| new.content.vector.as_ref()).map(Vec::len))
        }
        WriteVerb::DeleteIds(_) | WriteVerb::DeleteIdsWhere(..) | WriteVerb::Retain(..) => {
            Box::new(std::iter::empty())
        }
    }
}

/// Does a verb write a sparse vector?
fn has_sparse(verb: &WriteVerb) -> bool {
    match verb {
        WriteVerb::Upsert(records) | WriteVerb::Insert(records) => {
            records.iter().any(|record| record.sparse.is_some())
        }
        WriteVerb::Merge(patches) | WriteVerb::Update(patches) => {
            patches.iter().any(|patch| matches!(patch.sparse, Change::Set(_)))
        }
        WriteVerb::Contribute(..)
        | WriteVerb::Retain(..)
        | WriteVerb::DeleteIds(_)
        | WriteVerb::DeleteIdsWhere(..) => false,
    }
}

/// A fate under its slot and position.
pub(super) fn item(slot: lacuna_model::Slot, position: u32, fate: Fate) -> ItemFate {
    ItemFate { slot, position, fate }
}
