//! Random steps: drawn small, so that ids, numbers and filters meet; made into commands by what the model
//! knows at that moment.

use lacuna_model::command::{
    Advance, CallRef, Close, Command, Fence, IdAt, RecordKey, RowAction, SetSlots, StartWhere, Upto, Window,
    Write, WriteVerb,
};
use lacuna_model::filter::{DocumentTest, FieldTest, Filter, Order};
use lacuna_model::op_id::OpId;
use lacuna_model::outcome::RowStatus;
use lacuna_model::record::{Change, Metric, NewRecord, Ordinal, RecordPatch, SparseVector};
use lacuna_model::value::{MetaValue, Metadata, Scalar};
use lacuna_model::{Account, Incarnation, MapEpoch, OpNumber, SLOTS, Slot, Stamp};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::making::{id, key, n_is, schema_of};
use crate::naive::Naive;

pub(crate) const IDS: u8 = 14;
pub(crate) const INCARNATIONS: u64 = 4;
const NUMBERS: u64 = 30;

/// One record's worth: which id, what number.
type Item = (u8, u8);

#[derive(Clone, Debug)]
pub(crate) enum Draw {
    Upsert(u8, Vec<Item>),
    Insert(u8, Vec<Item>),
    Merge(u8, Vec<Item>),
    Update(u8, Vec<Item>),
    Delete(u8, Vec<u8>),
    DeleteWhere(u8, Vec<u8>, u8),
    OtherSchema(u8, Item),
    /// An earlier write again, to the letter.
    Repeat(u8),
    Start {
        number: u8,
        incarnation: u8,
        filter: u8,
        limit: Option<u8>,
        upto: u8,
        action: u8,
    },
    Advance {
        pick: u8,
        upto: u8,
        late: bool,
    },
    Fence {
        number: u8,
        incarnation: u8,
    },
    Close {
        pick: u8,
    },
    SetSlots {
        epoch: u8,
        sparse: bool,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Commands, and by how many seconds the stamp moves (backwards too).
    Entry(Vec<Draw>, i8),
    /// An entry without commands.
    Blank,
    Reopen,
    /// Reopen without what was only in memory; the log replays it.
    Kill,
    ExportImport,
    Garbage(u8),
    Barrier,
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    vec((0..IDS, 0..4u8), 1..4)
}

fn draw() -> impl Strategy<Value = Draw> {
    let inc = || prop_oneof![6 => Just(1u8), 2 => Just(2u8), 1 => 3..=(INCARNATIONS as u8)];
    let ids = || vec(0..IDS, 1..5);
    let limit = || prop_oneof![4 => Just(None), 1 => (0..4u8).prop_map(Some)];
    prop_oneof![
        8 => (inc(), items()).prop_map(|(i, items)| Draw::Upsert(i, items)),
        2 => (inc(), items()).prop_map(|(i, items)| Draw::Insert(i, items)),
        2 => (inc(), items()).prop_map(|(i, items)| Draw::Merge(i, items)),
        3 => (inc(), items()).prop_map(|(i, items)| Draw::Update(i, items)),
        3 => (inc(), ids()).prop_map(|(i, ids)| Draw::Delete(i, ids)),
        2 => (inc(), ids(), 0..FILTERS).prop_map(|(i, ids, f)| Draw::DeleteWhere(i, ids, f)),
        1 => (inc(), (0..IDS, 0..4u8)).prop_map(|(i, item)| Draw::OtherSchema(i, item)),
        2 => any::<u8>().prop_map(Draw::Repeat),
        6 => (1..NUMBERS as u8, inc(), 0..FILTERS, limit(), any::<u8>(), 0..8u8).prop_map(
            |(number, incarnation, filter, limit, upto, action)| {
                Draw::Start { number, incarnation, filter, limit, upto, action }
            }
        ),
        5 => (any::<u8>(), any::<u8>(), prop::bool::weighted(0.1)).prop_map(
            |(pick, upto, late)| Draw::Advance { pick, upto, late }
        ),
        1 => (1..NUMBERS as u8, inc()).prop_map(|(number, incarnation)| Draw::Fence { number, incarnation }),
        1 => any::<u8>().prop_map(|pick| Draw::Close { pick }),
        1 => (0..4u8, prop::bool::weighted(0.5)).prop_map(|(epoch, sparse)| Draw::SetSlots { epoch, sparse }),
    ]
}

pub(crate) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let stamp = prop_oneof![8 => -3..5i8, 1 => 60..127i8];
    let entry = (vec(draw(), 0..6), stamp).prop_map(|(draws, moved)| Step::Entry(draws, moved));
    let step = prop_oneof![
        30 => entry,
        1 => Just(Step::Blank),
        1 => Just(Step::Reopen),
        2 => Just(Step::Kill),
        1 => Just(Step::ExportImport),
        2 => (1..6u8).prop_map(Step::Garbage),
        1 => Just(Step::Barrier),
    ];
    vec(step, 1..most)
}

