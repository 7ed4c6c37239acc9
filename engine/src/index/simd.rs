//! Distance kernels: AVX-512, AVX2 with FMA, and a scalar fallback, chosen once per process.
//!
//! The one file of the house that may say `unsafe`: each use is a call of a function whose processor features were
//! detected just before, an unaligned or aligned load inside a [`Lane`], or a prefetch, which cannot fault.
#![allow(unsafe_code)]

use std::sync::OnceLock;

/// Floats in one [`Lane`].
pub(crate) const WIDTH: usize = 16;

/// Sixteen floats on one cache line. Vectors are whole lanes, padded with zeros, so that kernels have no tail.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Lane(pub(crate) [f32; WIDTH]);

impl Lane {
    /// All zeros.
    pub(crate) const ZERO: Self = Self([0.0; WIDTH]);
}

/// A vector as whole lanes.
pub(crate) fn to_lanes(vector: &[f32]) -> Vec<Lane> {
    vector
        .chunks(WIDTH)
        .map(|chunk| {
            let mut lane = Lane::ZERO;
            lane.0[..chunk.len()].copy_from_slice(chunk);
            lane
        })
        .collect()
}

/// What a kernel computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Sum of squared differences.
    SquaredL2,
    /// The dot product, negated: smaller is nearer, as with distances.
    NegatedDot,
}

type Pair = fn(&[Lane], &[Lane]) -> f32;
type Rows = fn(&[Lane], &[Lane], &mut Vec<f32>);
type Picked = fn(&[Lane], &[Lane], &[u32], &mut Vec<f32>);

/// The kernels of one measure.
#[derive(Clone, Copy)]
pub(crate) struct Kernel {
    /// Of two vectors of equal length.
    pub(crate) pair: Pair,
    /// Of a query and each of the vectors that lie end to end; replaces the output.
    pub(crate) rows: Rows,
    /// Of a query and those of the vectors that are named; replaces the output.
    pub(crate) picked: Picked,
}

/// The fastest kernels of this processor.
pub(crate) fn kernel(measure: Measure) -> Kernel {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    of_level(*LEVEL.get_or_init(detect), measure)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

fn detect() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            return Level::Avx512;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Level::Avx2;
        }
    }
    Level::Scalar
}

fn of_level(level: Level, measure: Measure) -> Kernel {
    match (level, measure) {
        (Level::Scalar, Measure::SquaredL2) => scalar::SQUARED_L2,
        (Level::Scalar, Measure::NegatedDot) => scalar::NEGATED_DOT,
        #[cfg(target_arch = "x86_64")]
        (Level::Avx2, Measure::SquaredL2) => avx2::SQUARED_L2,
        #[cfg(target_arch = "x86_64")]
        (Level::Avx2, Measure::NegatedDot) => avx2::NEGATED_DOT,
        #[cfg(target_arch = "x86_64")]
        (Level::Avx512, Measure::SquaredL2) => avx512::SQUARED_L2,
        #[cfg(target_arch = "x86_64")]
        (Level::Avx512, Measure::NegatedDot) => avx512::NEGATED_DOT,
    }
}

/// Cache lines of a vector asked for ahead; the processor's own prefetcher follows from there.
const AHEAD: usize = 8;

fn prefetch(lanes: &[Lane]) {
    #[cfg(target_arch = "x86_64")]
    for lane in lanes.iter().take(AHEAD) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch never faults, and the address is that of a live reference.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(lane).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = lanes;
}

