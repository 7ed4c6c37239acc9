//! Live rows in insertion order (protocol PR0): ascending by ordinal, in chunks.
//!
//! Records mostly come with growing ordinals, so chunks fill up to the brim: 16 bytes a record, 24 at worst, beside
//! the 16 in the row itself. Ties between ordinals are resolved by id where rows are read.

use std::sync::Arc;

use lacuna_model::record::Ordinal;
use roaring::RoaringBitmap;

use super::part::RowNumber;
use super::rows::Rows;

/// Rows of a full chunk.
const FULL: usize = 512;
/// From this share of the live rows on, candidates are met sooner by walking than by sorting them.
const SORTED_SHARE: u64 = 8;

/// A row with its ordinal; ordered so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Age {
    micros: u64,
    position: u32,
    row: RowNumber,
}

impl Age {
    fn new(ordinal: Ordinal, row: RowNumber) -> Self {
        Self { micros: ordinal.micros, position: ordinal.position, row }
    }

    fn ordinal(self) -> Ordinal {
        Ordinal { micros: self.micros, position: self.position }
    }
}

/// Every live row, oldest first. No chunk is empty.
#[derive(Debug, Default)]
pub(crate) struct Ages {
    chunks: Vec<Vec<Age>>,
}

impl Ages {
    /// Enters a row.
    pub(crate) fn insert(&mut self, ordinal: Ordinal, row: RowNumber) {
        let age = Age::new(ordinal, row);
        let mut at = self.chunk_of(age);
        let is_last = at + 1 == self.chunks.len();
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(vec![age]);
            return;
        };
        let mut place = chunk.partition_point(|other| *other < age);
        if chunk.len() >= FULL {
            if is_last && place == FULL {
                self.chunks.push(vec![age]);
                return;
            }
            let right = chunk.split_off(FULL / 2);
            self.chunks.insert(at + 1, right);
            if place > FULL / 2 {
                (at, place) = (at + 1, place - FULL / 2);
            }
        }
        self.chunks[at].insert(place, age);
    }

    /// Takes a row out.
    pub(crate) fn remove(&mut self, ordinal: Ordinal, row: RowNumber) {
        let age = Age::new(ordinal, row);
        let at = self.chunk_of(age);
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        let Ok(place) = chunk.binary_search(&age) else { return };
        chunk.remove(place);
        let left = chunk.len();
        if left == 0 {
            self.chunks.remove(at);
        } else if self.chunks.get(at + 1).is_some_and(|next| left + next.len() <= FULL / 2) {
            let next = self.chunks.remove(at + 1);
            self.chunks[at].extend(next);
        }
    }

    /// The chunk where this age is, or belongs.
    fn chunk_of(&self, age: Age) -> usize {
        self.chunks.partition_point(|chunk| chunk[0] <= age).saturating_sub(1)
    }

    fn from(&self, ordinal: Ordinal) -> impl Iterator<Item = Age> {
        let first = Age::new(ordinal, 0);
        let at = self.chunk_of(first);
        let place = self.chunks.get(at).map_or(0, |chunk| chunk.partition_point(|age| *age < first));
        let chunks = self.chunks.get(at..).unwrap_or_default().iter();
        chunks.flatten().skip(place).copied()
    }

    /// The first ordinals, oldest first.
    pub(crate) fn ordinals(&self, limit: usize) -> Vec<Ordinal> {
        self.chunks.iter().flatten().take(limit).map(|age| age.ordinal()).collect()
    }
}

/// Rows behind a place in insertion order, ties by id: those among the candidates, if there are any to keep to.
pub(crate) fn oldest(
    rows: &Rows,
    candidates: Option<&RoaringBitmap>,
    after: Option<(Ordinal, &str)>,
    limit: usize,
) -> Vec<(Ordinal, Arc<str>)> {
    let named = |number: RowNumber| {
        let row = rows.row(number)?;
        let behind = after.is_none_or(|after| (row.ordinal, row.id.as_ref()) > after);
        behind.then(|| (row.ordinal, row.id.clone()))
    };
    if let Some(few) = candidates.filter(|few| few.len() * SORTED_SHARE < rows.live.len()) {
        let mut found: Vec<_> = few.iter().filter_map(named).collect();
        found.sort_unstable();
        found.truncate(limit);
        return found;
    }
    let from = after.map_or_else(Ordinal::default, |(ordinal, _)| ordinal);
    let mut found: Vec<(Ordinal, Arc<str>)> = Vec::new();
    let mut tied = 0;
    for age in rows.ages.from(from) {
        if found.get(tied).is_some_and(|(ordinal, _)| *ordinal != age.ordinal()) {
            found[tied..].sort_unstable();
            tied = found.len();
            if tied >= limit {
                break;
            }
        }
        if candidates.is_none_or(|candidates| candidates.contains(age.row)) {
            found.extend(named(age.row));
        }
    }
    found[tied..].sort_unstable();
    found.truncate(limit);
    found
}
