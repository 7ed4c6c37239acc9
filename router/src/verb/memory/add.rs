//! Adding an item (protocol PM1): recorded, ends of its edges held, its records written, opened. Until it is open
//! nobody sees anything of it; whatever fails, its references are released again.

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::command::{IdAt, Retain, WriteVerb};
use lacuna_model::error::ErrorCode;
use lacuna_model::memory::RAW_COLLECTION;
use lacuna_model::memory::command::{MemoryChange, MemoryOutcome};
use lacuna_model::memory::contribution::{Content, NewContribution};
use lacuna_model::memory::part::NewOwner;
use lacuna_model::memory::query::Chosen;
use lacuna_model::memory::words::{Dataset, Item, ItemFacts, ItemNumbers};
use lacuna_model::merge::{DeleteStatus, WriteAnswer};
use lacuna_model::op_id::OpId;
use lacuna_model::record::Ordinal;
use lacuna_model::{DatasetId, ItemNumber, ReceiptId, RecordId, Stamp};

use super::names::target;
use super::raw::pieces;
use super::{ERROR_NAME, odd};
use crate::app::Router;
use crate::clock::now_micros;
use crate::error::{Verb, VerbError};
use crate::verb::Call;
use crate::verb::operation::look_up;
use crate::verb::operation_shards::{drive, report};

/// Time past its deadline after which the meta leader gives an add up whose router is silent.
const GRACE_MICROS: u64 = 5_000_000;

/// A record to add.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMemory {
    /// Its collection.
    pub collection: String,
    /// Its id.
    pub id: RecordId,
    /// What the item says of it.
    pub content: Content,
}

/// An item to add, or to replace.
#[derive(Clone, Debug, PartialEq)]
pub struct NewItem {
    /// What the client says of it.
    pub facts: ItemFacts,
    /// Bytes of its raw file, if Lacuna is to hold them.
    pub raw: Option<bytes::Bytes>,
    /// Its records; no two of the same collection and id.
    pub records: Vec<NewMemory>,
}

/// An add that was begun.
struct Begun<'a> {
    call: &'a Call,
    numbers: ItemNumbers,
    dataset: Dataset,
}

impl Router {
    /// Adds an item to a dataset; one with the same id there is replaced.
    pub async fn add_item(&self, call: &Call, dataset: DatasetId, new: NewItem) -> Verb<Item> {
        let change = MemoryChange::BeginAdd {
            dataset,
            facts: new.facts.clone(),
            give_up: Stamp(now_micros() + call.deadline.left().as_micros() as u64 + GRACE_MICROS),
            receipt: ReceiptId(rand::random()),
        };
        let MemoryOutcome::Adding { numbers, dataset } = self.change_memory(call, change).await? else {
            return Err(odd());
        };
        call.trace.mark("begin");
        let begun = Begun { call, numbers, dataset };
        let written = match self.write_item(&begun, new).await {
            Ok(records) => self.open_item(&begun, records).await,
            Err(error) => Err(error),
        };
        if written.is_err() {
            self.give_up(&begun).await;
        }
        written
    }

    async fn open_item(&self, begun: &Begun<'_>, records: u64) -> Verb<Item> {
        let op_id = made_name("replaced", begun.numbers.records)?;
        let change = MemoryChange::Open { number: begun.numbers.records, records, op_id: op_id.clone() };
        match self.change_memory(begun.call, change).await? {
            MemoryOutcome::Opened(item, release) => {
                if release.is_some() {
                    self.release_now(begun.call, &op_id).await;
                }
                Ok(*item)
            }
            _ => Err(odd()),
        }
    }

    /// Brings a release that no client waits for to its shards, if there is one: a forget that follows then counts
    /// nothing as shared with what is on its way out. The meta leader sees to whatever is left.
    async fn release_now(&self, call: &Call, op_id: &OpId) {
        let core = self.core();
        let operation = look_up(core, &call.caller.account, op_id, call.deadline).await;
        if let Ok(Some(operation)) = operation {
            let states = drive(core, &operation, call.deadline).await;
            report(core, operation.number, &states).await;
        }
    }

    /// Its references are released by the meta leader, whatever becomes of this router.
    async fn give_up(&self, begun: &Begun<'_>) {
        let number = begun.numbers.records;
        let Ok(op_id) = made_name("given-up", number) else { return };
        let change = MemoryChange::GiveUp { number, op_id: op_id.clone() };
        match self.change_memory(begun.call, change).await {
            Ok(_) => self.release_now(begun.call, &op_id).await,
            Err(error) => {
                tracing::debug!(
                    number = number.0,
                    error = error.message,
                    "the meta leader will give the add up"
                );
            }
        }
    }