/// The two loops around a pair function, and the safe entries to them; `$feature` is empty for scalar code.
macro_rules! kernels {
    ($name:ident, $pair:ident, [$($feature:literal),*]) => {
        #[allow(unused_unsafe)]
        pub(super) const $name: Kernel = {
            $(#[target_feature(enable = $feature)])*
            unsafe fn all(query: &[Lane], rows: &[Lane], out: &mut Vec<f32>) {
                out.clear();
                // SAFETY: same processor features as this function.
                out.extend(rows.chunks_exact(query.len()).map(|row| unsafe { $pair(query, row) }));
            }
            $(#[target_feature(enable = $feature)])*
            unsafe fn some(query: &[Lane], rows: &[Lane], picks: &[u32], out: &mut Vec<f32>) {
                out.clear();
                let stride = query.len();
                let row = |pick: u32| &rows[pick as usize * stride..][..stride];
                for pick in picks.iter().take(2) {
                    prefetch(row(*pick));
                }
                for (at, pick) in picks.iter().enumerate() {
                    if let Some(next) = picks.get(at + 2) {
                        prefetch(row(*next));
                    }
                    // SAFETY: same processor features as this function.
                    out.push(unsafe { $pair(query, row(*pick)) });
                }
            }
            Kernel {
                // SAFETY (all three): chosen by `of_level` only after `detect` found the features.
                pair: |a, b| unsafe { $pair(a, b) },
                rows: |query, rows, out| unsafe { all(query, rows, out) },
                picked: |query, rows, picks, out| unsafe { some(query, rows, picks, out) },
            }
        };
    };
}

mod scalar {
    use super::{Kernel, Lane, WIDTH, prefetch};

    kernels!(SQUARED_L2, squared_l2, []);
    kernels!(NEGATED_DOT, negated_dot, []);

    /// Sixteen running sums, so that the compiler may use whatever vector unit there is.
    #[inline]
    fn sums(a: &[Lane], b: &[Lane], term: impl Fn(f32, f32) -> f32) -> f32 {
        let mut sums = [0.0f32; WIDTH];
        for (a, b) in a.iter().zip(b) {
            for ((sum, a), b) in sums.iter_mut().zip(&a.0).zip(&b.0) {
                *sum += term(*a, *b);
            }
        }
        sums.iter().sum()
    }

    #[inline]
    fn squared_l2(a: &[Lane], b: &[Lane]) -> f32 {
        sums(a, b, |a, b| (a - b) * (a - b))
    }

    #[inline]
    fn negated_dot(a: &[Lane], b: &[Lane]) -> f32 {
        -sums(a, b, |a, b| a * b)
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehl_ps, _mm_shuffle_ps, _mm256_add_ps,
        _mm256_castps256_ps128, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_load_ps, _mm256_setzero_ps,
        _mm256_sub_ps,
    };

    use super::{Kernel, Lane, prefetch};

    kernels!(SQUARED_L2, squared_l2, ["avx2", "fma"]);
    kernels!(NEGATED_DOT, negated_dot, ["avx2", "fma"]);

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn halves(lane: &Lane) -> (__m256, __m256) {
        // SAFETY: a lane is sixteen floats, aligned to 64 bytes.
        unsafe { (_mm256_load_ps(lane.0.as_ptr()), _mm256_load_ps(lane.0.as_ptr().add(8))) }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn sum(sums: __m256) -> f32 {
        let four = _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps::<1>(sums));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn squared_l2(a: &[Lane], b: &[Lane]) -> f32 {
        let (mut low, mut high) = (_mm256_setzero_ps(), _mm256_setzero_ps());
        for (a, b) in a.iter().zip(b) {
            let ((a_low, a_high), (b_low, b_high)) = (halves(a), halves(b));
            let (d_low, d_high) = (_mm256_sub_ps(a_low, b_low), _mm256_sub_ps(a_high, b_high));
            low = _mm256_fmadd_ps(d_low, d_low, low);
            high = _mm256_fmadd_ps(d_high, d_high, high);
        }
        sum(_mm256_add_ps(low, high))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn negated_dot(a: &[Lane], b: &[Lane]) -> f32 {
        let (mut low, mut high) = (_mm256_setzero_ps(), _mm256_setzero_ps());
        for (a, b) in a.iter().zip(b) {
            let ((a_low, a_high), (b_low, b_high)) = (halves(a), halves(b));
            low = _mm256_fmadd_ps(a_low, b_low, low);
            high = _mm256_fmadd_ps(a_high, b_high, high);
        }
        -sum(_mm256_add_ps(low, high))
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m512, _mm512_add_ps, _mm512_fmadd_ps, _mm512_load_ps, _mm512_reduce_add_ps, _mm512_setzero_ps,
        _mm512_sub_ps,
    };

    use super::{Kernel, Lane, prefetch};

    kernels!(SQUARED_L2, squared_l2, ["avx512f"]);
    kernels!(NEGATED_DOT, negated_dot, ["avx512f"]);

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load(lane: &Lane) -> __m512 {
        // SAFETY: a lane is sixteen floats, aligned to 64 bytes.
        unsafe { _mm512_load_ps(lane.0.as_ptr()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn squared_l2(a: &[Lane], b: &[Lane]) -> f32 {
        let (mut even, mut odd) = (_mm512_setzero_ps(), _mm512_setzero_ps());
        let (a_pairs, a_rest) = a.as_chunks::<2>();
        let (b_pairs, b_rest) = b.as_chunks::<2>();
        for ([a0, a1], [b0, b1]) in a_pairs.iter().zip(b_pairs) {
            let (d0, d1) = (_mm512_sub_ps(load(a0), load(b0)), _mm512_sub_ps(load(a1), load(b1)));
            even = _mm512_fmadd_ps(d0, d0, even);
            odd = _mm512_fmadd_ps(d1, d1, odd);
        }
        if let ([a], [b]) = (a_rest, b_rest) {
            let d = _mm512_sub_ps(load(a), load(b));
            even = _mm512_fmadd_ps(d, d, even);
        }
        _mm512_reduce_add_ps(_mm512_add_ps(even, odd))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn negated_dot(a: &[Lane], b: &[Lane]) -> f32 {
        let (mut even, mut odd) = (_mm512_setzero_ps(), _mm512_setzero_ps());
        let (a_pairs, a_rest) = a.as_chunks::<2>();
        let (b_pairs, b_rest) = b.as_chunks::<2>();
        for ([a0, a1], [b0, b1]) in a_pairs.iter().zip(b_pairs) {
            even = _mm512_fmadd_ps(load(a0), load(b0), even);
            odd = _mm512_fmadd_ps(load(a1), load(b1), odd);
        }
        if let ([a], [b]) = (a_rest, b_rest) {
            even = _mm512_fmadd_ps(load(a), load(b), even);
        }
        -_mm512_reduce_add_ps(_mm512_add_ps(even, odd))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels() -> Vec<Level> {
        let mut levels = vec![Level::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Level::Avx2);
            }
            if is_x86_feature_detected!("avx512f") {
                levels.push(Level::Avx512);
            }
        }
        levels
    }

    fn vector(dimension: usize, salt: usize) -> Vec<f32> {
        (0..dimension).map(|i| ((i * 7919 + salt * 104_729) % 997) as f32 / 31.0 - 16.0).collect()
    }

    fn plain(measure: Measure, a: &[f32], b: &[f32]) -> f64 {
        let pairs = a.iter().zip(b).map(|(a, b)| (f64::from(*a), f64::from(*b)));
        match measure {
            Measure::SquaredL2 => pairs.map(|(a, b)| (a - b) * (a - b)).sum(),
            Measure::NegatedDot => -pairs.map(|(a, b)| a * b).sum::<f64>(),
        }
    }

    #[test]
    fn every_level_agrees_with_a_plain_loop_at_every_dimension() {
        for level in levels() {
            for measure in [Measure::SquaredL2, Measure::NegatedDot] {
                for dimension in (1..70).chain([128, 129, 768, 1536, 20_000]) {
                    let (a, b) = (vector(dimension, 1), vector(dimension, 2));
                    let want = plain(measure, &a, &b);
                    let scale: f64 =
                        a.iter().zip(&b).map(|(a, b)| f64::from((a - b).abs() + (a * b).abs())).sum();
                    let got = f64::from((of_level(level, measure).pair)(&to_lanes(&a), &to_lanes(&b)));
                    assert!(
                        (want - got).abs() <= scale * 1e-5,
                        "{level:?} {measure:?} {dimension}: {want} {got}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_loops_say_what_the_pair_says() {
        let query = to_lanes(&vector(100, 0));
        let rows: Vec<Lane> = (1..40).flat_map(|salt| to_lanes(&vector(100, salt))).collect();
        let picks = [3u32, 38, 0, 17, 3];
        for level in levels() {
            for measure in [Measure::SquaredL2, Measure::NegatedDot] {
                let kernel = of_level(level, measure);
                let (mut all, mut some) = (Vec::new(), Vec::new());
                (kernel.rows)(&query, &rows, &mut all);
                (kernel.picked)(&query, &rows, &picks, &mut some);
                assert_eq!(all.len(), 39);
                for (row, got) in rows.chunks(query.len()).zip(&all) {
                    assert_eq!((kernel.pair)(&query, row).to_bits(), got.to_bits());
                }
                for (pick, got) in picks.iter().zip(&some) {
                    assert_eq!(all[*pick as usize].to_bits(), got.to_bits());
                }
            }
        }
    }
}
