//! From a metric to what is stored and compared: working vectors, keys (smaller is nearer), scores.

use std::hash::Hasher;

use lacuna_model::record::Metric;
use siphasher::sip::SipHasher13;

use super::simd::{Kernel, Lane, Measure, kernel, to_lanes};

/// What is computed between working vectors: cosine is the dot product of normalised ones.
fn measure_of(metric: Metric) -> Measure {
    match metric {
        Metric::L2 => Measure::SquaredL2,
        Metric::Cosine | Metric::Dot => Measure::NegatedDot,
    }
}

/// A vector as the index works with it: whole lanes, unit length for cosine (a zero vector stays zero, and is as
/// near to everything as a right angle). `None` for one that isn't finite: the door refuses it, the index never sees it.
pub(crate) fn working(metric: Metric, vector: &[f32]) -> Option<Vec<Lane>> {
    if vector.is_empty() || !vector.iter().all(|x| x.is_finite()) {
        return None;
    }
    let mut lanes = to_lanes(vector);
    // No negative zeros: vectors that are equal have equal bits.
    lanes.iter_mut().flat_map(|lane| &mut lane.0).for_each(|x| *x += 0.0);
    if metric == Metric::Cosine {
        let norm = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
        if norm > 0.0 {
            for x in lanes.iter_mut().flat_map(|lane| &mut lane.0) {
                *x = (f64::from(*x) / norm) as f32;
            }
        }
    }
    Some(lanes)
}

/// Hash of a working vector, equal on every machine.
pub(crate) fn hash(vector: &[Lane]) -> u64 {
    let mut hasher = SipHasher13::new();
    for x in vector.iter().flat_map(|lane| lane.0) {
        hasher.write_u32(x.to_bits().to_le());
    }
    hasher.finish()
}

/// Hash of an id, equal on every machine.
pub(crate) fn hash_id(id: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(id.as_bytes());
    hasher.finish()
}

/// The score a client sees: cosine or dot (best highest), squared distance for L2 (best lowest).
pub(crate) fn score(metric: Metric, key: f32) -> f32 {
    match metric {
        Metric::L2 => key.max(0.0),
        Metric::Cosine => (0.0 - key).clamp(-1.0, 1.0),
        Metric::Dot => 0.0 - key,
    }
}

/// The score of one vector for a query; `None` if they can't be compared.
pub fn compare(metric: Metric, query: &[f32], vector: &[f32]) -> Option<f32> {
    if query.len() != vector.len() {
        return None;
    }
    let (query, vector) = (working(metric, query)?, working(metric, vector)?);
    Some(score(metric, Probe::new(metric, query).pair(&vector)))
}

/// A query ready to be compared with many working vectors.
pub(crate) struct Probe {
    measure: Measure,
    kernel: Kernel,
    query: Vec<Lane>,
}

impl Probe {
    /// Of a working vector.
    pub(crate) fn new(metric: Metric, query: Vec<Lane>) -> Self {
        Self::of(measure_of(metric), query)
    }

    /// Of a vector compared by this measure.
    pub(crate) fn of(measure: Measure, query: Vec<Lane>) -> Self {
        Self { measure, kernel: kernel(measure), query }
    }

    /// Lanes of a vector.
    pub(crate) fn stride(&self) -> usize {
        self.query.len()
    }

    /// Key of one vector.
    pub(crate) fn pair(&self, row: &[Lane]) -> f32 {
        let key = (self.kernel.pair)(&self.query, row);
        if key.is_finite() { key } else { self.slow(row) }
    }

    /// Keys of vectors that lie end to end.
    pub(crate) fn rows(&self, rows: &[Lane], out: &mut Vec<f32>) {
        (self.kernel.rows)(&self.query, rows, out);
        if out.iter().any(|key| !key.is_finite()) {
            for (row, key) in rows.chunks_exact(self.stride()).zip(out) {
                *key = self.pair(row);
            }
        }
    }

    /// Keys of some of the vectors that lie end to end.
    pub(crate) fn picked(&self, rows: &[Lane], picks: &[u32], out: &mut Vec<f32>) {
        (self.kernel.picked)(&self.query, rows, picks, out);
        if out.iter().any(|key| !key.is_finite()) {
            for (pick, key) in picks.iter().zip(out) {
                *key = self.pair(&rows[*pick as usize * self.stride()..][..self.stride()]);
            }
        }
    }

    /// Where f32 overflowed: in f64, and kept within f32, so that every key has its place in the order.
    fn slow(&self, row: &[Lane]) -> f32 {
        let pairs = self.query.iter().zip(row).flat_map(|(a, b)| a.0.iter().zip(b.0));
        let pairs = pairs.map(|(a, b)| (f64::from(*a), f64::from(b)));
        let key = match self.measure {
            Measure::SquaredL2 => pairs.map(|(a, b)| (a - b) * (a - b)).sum(),
            Measure::NegatedDot => -pairs.map(|(a, b)| a * b).sum::<f64>(),
        };
        key.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_values_keep_an_order_and_never_become_infinite() {
        for metric in [Metric::L2, Metric::Dot, Metric::Cosine] {
            let probe = Probe::new(metric, working(metric, &[3e38, -3e38]).unwrap());
            for other in [[3e38, 3e38], [-3e38, 3e38], [3e38, -3e38], [0.0, 0.0], [1e-40, 1e-40]] {
                let key = probe.pair(&working(metric, &other).unwrap());
                assert!(score(metric, key).is_finite(), "{metric:?} {other:?} {key}");
            }
        }
    }

    #[test]
    fn cosine_of_tiny_and_zero_vectors_is_sound() {
        let probe = Probe::new(Metric::Cosine, working(Metric::Cosine, &[1e-40]).unwrap());
        let of = |x: f32| score(Metric::Cosine, probe.pair(&working(Metric::Cosine, &[x]).unwrap()));
        assert!((of(5.0) - 1.0).abs() < 1e-6);
        assert!((of(-1e-42) + 1.0).abs() < 1e-6);
        assert_eq!(of(0.0).to_bits(), 0.0f32.to_bits());
    }

    #[test]
    fn what_is_not_finite_has_no_working_vector() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(working(Metric::L2, &[1.0, bad]).is_none());
        }
    }
}
