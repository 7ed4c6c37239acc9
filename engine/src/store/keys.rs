//! Keys of the one sled tree: kind ‖ big-endian numbers ‖ text, so that byte order is the order we scan in
//! (protocol PE3).

use lacuna_model::command::{CallRef, RecordKey};
use lacuna_model::memory::contribution::Holding;
use lacuna_model::{Incarnation, ItemNumber, OpNumber, Slot, Stamp};

/// What a key is about; its first byte. State comes before records so that a loader meets it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Applied position, stamp, digests, totals.
    Head = 0x01,
    /// The raft layer's opaque bytes.
    Sidecar = 0x02,
    /// Slot table epoch and slots.
    Slots = 0x03,
    /// Ended incarnations, 512 a key.
    Ended = 0x04,
    /// Closed operation numbers.
    Closed = 0x05,
    /// Schema, live counter and digest of an incarnation.
    Incarnation = 0x06,
    /// A row.
    Row = 0x07,
    /// A kept outcome.
    Outcome = 0x08,
    /// Items that were released, 512 a key.
    Released = 0x09,
    /// A reference, found from its item.
    Holding = 0x0a,
    /// A record.
    Record = 0x10,
}

impl Kind {
    /// Every kind, in key order.
    pub(crate) const ALL: [Self; 11] = [
        Self::Head,
        Self::Sidecar,
        Self::Slots,
        Self::Ended,
        Self::Closed,
        Self::Incarnation,
        Self::Row,
        Self::Outcome,
        Self::Released,
        Self::Holding,
        Self::Record,
    ];

    /// The kind of a key.
    pub(crate) fn of(key: &[u8]) -> Option<Self> {
        let first = *key.first()?;
        Self::ALL.into_iter().find(|kind| *kind as u8 == first)
    }

    /// Is a key of this kind under the digest of everything but records (protocol PE2)?
    pub(crate) fn in_rest_digest(self) -> bool {
        match self {
            Self::Slots
            | Self::Ended
            | Self::Closed
            | Self::Incarnation
            | Self::Row
            | Self::Outcome
            | Self::Released
            | Self::Holding => true,
            Self::Head | Self::Sidecar | Self::Record => false,
        }
    }
}

/// Numbers in one `Ended` or `Released` key.
pub(crate) const CHUNK: u64 = 512;

/// A key that is only its kind.
pub(crate) fn single(kind: Kind) -> Vec<u8> {
    vec![kind as u8]
}

fn numbered(kind: Kind, number: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(9);
    key.push(kind as u8);
    key.extend(number.to_be_bytes());
    key
}

/// Key of the chunk that an incarnation's end is noted in.
pub(crate) fn ended(incarnation: Incarnation) -> Vec<u8> {
    numbered(Kind::Ended, incarnation.0 / CHUNK)
}

/// Key of the chunk that an item's release is noted in.
pub(crate) fn released(item: ItemNumber) -> Vec<u8> {
    numbered(Kind::Released, item.0 / CHUNK)
}

/// Key of a reference: its item, then the record's own key.
pub(crate) fn holding(holding: &Holding) -> Vec<u8> {
    let record = record(holding.incarnation, holding.key.slot, &holding.key.id);
    let mut key = holdings_from(holding.item);
    key.extend(&record[1..]);
    key
}

/// Where an item's references begin.
pub(crate) fn holdings_from(item: ItemNumber) -> Vec<u8> {
    numbered(Kind::Holding, item.0)
}

/// The parts of a reference's key.
pub(crate) fn parse_holding(key: &[u8]) -> Option<Holding> {
    let item = ItemNumber(number_of(key)?);
    // Behind the item's number it is a record's key without its kind; any first byte stands for that.
    let (incarnation, key) = parse_record(key.get(8..)?)?;
    Some(Holding { item, incarnation, key })
}

/// Key of an incarnation's counters.
pub(crate) fn incarnation(incarnation: Incarnation) -> Vec<u8> {
    numbered(Kind::Incarnation, incarnation.0)
}

/// Key of a row.
pub(crate) fn row(number: OpNumber) -> Vec<u8> {
    numbered(Kind::Row, number.0)
}

