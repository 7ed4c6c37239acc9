//! Sparse vectors of one incarnation: from an index to the rows that have a value there. Exact: what shares no index
//! with a query is no neighbour of it.
//!
//! 12 bytes an entry: 8 in its posting, 4 in the row's list of indices, by which it is taken out again.

use std::collections::HashMap;

use lacuna_model::record::SparseVector;
use roaring::RoaringBitmap;

use super::part::RowNumber;

/// Postings, ascending by row.
#[derive(Debug, Default)]
pub(crate) struct SparseIndex {
    postings: HashMap<u32, Vec<(RowNumber, f32)>>,
    indices: HashMap<RowNumber, Box<[u32]>>,
}

impl SparseIndex {
    /// Gives a row this vector, or none.
    pub(crate) fn set(&mut self, row: RowNumber, vector: Option<&SparseVector>) {
        let old = self.indices.remove(&row);
        let Some(vector) = vector else {
            self.take(row, old.as_deref().unwrap_or_default());
            return;
        };
        if old.as_deref() != Some(vector.indices()) {
            self.take(row, old.as_deref().unwrap_or_default());
        }
        for (index, value) in vector.entries() {
            let posting = self.postings.entry(index).or_default();
            match posting.binary_search_by_key(&row, |(row, _)| *row) {
                Ok(at) => posting[at].1 = value,
                Err(at) => posting.insert(at, (row, value)),
            }
        }
        self.indices.insert(row, vector.indices().into());
    }

    fn take(&mut self, row: RowNumber, indices: &[u32]) {
        for index in indices {
            let Some(posting) = self.postings.get_mut(index) else { continue };
            if let Ok(at) = posting.binary_search_by_key(&row, |(row, _)| *row) {
                posting.remove(at);
            }
            if posting.is_empty() {
                self.postings.remove(index);
            }
        }
    }

    /// Dot products with all rows that share an index with the query: those among the candidates, if there are any to
    /// keep to. Summed in f64, by ascending index.
    pub(crate) fn dots(
        &self,
        query: &SparseVector,
        candidates: Option<&RoaringBitmap>,
    ) -> HashMap<RowNumber, f64> {
        let mut dots = HashMap::new();
        for (index, wanted) in query.entries() {
            for (row, value) in self.postings.get(&index).into_iter().flatten() {
                if candidates.is_none_or(|candidates| candidates.contains(*row)) {
                    *dots.entry(*row).or_insert(0.0) += f64::from(wanted) * f64::from(*value);
                }
            }
        }
        dots
    }
}
