//! The nearest of many, with all that tie at the border: which of them go is decided by id, later.

use super::part::Member;

/// A vector found, not yet looked at a last time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    /// Its key; smaller is nearer.
    pub(crate) key: f32,
    /// Whose it is.
    pub(crate) member: Member,
}

/// Keeps the nearest `keep` of what it is given, and those as near as the last of them.
#[derive(Debug)]
pub(crate) struct Nearest {
    keep: usize,
    found: Vec<Found>,
    border: f32,
    prune_at: usize,
    pruned: bool,
}

impl Nearest {
    /// Nothing yet.
    pub(crate) fn new(keep: usize) -> Self {
        let prune_at = keep.saturating_mul(2).saturating_add(64);
        Self { keep, found: Vec::new(), border: f32::INFINITY, prune_at, pruned: false }
    }

    /// Offers one.
    pub(crate) fn offer(&mut self, key: f32, member: Member) {
        if key > self.border {
            self.pruned = true;
            return;
        }
        self.found.push(Found { key, member });
        if self.found.len() >= self.prune_at {
            self.prune();
            self.prune_at = self.found.len().saturating_mul(2).saturating_add(64);
        }
    }

    /// Whether one with this key would be kept now.
    pub(crate) fn takes(&self, key: f32) -> bool {
        key <= self.border
    }

    fn prune(&mut self) {
        if self.found.len() <= self.keep || self.keep == 0 {
            return;
        }
        let (_, last, _) = self.found.select_nth_unstable_by(self.keep - 1, |a, b| a.key.total_cmp(&b.key));
        let border = last.key;
        let before = self.found.len();
        self.found.retain(|found| found.key <= border);
        self.pruned |= self.found.len() < before;
        self.border = border;
    }

    /// Those kept, nearest first, and whether any was let go.
    pub(crate) fn finish(mut self) -> (Vec<Found>, bool) {
        self.prune();
        self.found.sort_unstable_by(|a, b| a.key.total_cmp(&b.key));
        (self.found, self.pruned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest(keep: usize, keys: &[f32]) -> (Vec<f32>, bool) {
        let mut nearest = Nearest::new(keep);
        for (row, key) in keys.iter().enumerate() {
            nearest.offer(*key, Member { row: row as u32, stamp: 1 });
        }
        let (found, pruned) = nearest.finish();
        (found.into_iter().map(|found| found.key).collect(), pruned)
    }

    #[test]
    fn ties_at_the_border_are_all_kept() {
        assert_eq!(nearest(2, &[3.0, 1.0, 2.0, 2.0, 2.0, 9.0]), (vec![1.0, 2.0, 2.0, 2.0], true));
        assert_eq!(nearest(7, &[3.0, 1.0]), (vec![1.0, 3.0], false));
    }

    #[test]
    fn many_offers_leave_the_same_as_a_sort() {
        let keys: Vec<f32> = (0..5_000u32).map(|i| (i.wrapping_mul(2_654_435_761) % 1_009) as f32).collect();
        let mut sorted = keys.clone();
        sorted.sort_by(f32::total_cmp);
        let border = sorted[49];
        sorted.retain(|key| *key <= border);
        assert_eq!(nearest(50, &keys).0, sorted);
    }
}
