//! Graph or scan: the cheaper by estimate (building-blocks §3.3, measured again with the kernels here).

use super::graph::Graph;
use super::part::Part;
use super::rows::Rows;

/// How far a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The cheaper of graph and scan.
    Usual,
    /// Every vector that can match, however many hits the filter's verdict throws out.
    Exhaustive,
}

/// Components of the vectors that these figures were measured with.
const MEASURED_COMPONENTS: f64 = 128.0;
/// Nanoseconds for a vector of a scan in order; for the choice of a way only the ratios count.
const SCANNED: f64 = 8.0;
/// Of one looked up by its row.
const PICKED: f64 = 22.0;
/// Of one met in a graph, the walk's own work included.
const WALKED: f64 = 43.0;
/// Vectors met in a graph at `ef` 64 when every node is wanted.
const MET: f64 = 910.0;
/// What `MET` was measured at.
const MET_AT_EF: f64 = 64.0;
/// The fewer nodes are wanted, the more must be met: share to this power.
const MET_BY_SHARE: f64 = -0.6;
/// Growth of `MET` with `ef`.
const MET_BY_EF: f64 = 0.85;

/// A way through all parts, for these wishes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    /// Candidates to keep.
    pub(crate) ef: usize,
    /// The part of the vectors that can match.
    pub(crate) share: f64,
    /// How far to go.
    pub(crate) depth: Depth,
}

impl Walk {
    /// The graph of a part, if it has one and walking it is cheaper than a scan.
    pub(crate) fn graph(self, part: &Part) -> Option<&Graph> {
        match self.depth {
            Depth::Exhaustive => None,
            Depth::Usual => part.graph().filter(|_| self.walk(part) < part.members.len() as f64 * SCANNED),
        }
    }

    fn walk(self, part: &Part) -> f64 {
        let members = part.members.len() as f64;
        let share = (self.share * part.living() as f64 / members).max(1e-6);
        let met = MET * (self.ef as f64 / MET_AT_EF).powf(MET_BY_EF) * share.powf(MET_BY_SHARE);
        met.min(members) * WALKED
    }

    /// Whether looking so many candidates up, one by one, is cheaper than going through all parts.
    pub(crate) fn dearer_than_rows(self, rows: &Rows, candidates: u64) -> bool {
        rows.vectors.is_none() || candidates as f64 * PICKED < self.through(rows)
    }

    /// Nanoseconds for going through all parts, on a machine as the one these figures are from.
    pub(crate) fn estimate(self, rows: &Rows) -> f64 {
        self.through(rows) * rows.dimension.unwrap_or_default() as f64 / MEASURED_COMPONENTS
    }

    fn through(self, rows: &Rows) -> f64 {
        let Some(vectors) = rows.vectors.as_ref() else { return 0.0 };
        let parts = vectors.sealed.values().map(|part| match self.graph(part) {
            Some(_) => self.walk(part),
            None => part.members.len() as f64 * SCANNED,
        });
        vectors.active.members.len() as f64 * SCANNED + parts.sum::<f64>()
    }
}
