//! From a filter to the rows that can match it.

use std::ops::Bound;

use lacuna_model::filter::{FieldTest, Filter, IdSet, Look, Order};
use lacuna_model::number::NumberKey;
use lacuna_model::value::Scalar;
use roaring::RoaringBitmap;

use super::metadata::{MetaIndex, Stand};
use super::rows::Rows;

/// Rows that can match a filter: always a superset of those that do; the record in the store decides (INV-3).
#[derive(Clone, Debug, PartialEq)]
pub enum Candidates {
    /// The index can't tell: any row.
    All,
    /// No row but these.
    Rows(RoaringBitmap),
}

/// Rows, and whether they are exactly those that match; only exact rows have a complement.
struct Narrowed {
    candidates: Candidates,
    exact: bool,
}

impl Narrowed {
    const UNKNOWN: Self = Self { candidates: Candidates::All, exact: false };

    fn exactly(rows: RoaringBitmap) -> Self {
        Self { candidates: Candidates::Rows(rows), exact: true }
    }
}

/// Ids that are looked up instead of asking the other tests of an `And`: the store judges so few anyway.
const FEW_IDS: usize = 1_024;

/// Narrows to the rows of an index that can match.
pub(crate) fn narrow(rows: &Rows, filter: &Filter) -> Candidates {
    of_filter(rows, filter).candidates
}

fn of_filter(rows: &Rows, filter: &Filter) -> Narrowed {
    match filter {
        Filter::And(parts) => match few_ids(parts) {
            Some(ids) => Narrowed { exact: parts.len() == 1, ..of_ids(rows, ids) },
            None => all_of(parts.iter().map(|part| of_filter(rows, part))),
        },
        Filter::Or(parts) => any_of(parts.iter().map(|part| of_filter(rows, part))),
        Filter::Not(inner) => complement(&rows.live, of_filter(rows, inner)),
        Filter::Field(key, test) => of_field(&rows.meta, key, test),
        Filter::Document(_) => Narrowed::UNKNOWN,
        Filter::Ids(ids) => of_ids(rows, ids),
    }
}

/// The first id set among the parts that is small.
fn few_ids(parts: &[Filter]) -> Option<&IdSet> {
    parts.iter().find_map(|part| match part {
        Filter::Ids(ids) if ids.as_slice().len() <= FEW_IDS => Some(ids),
        Filter::Ids(_)
        | Filter::And(_)
        | Filter::Or(_)
        | Filter::Not(_)
        | Filter::Field(..)
        | Filter::Document(_) => None,
    })
}

fn of_ids(rows: &Rows, ids: &IdSet) -> Narrowed {
    let found = ids.as_slice().iter().filter_map(|id| rows.ids.get(id.as_str()));
    Narrowed::exactly(found.copied().collect())
}

fn all_of(parts: impl Iterator<Item = Narrowed>) -> Narrowed {
    let mut all = Narrowed { candidates: Candidates::All, exact: true };
    for part in parts {
        all.exact &= part.exact;
        all.candidates = match (all.candidates, part.candidates) {
            (Candidates::Rows(a), Candidates::Rows(b)) => Candidates::Rows(a & b),
            (Candidates::Rows(rows), Candidates::All) | (Candidates::All, Candidates::Rows(rows)) => {
                Candidates::Rows(rows)
            }
            (Candidates::All, Candidates::All) => Candidates::All,
        };
        if matches!(&all.candidates, Candidates::Rows(rows) if rows.is_empty()) {
            return Narrowed::exactly(RoaringBitmap::new());
        }
    }
    all
}

fn any_of(parts: impl Iterator<Item = Narrowed>) -> Narrowed {
    let mut any = RoaringBitmap::new();
    let mut exact = true;
    for part in parts {
        exact &= part.exact;
        match part.candidates {
            Candidates::Rows(rows) => any |= rows,
            Candidates::All => return Narrowed { candidates: Candidates::All, exact: part.exact },
        }
    }
    Narrowed { candidates: Candidates::Rows(any), exact }
}

fn complement(live: &RoaringBitmap, inner: Narrowed) -> Narrowed {
    match inner {
        Narrowed { exact: false, .. } => Narrowed::UNKNOWN,
        Narrowed { candidates: Candidates::All, .. } => Narrowed::exactly(RoaringBitmap::new()),
        Narrowed { candidates: Candidates::Rows(rows), .. } => Narrowed::exactly(live - rows),
    }
}

fn of_field(meta: &MetaIndex, key: &str, test: &FieldTest) -> Narrowed {
    match test {
        FieldTest::Exists => Narrowed::exactly(meta.having(key)),
        FieldTest::OneOf { values, look } => one_of(meta, key, values, *look),
        FieldTest::Compare { order, than } => match NumberKey::of(than) {
            Some(than) => Narrowed::exactly(meta.within(key, range(*order, than))),
            None => Narrowed::UNKNOWN,
        },
    }
}

fn one_of(meta: &MetaIndex, key: &str, values: &[Scalar], look: Look) -> Narrowed {
    let scalars = || meta.equal(key, values, Stand::Scalar);
    let elements = || meta.equal(key, values, Stand::Element);
    let (rows, exact) = match look {
        Look::Scalar => (scalars(), true),
        Look::Element => (elements(), true),
        Look::ElementOfKind => (elements(), false),
        Look::ScalarOrElement => (scalars() | elements(), true),
    };
    Narrowed { candidates: Candidates::Rows(rows), exact: exact && !values.iter().any(MetaIndex::is_hashed) }
}

fn range(order: Order, than: NumberKey) -> (Bound<NumberKey>, Bound<NumberKey>) {
    match order {
        Order::Greater => (Bound::Excluded(than), Bound::Unbounded),
        Order::GreaterOrEqual => (Bound::Included(than), Bound::Unbounded),
        Order::Less => (Bound::Unbounded, Bound::Excluded(than)),
        Order::LessOrEqual => (Bound::Unbounded, Bound::Included(than)),
    }
}
