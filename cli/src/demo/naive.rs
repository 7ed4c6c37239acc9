//! The plain recomputation: a map and loops. What the cluster answers is compared with this.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::sift;

/// A record as the naive model keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// Number of the row in the data.
    pub(super) number: usize,
    /// The last digit of the number: a field that cuts across the data evenly.
    pub(super) tenth: u64,
    /// Sum of the components: a field of the real data.
    pub(super) weight: u64,
}

/// Fields that the tour filters by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// `tenth` equals.
    Tenth(u64),
    /// `weight` is below.
    LighterThan(u64),
}

impl Wanted {
    /// The filter as it is sent.
    pub(super) fn filter(self) -> Value {
        match self {
            Self::Tenth(tenth) => json!({"tenth": tenth}),
            Self::LighterThan(weight) => json!({"weight": {"$lt": weight}}),
        }
    }

    fn takes(self, row: &Row) -> bool {
        match self {
            Self::Tenth(tenth) => row.tenth == tenth,
            Self::LighterThan(weight) => row.weight < weight,
        }
    }
}

/// What the collection should hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Naive {
    rows: BTreeMap<String, Row>,
}

/// What a delete should have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Records deleted.
    pub(super) deleted: u64,
    /// Ids that were not there; `None` where the delete wasn't by ids.
    pub(super) absent: Option<u64>,
}

impl Naive {
    /// Writes a row of the data and returns it as the server takes it.
    pub(super) fn upsert(&mut self, number: usize) -> Value {
        let vector = sift::row(number);
        let weight = vector.iter().map(|byte| u64::from(*byte)).sum();
        let row = Row { number, tenth: number as u64 % 10, weight };
        let record = json!({
            "id": sift::id(number),
            "vector": vector,
            "metadata": {"row": number, "tenth": row.tenth, "weight": weight},
        });
        self.rows.insert(sift::id(number), row);
        record
    }

    /// Deletes by id.
    pub(super) fn delete_ids(&mut self, ids: &[String]) -> Taken {
        let deleted = ids.iter().filter(|id| self.rows.remove(*id).is_some()).count() as u64;
        Taken { deleted, absent: Some(ids.len() as u64 - deleted) }
    }

    /// Deletes what a filter takes.
    pub(super) fn delete_where(&mut self, wanted: Wanted) -> Taken {
        let before = self.rows.len();
        self.rows.retain(|_, row| !wanted.takes(row));
        Taken { deleted: (before - self.rows.len()) as u64, absent: None }
    }

    /// Deletes all.
    pub(super) fn delete_all(&mut self) -> Taken {
        let deleted = self.rows.len() as u64;
        self.rows.clear();
        Taken { deleted, absent: None }
    }

    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// The ids, ascending by bytes.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(String::as_str)
    }

    /// The distance of the `k`-th nearest live record to a vector: what an exact answer reaches.
    pub(super) fn radius(&self, vector: &[u8], k: usize) -> Option<u32> {
        let mut distances: Vec<u32> =
            self.rows.values().map(|row| sift::distance(vector, sift::row(row.number))).collect();
        distances.sort_unstable();
        distances.get(k.min(distances.len()).checked_sub(1)?).copied()
    }

    /// Distance of a record that should be there; `None` if it should not.
    pub(super) fn distance(&self, id: &str, vector: &[u8]) -> Option<u32> {
        self.rows.get(id).map(|row| sift::distance(vector, sift::row(row.number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(count: usize) -> Naive {
        let mut naive = Naive::default();
        for number in 0..count {
            naive.upsert(number);
        }
        naive
    }

    #[test]
    fn deletes_count_what_they_take() {
        let mut naive = some(100);
        let ids = ["sift-00001".to_owned(), "sift-00002".to_owned(), "nobody".to_owned()];
        assert_eq!(naive.delete_ids(&ids), Taken { deleted: 2, absent: Some(1) });
        assert_eq!(naive.delete_where(Wanted::Tenth(1)), Taken { deleted: 9, absent: None });
        assert_eq!(naive.delete_all(), Taken { deleted: 89, absent: None });
        assert_eq!(naive.len(), 0);
    }

    #[test]
    fn the_radius_is_the_kth_smallest_distance() {
        let naive = some(50);
        let vector = sift::row(7);
        assert_eq!(naive.radius(vector, 1), Some(0));
        let far = naive.radius(vector, 50).unwrap();
        assert!(naive.ids().all(|id| naive.distance(id, vector).unwrap() <= far));
        assert_eq!(Naive::default().radius(vector, 10), None);
    }
}
