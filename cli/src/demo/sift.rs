//! The real rows carried inside the binary (data/README.md says where they come from).

/// Components of a row.
pub(super) const DIMENSION: usize = 128;
/// Rows that become records; the rest are queries.
pub(super) const BASE: usize = 9_800;
/// Rows that are queries.
pub(super) const QUERIES: usize = 200;

static BYTES: &[u8] = include_bytes!("../../data/sift10k.u8");

/// A row's components.
pub(super) fn row(number: usize) -> &'static [u8] {
    &BYTES[number * DIMENSION..(number + 1) * DIMENSION]
}

/// The query rows.
pub(super) fn queries() -> impl Iterator<Item = &'static [u8]> {
    (BASE..BASE + QUERIES).map(row)
}

/// A record's id.
pub(super) fn id(number: usize) -> String {
    format!("sift-{number:05}")
}

/// Squared Euclidean distance, exact.
pub(super) fn distance(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_base_and_queries_and_nothing_else() {
        assert_eq!(BYTES.len(), (BASE + QUERIES) * DIMENSION);
        assert_eq!(queries().count(), QUERIES);
        assert!(row(0).iter().any(|byte| *byte > 0));
    }

    #[test]
    fn distances_are_exact() {
        assert_eq!(distance(&[0, 255, 7], &[3, 0, 7]), 9 + 65_025);
    }
}