    /// Writes all that an item brings; returns how many records it refers to.
    async fn write_item(&self, begun: &Begun<'_>, new: NewItem) -> Verb<u64> {
        let space = begun.dataset.space();
        let ends = ends(&new.records)?;
        let brought = new.records.len() as u64;
        let own_ends = own_ends(&new.records);
        let mut collections: BTreeMap<String, Vec<NewContribution>> = BTreeMap::new();
        for (position, NewMemory { collection, id, content }) in new.records.into_iter().enumerate() {
            let ends_here = || own_ends.contains(&(collection.clone(), id.as_str().to_owned()));
            let holds = !own_ends.is_empty() && ends_here();
            let new = NewContribution { holds, ..contribution(position, id, content) };
            collections.entry(collection).or_default().push(new);
        }
        for collection in collections.keys() {
            self.make_memory_collection(begun.call, space, collection).await?;
        }
        let held = self.hold_ends(begun, ends).await?;
        begun.call.trace.mark("ends");
        let owner = NewOwner { item: begun.numbers.records, dataset: begun.dataset.number };
        for (collection, contributions) in collections {
            let verb = WriteVerb::Contribute(owner, contributions);
            self.contribute(begun, &collection, verb).await.map_err(pruned_meanwhile)?;
        }
        if let Some(bytes) = new.raw {
            self.make_memory_collection(begun.call, space, RAW_COLLECTION).await?;
            let owner = NewOwner { item: begun.numbers.raw, ..owner };
            let pieces = pieces(&bytes)?.into_iter().enumerate();
            let pieces = pieces.map(|(at, (id, content))| contribution(at, id, content)).collect();
            let verb = WriteVerb::Contribute(owner, pieces);
            self.contribute(begun, RAW_COLLECTION, verb).await.map_err(pruned_meanwhile)?;
        }
        begun.call.trace.mark("records");
        Ok(brought + held)
    }

    /// Adds the item's reference to ends that aren't in the request; one that is nowhere is refused.
    async fn hold_ends(&self, begun: &Begun<'_>, ends: BTreeSet<(String, RecordId)>) -> Verb<u64> {
        if ends.is_empty() {
            return Ok(0);
        }
        let view = self.memory_view(begun.call, Chosen::All).await?;
        let owner = NewOwner { item: begun.numbers.records, dataset: begun.dataset.number };
        let retain = Retain { owner, hidden: view.hidden, next: view.next };
        let held = ends.len() as u64;
        let mut collections: BTreeMap<String, Vec<IdAt>> = BTreeMap::new();
        for (collection, id) in ends {
            let ids = collections.entry(collection).or_default();
            ids.push(IdAt { position: ids.len() as u32, id });
        }
        for (collection, ids) in collections {
            let first = ids.first().map(|id| id.id.as_str().to_owned()).unwrap_or_default();
            let verb = WriteVerb::Retain(retain.clone(), ids);
            let answer = match self.contribute(begun, &collection, verb).await {
                Err(error) if error.code == ErrorCode::NotFound => return Err(no_end(&collection, &first)),
                answer => answer?,
            };
            if answer.counts.absent != Some(0) {
                return Err(no_end(&collection, &first));
            }
        }
        Ok(held)
    }

    /// One write of an add: done on every shard, or the add fails.
    async fn contribute(&self, begun: &Begun<'_>, collection: &str, verb: WriteVerb) -> Verb<WriteAnswer> {
        let target = target(&begun.call.caller.account, begun.dataset.space(), collection);
        // Each of an add's writes is one by itself; what the client's key names is the add.
        let call = Call { key: None, ..begun.call.clone() };
        let answer = self.write(&target, &call, verb).await?;
        if answer.status != DeleteStatus::Complete {
            let message = "not every shard took the item's records in time; nothing of it is visible, and what was \
                           written is released again. Repeat the request";
            return Err(VerbError::new(ErrorCode::Unavailable, message).of(&answer.op_id));
        }
        Ok(answer)
    }
}

fn contribution(position: usize, id: RecordId, content: Content) -> NewContribution {
    let position = position as u32;
    let ordinal = Ordinal { micros: now_micros(), position };
    NewContribution { position, id, content, ordinal, holds: false }
}

/// Ends of edges that the request itself doesn't bring.
fn ends(records: &[NewMemory]) -> Verb<BTreeSet<(String, RecordId)>> {
    let brought: BTreeSet<(&str, &str)> =
        records.iter().map(|record| (record.collection.as_str(), record.id.as_str())).collect();
    let mut ends = BTreeSet::new();
    for record in records {
        for end in [&record.content.facts.source, &record.content.facts.target].into_iter().flatten() {
            if !brought.contains(&(end.collection.as_str(), end.id.as_str())) {
                let id = RecordId::new(end.id.as_str());
                let id = id.map_err(|error| {
                    VerbError::argument(format!("an edge's end: {error}; nothing was changed"))
                })?;
                ends.insert((end.collection.clone(), id));
            }
        }
    }
    Ok(ends)
}

/// Ends of edges that the request itself brings.
fn own_ends(records: &[NewMemory]) -> BTreeSet<(String, String)> {
    let ends = records.iter().flat_map(|record| [&record.content.facts.source, &record.content.facts.target]);
    ends.flatten().map(|end| (end.collection.clone(), end.id.clone())).collect()
}

/// The collection was there when the add began.
fn pruned_meanwhile(error: VerbError) -> VerbError {
    if error.code == ErrorCode::NotFound {
        let message = "the memory collections were pruned meanwhile; nothing was added. Repeat the request";
        return VerbError::new(ErrorCode::Unavailable, message);
    }
    error
}

fn no_end(collection: &str, first: &str) -> VerbError {
    let message = format!(
        "an edge ends at a record that is neither in the request nor in the space (among the ends in collection \
         {collection:?}, the first of which is {first:?}); nothing was added"
    );
    VerbError::argument(message).with(ERROR_NAME, "RecordNotFoundError").with("status", 422)
}

fn made_name(what: &str, number: ItemNumber) -> Verb<OpId> {
    OpId::new(format!("add-{number}-{what}"))
        .map_err(|error| VerbError::new(ErrorCode::Internal, error.to_string()))
}