fn id_of(number: u8) -> String {
    format!("k{number}")
}

/// Some ids that are drawn, and one that never is.
fn by_id() -> Filter {
    Filter::ids(["k1", "k2", "k5", "k9", "k12", "nobody"].map(id)).unwrap()
}

/// How many filters there are.
pub(crate) const FILTERS: u8 = 11;

pub(crate) fn filter_of(number: u8) -> Filter {
    let less = FieldTest::Compare { order: Order::LessOrEqual, than: Scalar::Float(1.5) };
    match number {
        0..=2 => n_is(i64::from(number)),
        3 => Filter::field("n", less),
        4 => n_is(1).negated(),
        5 => Filter::Document(DocumentTest::Contains("n2".to_owned())),
        6 => Filter::any_of(vec![n_is(0), Filter::Document(DocumentTest::Contains("n3".to_owned()))]),
        7 => Filter::field("n", FieldTest::Exists),
        8 => Filter::all_of(vec![by_id(), n_is(2).negated()]),
        9 => by_id(),
        _ => Filter::any_of(vec![n_is(1), by_id()]).negated(),
    }
}

fn action_of(number: u8) -> RowAction {
    let int = |n: u8| Some(MetaValue::Scalar(Scalar::Int(i64::from(n))));
    match number {
        0..=2 => RowAction::Delete,
        3 => RowAction::SetMetadata(vec![("n".to_owned(), None), ("m".to_owned(), int(number))]),
        _ => RowAction::SetMetadata(vec![("n".to_owned(), int(number - 4))]),
    }
}

fn metadata(n: u8) -> Metadata {
    Metadata::from([("n".to_owned(), MetaValue::Scalar(Scalar::Int(i64::from(n))))])
}

/// A few entries, at indices that meet.
fn sparse((number, n): Item) -> SparseVector {
    let at = u32::from(number % 4);
    SparseVector::new(vec![at + 1, 9, at], vec![f32::from(n), 0.5, -1.5]).unwrap()
}

fn new_record(inc: u8, (number, n): Item, position: u32) -> NewRecord {
    NewRecord {
        position,
        id: id(&id_of(number)),
        vector: (n != 3).then(|| vec![f32::from(n), f32::from(number % 3)]),
        document: (n % 2 == 0).then(|| format!("n{n}")),
        metadata: metadata(n),
        ordinal: Ordinal { micros: u64::from(n), position },
        sparse: (inc == 2 && number % 3 > 0).then(|| sparse((number, n))),
    }
}

fn patch(inc: u8, (number, n): Item, position: u32) -> RecordPatch {
    RecordPatch {
        position,
        id: id(&id_of(number)),
        vector: match n {
            0 => Change::Remove,
            1 => Change::Set(vec![9.0, f32::from(number)]),
            _ => Change::Keep,
        },
        document: if n == 2 { Change::Set("n2n3".to_owned()) } else { Change::Keep },
        metadata: match n {
            0 => vec![("n".to_owned(), None)],
            _ => vec![("n".to_owned(), Some(MetaValue::Scalar(Scalar::Int(i64::from(n)))))],
        },
        ordinal: Ordinal { micros: 99, position },
        sparse: match (inc, n) {
            (2, 0) => Change::Remove,
            (2, 1) => Change::Set(sparse((number, n))),
            _ => Change::Keep,
        },
    }
}

fn ids_at(ids: &[u8]) -> Vec<IdAt> {
    ids.iter().zip(0..).map(|(number, position)| IdAt { position, id: id(&id_of(*number)) }).collect()
}

fn upto(incarnation: u64, drawn: u8) -> Upto {
    if drawn < 60 { Upto::End } else { Upto::Key(key(incarnation, &id_of(drawn % (IDS + 2)))) }
}

/// Makes commands, and remembers them for repeats.
#[derive(Default)]
pub(crate) struct Maker {
    writes: Vec<Write>,
}

