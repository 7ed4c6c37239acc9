//! Newer writes laid over older contents: what a reader sees of both.

use std::collections::btree_map::Range;
use std::iter::Peekable;

use super::{Bytes, StoreError};

/// Keys in order, each with its value.
type Pairs<'a> = Box<dyn Iterator<Item = Result<(Bytes, Bytes), StoreError>> + 'a>;

/// Lays `newer` over `older`: a newer value hides an older one, a newer removal hides it too.
pub(crate) fn over<'a>(newer: Range<'a, Vec<u8>, Option<Bytes>>, older: Pairs<'a>) -> Pairs<'a> {
    let mut layered = Layered { newer: newer.peekable(), older: older.peekable() };
    if layered.newer.peek().is_none() { Box::new(layered.older) } else { Box::new(layered) }
}

struct Layered<'a> {
    newer: Peekable<Range<'a, Vec<u8>, Option<Bytes>>>,
    older: Peekable<Pairs<'a>>,
}

impl Iterator for Layered<'_> {
    type Item = Result<(Bytes, Bytes), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((key, _)) = self.newer.peek() else { return self.older.next() };
            match self.older.peek() {
                Some(Err(_)) => return self.older.next(),
                Some(Ok((older, _))) if **older < ***key => return self.older.next(),
                Some(Ok((older, _))) if **older == ***key => {
                    self.older.next();
                }
                Some(Ok(_)) | None => {}
            }
            if let Some((key, Some(value))) = self.newer.next() {
                return Some(Ok((Bytes::from(key.clone()), value.clone())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Writes;
    use super::*;

    fn bytes(text: &str) -> Bytes {
        Bytes::from(text.as_bytes().to_vec())
    }

    #[test]
    fn newer_values_and_removals_hide_older_ones_and_nothing_else() {
        let older: Vec<Result<(Bytes, Bytes), StoreError>> =
            ["a", "c", "e", "g"].iter().map(|key| Ok((bytes(key), bytes("old")))).collect();
        let newer: Writes =
            [("b", Some("new")), ("c", None), ("e", Some("new")), ("f", None), ("h", Some("new"))]
                .into_iter()
                .map(|(key, value)| (key.as_bytes().to_vec(), value.map(bytes)))
                .collect();
        let seen: Vec<(Bytes, Bytes)> =
            over(newer.range::<Vec<u8>, _>(..), Box::new(older.into_iter())).map(Result::unwrap).collect();
        let expected = [("a", "old"), ("b", "new"), ("e", "new"), ("g", "old"), ("h", "new")];
        assert_eq!(seen, expected.map(|(key, value)| (bytes(key), bytes(value))));
    }
}
