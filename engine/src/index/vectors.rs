//! Where an incarnation's vectors lie: one growing active part that is scanned, and sealed parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::part::{Member, Part, Place, RowNumber, Shape};
use super::reload::LoadingPart;
use super::simd::{Lane, WIDTH};

/// Most bytes of vectors in the active part.
const ACTIVE_BYTES: usize = 16 << 20;

/// The part that new vectors go to. Its number is that of the sealed part it becomes, so that sealing moves no row.
#[derive(Debug)]
pub(crate) struct Active {
    /// Number of the part.
    pub(crate) number: u32,
    /// The vectors, end to end.
    pub(crate) lanes: Vec<Lane>,
    /// Whose they are.
    pub(crate) members: Vec<Member>,
}

/// All vectors of an incarnation, of one stride.
#[derive(Debug)]
pub(crate) struct Vectors {
    /// Lanes of a vector.
    pub(crate) stride: usize,
    /// What grows.
    pub(crate) active: Active,
    /// What is sealed, by number.
    pub(crate) sealed: BTreeMap<u32, Arc<Part>>,
    /// What is being read back, by number, while the index is loaded.
    loading: Vec<LoadingPart>,
    next_part: u32,
    full: usize,
}

impl Vectors {
    /// None yet, but for graphs that wait for theirs; the active part is sealed at so many rows, or sooner if they
    /// are long.
    pub(crate) fn new(stride: usize, seal_rows: usize, loading: Vec<LoadingPart>) -> Self {
        let by_bytes = ACTIVE_BYTES / (stride * WIDTH * size_of::<f32>());
        let next_part = loading.iter().map(|part| part.number).max().unwrap_or(0) + 1;
        Self {
            stride,
            active: Active { number: 0, lanes: Vec::new(), members: Vec::new() },
            sealed: BTreeMap::new(),
            loading,
            next_part,
            full: seal_rows.min(by_bytes).max(1),
        }
    }

    /// The place that a graph read back keeps for this vector, if one does.
    pub(crate) fn claim(&mut self, id: &str, member: Member, vector: &[Lane]) -> Option<Place> {
        self.loading.iter_mut().find_map(|part| part.claim(id, member, vector))
    }

    /// Everything was loaded: what was read back serves.
    pub(crate) fn finish_load(&mut self) {
        for part in std::mem::take(&mut self.loading) {
            let number = part.number;
            let part = part.finish();
            if part.living() > 0 {
                self.sealed.insert(number, Arc::new(part));
            }
        }
    }

    /// A number no part had.
    pub(crate) fn part_number(&mut self) -> u32 {
        let number = self.next_part;
        self.next_part += 1;
        number
    }

    /// Adds a vector to the active part; the second answer says that the part is full, to be sealed.
    pub(crate) fn push(&mut self, member: Member, vector: &[Lane]) -> (Place, bool) {
        let place = Place { part: self.active.number, member: self.active.members.len() as u32 };
        self.active.lanes.extend_from_slice(vector);
        self.active.members.push(member);
        (place, self.active.members.len() >= self.full)
    }

    /// Makes the active part a sealed one, without moving anything.
    pub(crate) fn seal(&mut self) {
        let number = self.part_number();
        let full =
            std::mem::replace(&mut self.active, Active { number, lanes: Vec::new(), members: Vec::new() });
        let part = Part::new(self.stride, full.lanes, full.members, Shape::Scan);
        self.sealed.insert(full.number, Arc::new(part));
    }

    /// The vector at a place.
    pub(crate) fn vector(&self, place: Place) -> Option<&[Lane]> {
        if place.part == self.active.number {
            return self.active.lanes.get(place.member as usize * self.stride..)?.get(..self.stride);
        }
        Some(self.sealed.get(&place.part)?.vector(place.member))
    }

    /// Takes a vector away.
    pub(crate) fn remove(&mut self, place: Place) -> Removed {
        if place.part == self.active.number {
            let moved = self.active.swap_remove(place.member as usize, self.stride);
            return Removed { moved, upkeep: Upkeep::None };
        }
        let Some(part) = self.sealed.get(&place.part) else { return Removed::default() };
        part.dead.mark(place.member);
        let upkeep = if part.is_decayed() { Upkeep::Look } else { Upkeep::None };
        if part.living() == 0 {
            self.sealed.remove(&place.part);
        }
        Removed { moved: None, upkeep }
    }
}

/// What follows from taking a vector away.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Removed {
    /// The row whose vector moved into its place, if one did.
    pub(crate) moved: Option<RowNumber>,
    /// Whether the sealer has something to do.
    pub(crate) upkeep: Upkeep,
}

/// What a write asks of the sealer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Upkeep {
    /// Nothing.
    #[default]
    None,
    /// A part was sealed, or has many dead: have a look.
    Look,
}

impl Active {
    fn swap_remove(&mut self, at: usize, stride: usize) -> Option<RowNumber> {
        let last = self.members.len() - 1;
        self.members.swap_remove(at);
        self.lanes.copy_within(last * stride.., at * stride);
        self.lanes.truncate(last * stride);
        self.members.get(at).map(|moved| moved.row)
    }
}
