//! Numbers of operations that have ended, so that a late Start does nothing (protocol PW4).

use std::collections::BTreeSet;

use lacuna_model::OpNumber;
use lacuna_model::command::Close;
use serde::{Deserialize, Serialize};

/// Everything below `low`, and these above it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Closed {
    pub(crate) low: OpNumber,
    pub(crate) above: BTreeSet<OpNumber>,
}

impl Closed {
    pub(crate) fn contains(&self, number: OpNumber) -> bool {
        number < self.low || self.above.contains(&number)
    }

    /// Notes what a `Close` says; `low` never goes back.
    pub(crate) fn note(&mut self, close: &Close) {
        self.low = self.low.max(close.low);
        self.above.extend(close.numbers.iter().copied());
        self.above = self.above.split_off(&self.low);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_number_stays_closed_as_low_moves() {
        let mut closed = Closed::default();
        closed.note(&Close { numbers: vec![OpNumber(5), OpNumber(2)], low: OpNumber(1) });
        assert!(closed.contains(OpNumber(0)) && closed.contains(OpNumber(2)) && closed.contains(OpNumber(5)));
        assert!(!closed.contains(OpNumber(1)) && !closed.contains(OpNumber(3)));
        closed.note(&Close { numbers: vec![], low: OpNumber(4) });
        closed.note(&Close { numbers: vec![], low: OpNumber(3) });
        assert!(
            closed.contains(OpNumber(3)) && closed.contains(OpNumber(5)) && !closed.contains(OpNumber(4))
        );
        assert_eq!(closed.above.len(), 1);
    }
}
