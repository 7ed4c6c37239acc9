//! The data: 9,800 real SIFT rows and 200 queries; larger sets by seeded Gaussian noise around the rows.

use std::path::Path;

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Components of a row.
pub const DIMENSION: usize = 128;
/// Rows that are searched.
pub const BASE: usize = 9_800;
/// Standard deviation of the noise, per component.
const SIGMA: f64 = 8.0;
/// Members of a group that one where-delete takes.
pub const GROUP: usize = 20;

/// Rows and queries.
pub struct Data {
    /// The rows to load.
    pub rows: Vec<Vec<f32>>,
    /// The queries.
    pub queries: Vec<Vec<f32>>,
}

impl Data {
    /// Reads the sample and makes `records` rows of it.
    pub fn read(path: &Path, records: usize, seed: u64) -> Result<Self> {
        let bytes = std::fs::read(path)?;
        ensure!(bytes.len() % DIMENSION == 0 && bytes.len() / DIMENSION > BASE, "not the SIFT sample");
        let real: Vec<Vec<f32>> =
            bytes.chunks(DIMENSION).map(|row| row.iter().map(|byte| f32::from(*byte)).collect()).collect();
        let mut random = StdRng::seed_from_u64(seed);
        let rows = (0..records)
            .map(|at| {
                let row = &real[at % BASE];
                if at < BASE {
                    row.clone()
                } else {
                    row.iter().map(|value| noisy(*value, &mut random)).collect()
                }
            })
            .collect();
        Ok(Self { rows, queries: real[BASE..].to_vec() })
    }

    /// The ten nearest rows of a query among those that `keep`, by exact search.
    pub fn nearest(&self, query: &[f32], keep: impl Fn(usize) -> bool) -> Vec<usize> {
        let distance = |row: &[f32]| -> f32 { row.iter().zip(query).map(|(a, b)| (a - b) * (a - b)).sum() };
        let mut all: Vec<(f32, usize)> = self
            .rows
            .iter()
            .enumerate()
            .filter(|(at, _)| keep(*at))
            .map(|(at, row)| (distance(row), at))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.truncate(10);
        all.into_iter().map(|(_, at)| at).collect()
    }
}

/// A component with noise (Box–Muller), clipped to what a SIFT component can be.
fn noisy(value: f32, random: &mut StdRng) -> f32 {
    let (u, v): (f64, f64) = (random.random_range(f64::EPSILON..1.0), random.random());
    let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
    (f64::from(value) + SIGMA * normal).clamp(0.0, 255.0).round() as f32
}

/// A record's id.
pub fn id_of(at: usize) -> String {
    format!("r{at:07}")
}

/// One of ten buckets: the filtered query keeps one of them.
pub fn bucket_of(at: usize) -> usize {
    at % 10
}

/// A record's group: one where-delete takes [`GROUP`] records.
pub fn group_of(at: usize) -> usize {
    at / GROUP
}
