//! Which parts are to be made into one with a graph, and when.

use super::part::{Part, Shape};
use super::vectors::Vectors;

/// Most vectors put into one graph at a time.
const LARGEST: usize = 65_536;
/// So many parts of like size become one.
const FAN_IN: usize = 4;
/// Fewer vectors than this are scanned: a graph of them would be no faster.
pub(crate) const SMALLEST_GRAPH: usize = 2_048;

/// Numbers of the parts to be made into one now, if any: those without a graph first, then those with many dead,
/// then as many as are alike in size.
pub(crate) fn choose(vectors: &Vectors) -> Option<Vec<u32>> {
    let parts = || vectors.sealed.iter().map(|(number, part)| (*number, part.as_ref()));
    let fresh = up_to_largest(parts().filter(|(_, part)| matches!(part.shape, Shape::Fresh)));
    if !fresh.is_empty() {
        return Some(fresh);
    }
    let decayed: Vec<(u32, &Part)> = parts().filter(|(_, part)| part.is_decayed()).collect();
    if !decayed.is_empty() {
        return Some(up_to_largest(decayed.into_iter()));
    }
    like_sized(parts().filter(|(_, part)| part.living() * FAN_IN <= LARGEST))
}

fn up_to_largest<'a>(parts: impl Iterator<Item = (u32, &'a Part)>) -> Vec<u32> {
    let mut sum = 0;
    let chosen = parts.take_while(|(_, part)| {
        let first = sum == 0;
        sum += part.living();
        first || sum <= LARGEST
    });
    chosen.map(|(number, _)| number).collect()
}

fn like_sized<'a>(parts: impl Iterator<Item = (u32, &'a Part)>) -> Option<Vec<u32>> {
    let mut tiers = std::collections::BTreeMap::<u32, Vec<(u32, &Part)>>::new();
    for (number, part) in parts {
        let tier = (part.living().max(1) / SMALLEST_GRAPH).max(1).ilog(FAN_IN);
        tiers.entry(tier).or_default().push((number, part));
    }
    let chosen = tiers.into_values().find(|alike| alike.len() >= FAN_IN)?;
    Some(up_to_largest(chosen.into_iter()))
}