impl Maker {
    pub(crate) fn command(&mut self, draw: &Draw, model: &Naive) -> Option<Command> {
        let records = |inc: u8, items: &[Item]| {
            items.iter().zip(0..).map(|(item, at)| new_record(inc, *item, at)).collect()
        };
        let patches =
            |inc: u8, items: &[Item]| items.iter().zip(0..).map(|(item, at)| patch(inc, *item, at)).collect();
        Some(match draw {
            Draw::Upsert(inc, items) => self.write(*inc, WriteVerb::Upsert(records(*inc, items)), model),
            Draw::Insert(inc, items) => self.write(*inc, WriteVerb::Insert(records(*inc, items)), model),
            Draw::Merge(inc, items) => self.write(*inc, WriteVerb::Merge(patches(*inc, items)), model),
            Draw::Update(inc, items) => self.write(*inc, WriteVerb::Update(patches(*inc, items)), model),
            Draw::Delete(inc, ids) => self.write(*inc, WriteVerb::DeleteIds(ids_at(ids)), model),
            Draw::DeleteWhere(inc, ids, filter) => {
                self.write(*inc, WriteVerb::DeleteIdsWhere(ids_at(ids), filter_of(*filter)), model)
            }
            Draw::OtherSchema(inc, item) => self.other_schema(*inc, *item, model),
            Draw::Repeat(pick) => {
                let count = self.writes.len().max(1);
                Command::Write(self.writes.get(usize::from(*pick) % count)?.clone())
            }
            Draw::Start { number, incarnation, filter, limit, upto: end, action } => {
                Command::StartWhere(StartWhere {
                    number: OpNumber(u64::from(*number)),
                    op_id: OpId::new(format!("op-{number}")).unwrap(),
                    incarnation: Incarnation(u64::from(*incarnation)),
                    filter: filter_of(*filter),
                    limit: limit.map(u64::from),
                    upto: upto(u64::from(*incarnation), *end),
                    action: action_of(*action),
                })
            }
            Draw::Advance { pick, upto: end, late } => advance(*pick, *end, *late, model)?,
            Draw::Fence { number, incarnation } => Command::Fence(Fence {
                number: OpNumber(u64::from(*number)),
                op_id: OpId::new(format!("op-{number}")).unwrap(),
                incarnations: vec![Incarnation(u64::from(*incarnation)), Incarnation(77)],
            }),
            Draw::Close { pick } => close(*pick, model),
            Draw::SetSlots { epoch, sparse } => slots(*epoch, *sparse),
        })
    }

    fn write(&mut self, incarnation: u8, verb: WriteVerb, model: &Naive) -> Command {
        let number = self.writes.len();
        let write = Write {
            call: CallRef {
                account: Account::default(),
                op_id: OpId::new(format!("w-{number}")).unwrap(),
                part: number as u32 % 2,
                born: Stamp(model.stamp.0.saturating_sub((number as u64 % 5) * 31_000_000)),
                window: Window::Short,
            },
            incarnation: Incarnation(u64::from(incarnation)),
            schema: schema_of(u64::from(incarnation)),
            verb,
        };
        self.writes.push(write.clone());
        Command::Write(write)
    }

    /// A write whose schema or vector doesn't fit, or one that leaves the dimension open.
    fn other_schema(&mut self, incarnation: u8, (number, n): Item, model: &Naive) -> Command {
        let mut record = new_record(incarnation, (number, n), 0);
        if n == 1 {
            record.vector = Some(vec![1.0; 3]);
        }
        let Command::Write(mut write) = self.write(incarnation, WriteVerb::Upsert(vec![record]), model)
        else {
            unreachable!()
        };
        match n {
            0 => write.schema.metric = Metric::Dot,
            1 => {}
            2 => write.schema.dimension = None,
            _ => write.schema.dimension = Some(3),
        }
        Command::Write(write)
    }
}

/// Mostly the next range of a row that sweeps; sometimes a late or a made-up one.
fn advance(pick: u8, end: u8, late: bool, model: &Naive) -> Option<Command> {
    let open: Vec<_> = model.rows.iter().filter(|(_, row)| row.view.status == RowStatus::Sweeping).collect();
    let (number, row) = open.get(usize::from(pick) % open.len().max(1))?;
    let (slot, id) = row.after.clone()?;
    let after = if late { key(row.incarnation, "k0") } else { RecordKey { slot, id } };
    Some(Command::Advance(Advance { number: OpNumber(**number), after, upto: upto(row.incarnation, end) }))
}

/// Closes a row that is done, and everything below the lowest that isn't.
fn close(pick: u8, model: &Naive) -> Command {
    let sweeping = |status: RowStatus| status == RowStatus::Sweeping;
    let done: Vec<u64> =
        model.rows.iter().filter(|(_, row)| !sweeping(row.view.status)).map(|(n, _)| *n).collect();
    let lowest =
        model.rows.iter().find(|(_, row)| sweeping(row.view.status)).map_or(NUMBERS / 2, |(n, _)| *n);
    let numbers = done.get(usize::from(pick) % done.len().max(1)).map(|n| OpNumber(*n)).into_iter().collect();
    Command::Close(Close { numbers, low: OpNumber(lowest.min(u64::from(pick) % 8)) })
}

fn slots(epoch: u8, sparse: bool) -> Command {
    let slots = (0..SLOTS).filter(|slot| !sparse || slot % 16 != 0).map(Slot).collect();
    Command::SetSlots(SetSlots { epoch: MapEpoch(u64::from(epoch)), slots })
}
