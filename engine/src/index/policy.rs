//! Which parts are to be made into one with a graph, and when.

use super::part::{Part, Shape};
use super::simd::Lane;
use super::vectors::Vectors;

/// Most vectors put into one graph at a time.
const LARGEST_ROWS: usize = 65_536;
/// Most bytes of vectors in one graph.
const LARGEST_BYTES: usize = 256 << 20;
/// So many parts of like size become one.
const FAN_IN: usize = 4;
/// How many vectors make a graph, for vectors of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    graph_rows: usize,
    largest: usize,
}

impl Sizes {
    /// As configured, but within what one graph may hold.
    pub(crate) fn of(graph_rows: usize, stride: usize) -> Self {
        let largest = LARGEST_ROWS.min(LARGEST_BYTES / (stride * size_of::<Lane>()));
        Self { graph_rows: graph_rows.clamp(1, largest / 2), largest }
    }

    /// Whether so many different vectors get no graph.
    pub(crate) fn is_too_few(self, nodes: usize) -> bool {
        nodes * 2 < self.graph_rows
    }

    /// The shape of a part without a graph: a scan for ever if there are enough vectors, but too few different ones.
    pub(crate) fn shape_without_graph(self, members: usize) -> Shape {
        if members >= self.graph_rows { Shape::Unfit } else { Shape::Scan }
    }

    fn up_to_largest<'a>(self, parts: impl Iterator<Item = (u32, &'a Part)>) -> Vec<u32> {
        let mut sum = 0;
        let chosen = parts.take_while(|(_, part)| {
            let first = sum == 0;
            sum += part.living();
            first || sum <= self.largest
        });
        chosen.map(|(number, _)| number).collect()
    }

    fn like_sized<'a>(self, parts: impl Iterator<Item = (u32, &'a Part)>) -> Option<Vec<u32>> {
        let mut tiers = std::collections::BTreeMap::<u32, Vec<(u32, &Part)>>::new();
        for (number, part) in parts.filter(|(_, part)| part.living() * FAN_IN <= self.largest) {
            let tier = (part.living() / self.graph_rows).max(1).ilog(FAN_IN);
            tiers.entry(tier).or_default().push((number, part));
        }
        let chosen = tiers.into_values().find(|alike| alike.len() >= FAN_IN)?;
        Some(self.up_to_largest(chosen.into_iter()))
    }
}

/// Numbers of the parts to be made into one now, if any: those without a graph once they are enough, then those with
/// many dead, then as many as are alike in size.
pub(crate) fn choose(vectors: &Vectors, sizes: Sizes) -> Option<Vec<u32>> {
    let parts = || vectors.sealed.iter().map(|(number, part)| (*number, part.as_ref()));
    let scanned = || parts().filter(|(_, part)| matches!(part.shape, Shape::Scan));
    if scanned().map(|(_, part)| part.living()).sum::<usize>() >= sizes.graph_rows {
        return Some(sizes.up_to_largest(scanned()));
    }
    let decayed = sizes.up_to_largest(parts().filter(|(_, part)| part.is_decayed()));
    if !decayed.is_empty() {
        return Some(decayed);
    }
    sizes.like_sized(parts().filter(|(_, part)| !matches!(part.shape, Shape::Scan)))
}