/// The number behind a key's kind.
pub(crate) fn number_of(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(1..9)?.try_into().ok()?))
}

/// Key of a call's outcome: what expires first comes first.
pub(crate) fn outcome(call: &CallRef) -> Vec<u8> {
    let (account, op_id) = (call.account.0.as_bytes(), call.op_id.as_str().as_bytes());
    let mut key = Vec::with_capacity(1 + 8 + 4 + account.len() + op_id.len() + 4);
    key.push(Kind::Outcome as u8);
    key.extend(call.expires().0.to_be_bytes());
    key.extend((account.len() as u32).to_be_bytes());
    key.extend(account);
    key.extend(op_id);
    key.extend(call.part.to_be_bytes());
    key
}

/// Where outcomes that expire at or after `stamp` begin.
pub(crate) fn outcomes_from(stamp: Stamp) -> Vec<u8> {
    numbered(Kind::Outcome, stamp.0)
}

/// When the outcome under a key expires.
pub(crate) fn outcome_expires(key: &[u8]) -> Option<Stamp> {
    number_of(key).map(Stamp)
}

/// Key of a record.
pub(crate) fn record(incarnation: Incarnation, slot: Slot, id: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(11 + id.len());
    key.push(Kind::Record as u8);
    key.extend(incarnation.0.to_be_bytes());
    key.extend(slot.0.to_be_bytes());
    key.extend(id.as_bytes());
    key
}

/// Where an incarnation's records begin.
pub(crate) fn records_from(incarnation: Incarnation) -> Vec<u8> {
    numbered(Kind::Record, incarnation.0)
}

/// The parts of a record's key.
pub(crate) fn parse_record(key: &[u8]) -> Option<(Incarnation, RecordKey)> {
    let incarnation = Incarnation(number_of(key)?);
    let slot = Slot(u16::from_be_bytes(key.get(9..11)?.try_into().ok()?));
    let id = std::str::from_utf8(key.get(11..)?).ok()?.to_owned();
    Some((incarnation, RecordKey { slot, id }))
}

/// The first key that is greater than every key beginning with `prefix`, which must not be all `0xff`.
pub(crate) fn after_prefix(mut prefix: Vec<u8>) -> Vec<u8> {
    while let Some(last) = prefix.pop() {
        if last < u8::MAX {
            prefix.push(last + 1);
            break;
        }
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_keys_order_as_record_keys_do_and_parse_back() {
        let mut keys = vec![
            (Incarnation(1), Slot(0), "b"),
            (Incarnation(1), Slot(0), "ba"),
            (Incarnation(1), Slot(256), "a"),
            (Incarnation(2), Slot(0), "a"),
            (Incarnation(256), Slot(0), "a"),
        ];
        let encoded: Vec<Vec<u8>> = keys.iter().map(|(i, s, id)| record(*i, *s, id)).collect();
        assert!(encoded.is_sorted());
        for (key, (incarnation, slot, id)) in encoded.iter().zip(keys.drain(..)) {
            assert_eq!(parse_record(key), Some((incarnation, RecordKey { slot, id: id.to_owned() })));
        }
    }

    #[test]
    fn references_order_by_item_and_parse_back() {
        let of = |item, incarnation, id: &str| Holding {
            item: ItemNumber(item),
            incarnation: Incarnation(incarnation),
            key: RecordKey { slot: Slot(7), id: id.to_owned() },
        };
        let holdings = [of(1, 9, "a"), of(1, 9, "b"), of(1, 10, ""), of(2, 1, "a"), of(256, 1, "a")];
        let encoded: Vec<Vec<u8>> = holdings.iter().map(holding).collect();
        assert!(encoded.is_sorted());
        for (key, holding) in encoded.iter().zip(holdings) {
            assert_eq!(parse_holding(key), Some(holding));
        }
    }

    #[test]
    fn the_end_of_a_prefix_is_behind_all_of_it() {
        assert_eq!(after_prefix(vec![1, 2]), vec![1, 3]);
        assert_eq!(after_prefix(vec![1, 255, 255]), vec![2]);
    }
}
