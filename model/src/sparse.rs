//! Sparse vectors: the few components that aren't zero.

use serde::{Deserialize, Serialize};

use crate::limits::MAX_SPARSE_ENTRIES;

/// A sparse vector: indices ascending, each once, with a finite value each; at least one, at most
/// [`MAX_SPARSE_ENTRIES`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct SparseVector {
    indices: Vec<u32>,
    values: Vec<f32>,
}

/// As it is read, not yet checked.
#[derive(Deserialize)]
struct Raw {
    indices: Vec<u32>,
    values: Vec<f32>,
}

/// Why indices and values are no sparse vector.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum BadSparseVector {
    /// Not one value for each index.
    #[error("{indices} indices and {values} values; expected as many of both")]
    Unequal {
        /// Indices given.
        indices: usize,
        /// Values given.
        values: usize,
    },
    /// None, or too many.
    #[error("{0} entries; expected 1 to {MAX_SPARSE_ENTRIES}")]
    Size(usize),
    /// An index twice.
    #[error("index {0} is there twice; expected each once")]
    Repeated(u32),
    /// NaN, or infinite.
    #[error("the value at index {0} is no finite number")]
    NotFinite(u32),
}

impl SparseVector {
    /// Of indices in any order, each with its value.
    pub fn new(indices: Vec<u32>, values: Vec<f32>) -> Result<Self, BadSparseVector> {
        if indices.len() != values.len() {
            return Err(BadSparseVector::Unequal { indices: indices.len(), values: values.len() });
        }
        if indices.is_empty() || indices.len() > MAX_SPARSE_ENTRIES {
            return Err(BadSparseVector::Size(indices.len()));
        }
        if let Some((index, _)) = indices.iter().zip(&values).find(|(_, value)| !value.is_finite()) {
            return Err(BadSparseVector::NotFinite(*index));
        }
        let sorted = if indices.is_sorted() {
            Self { indices, values }
        } else {
            let mut entries: Vec<(u32, f32)> = indices.into_iter().zip(values).collect();
            entries.sort_unstable_by_key(|(index, _)| *index);
            let (indices, values) = entries.into_iter().unzip();
            Self { indices, values }
        };
        match sorted.indices.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(BadSparseVector::Repeated(pair[0])),
            None => Ok(sorted),
        }
    }

    /// The indices, ascending.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// The values, each at its index.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Indices with their values, ascending.
    pub fn entries(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        self.indices.iter().copied().zip(self.values.iter().copied())
    }
}

impl TryFrom<Raw> for SparseVector {
    type Error = BadSparseVector;

    fn try_from(raw: Raw) -> Result<Self, BadSparseVector> {
        Self::new(raw.indices, raw.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_sorted_and_what_is_no_vector_is_refused() {
        let vector = SparseVector::new(vec![9, 2, u32::MAX], vec![1.0, -2.0, 3.0]).unwrap();
        assert_eq!(vector.entries().collect::<Vec<_>>(), [(2, -2.0), (9, 1.0), (u32::MAX, 3.0)]);
        let bad =
            |indices: &[u32], values: &[f32]| SparseVector::new(indices.into(), values.into()).unwrap_err();
        assert_eq!(bad(&[1], &[1.0, 2.0]), BadSparseVector::Unequal { indices: 1, values: 2 });
        assert_eq!(bad(&[], &[]), BadSparseVector::Size(0));
        assert_eq!(bad(&[3, 1, 3], &[1.0; 3]), BadSparseVector::Repeated(3));
        assert_eq!(bad(&[4], &[f32::NAN]), BadSparseVector::NotFinite(4));
        assert_eq!(bad(&[0; 2_049], &[1.0; 2_049]), BadSparseVector::Size(2_049));
        assert!(SparseVector::new((0..2_048).collect(), vec![1.0; 2_048]).is_ok());
    }

    #[test]
    fn bytes_that_say_no_sparse_vector_are_refused() {
        let vector = SparseVector::new(vec![1, 5], vec![0.5, 0.25]).unwrap();
        let bytes = postcard::to_allocvec(&vector).unwrap();
        assert_eq!(postcard::from_bytes::<SparseVector>(&bytes).unwrap(), vector);
        let torn = postcard::to_allocvec(&(vec![1u32, 1], vec![0.5f32, 0.25])).unwrap();
        assert!(postcard::from_bytes::<SparseVector>(&torn).is_err());
    }
}
