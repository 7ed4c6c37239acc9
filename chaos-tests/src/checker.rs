//! Judges a history against what each client was promised.
//!
//! Clients own their ids, and a client's calls follow each other (one that gets no answer waits until its
//! deadline, `settles_by`). So for each id the checker keeps the set of states it may be in: one after an
//! answered call, several after one of unknown fate, which a later answered write on that id reduces to one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::history::{Call, End, Event};

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Whose call showed it.
    pub client: u32,
    /// Which call.
    pub seq: u64,
    /// What.
    pub kind: ViolationKind,
}

/// Kinds of broken promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViolationKind {
    /// An acknowledged write isn't there.
    LostWrite {
        /// The record.
        id: String,
        /// Values it might have had.
        expected: Vec<u64>,
    },
    /// A deleted record is back.
    ReturnedDelete {
        /// The record.
        id: String,
        /// The value seen.
        seen: u64,
    },
    /// It has a value that nobody may still see.
    WrongValue {
        /// The record.
        id: String,
        /// The value seen.
        seen: u64,
        /// Values it might have had.
        expected: Vec<u64>,
    },
    /// A delete's count isn't what went.
    WrongCount {
        /// The count told.
        deleted: u64,
        /// Fewest that can have gone.
        least: u64,
        /// Most that can have gone.
        most: u64,
    },
    /// The history itself makes no sense: the harness is broken.
    BadHistory(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {} call {}: {:?}", self.client, self.seq, self.kind)
    }
}

/// What was judged: a pass over nothing is no pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Calls answered.
    pub answered: usize,
    /// Calls refused.
    pub refused: usize,
    /// Calls of unknown fate.
    pub unknown: usize,
    /// Counts of deletes compared.
    pub counts: usize,
    /// Records compared in reads.
    pub reads: usize,
}

/// `None` = absent; `Some((group, value))` = there.
type State = Option<(u64, u64)>;

#[derive(Default)]
struct Client {
    states: BTreeMap<String, BTreeSet<State>>,
}

/// Judges a history; each client's events in the order it made them.
pub fn judge(events: &[Event]) -> (Judged, Vec<Violation>) {
    let mut clients: BTreeMap<u32, Client> = BTreeMap::new();
    let mut judged = Judged::default();
    let mut violations = Vec::new();
    let mut sorted: Vec<&Event> = events.iter().collect();
    sorted.sort_by_key(|event| (event.client, event.seq));
    for event in sorted {
        match event.end {
            End::Refused => judged.refused += 1,
            End::Unknown => judged.unknown += 1,
            End::Written | End::Deleted { .. } | End::Seen(_) => judged.answered += 1,
        }
        let client = clients.entry(event.client).or_default();
        for kind in client.take(event, &mut judged) {
            violations.push(Violation { client: event.client, seq: event.seq, kind });
        }
    }
    (judged, violations)
}

impl Client {
    fn may_be(&mut self, id: &str) -> &mut BTreeSet<State> {
        self.states.entry(id.to_owned()).or_insert_with(|| BTreeSet::from([None]))
    }

    fn take(&mut self, event: &Event, judged: &mut Judged) -> Vec<ViolationKind> {
        match (&event.call, &event.end) {
            (_, End::Refused) | (Call::Get { .. }, End::Unknown) => Vec::new(),
            (Call::Upsert { ids, group, value }, End::Written) => {
                for id in ids {
                    *self.may_be(id) = BTreeSet::from([Some((*group, *value))]);
                }
                Vec::new()
            }
            (Call::Upsert { ids, group, value }, End::Unknown) => {
                for id in ids {
                    self.may_be(id).insert(Some((*group, *value)));
                }
                Vec::new()
            }
            (Call::DeleteIds { ids }, End::Deleted { deleted }) => {
                let unique: BTreeSet<&String> = ids.iter().collect();
                let kind = self.counted(unique.iter().map(|id| id.as_str()), *deleted, |_| true);
                for id in ids {
                    *self.may_be(id) = BTreeSet::from([None]);
                }
                judged.counts += 1;
                kind.into_iter().collect()
            }
            (Call::DeleteIds { ids }, End::Unknown) => {
                for id in ids {
                    self.may_be(id).insert(None);
                }
                Vec::new()
            }
            (Call::DeleteWhere { group }, End::Deleted { deleted }) => {
                let ids: Vec<String> = self.states.keys().cloned().collect();
                let kind = self.counted(ids.iter().map(String::as_str), *deleted, |state| {
                    state.is_some_and(|(of, _)| of == *group)
                });
                for states in self.states.values_mut() {
                    let before = states.len();
                    states.retain(|state| state.is_none_or(|(of, _)| of != *group));
                    if states.len() < before {
                        states.insert(None);
                    }
                }
                judged.counts += 1;
                kind.into_iter().collect()
            }
            (Call::DeleteWhere { group }, End::Unknown) => {
                for states in self.states.values_mut() {
                    if states.iter().any(|state| state.is_some_and(|(of, _)| of == *group)) {
                        states.insert(None);
                    }
                }
                Vec::new()
            }
            (Call::Get { ids }, End::Seen(seen)) => {
                judged.reads += ids.len();
                ids.iter().filter_map(|id| self.seen(id, seen.get(id).copied())).collect()
            }
            (call, end) => vec![ViolationKind::BadHistory(format!("{call:?} ended as {end:?}"))],
        }
    }

    /// Is this count one that the ids' possible states allow?
    fn counted<'a>(
        &self,
        ids: impl Iterator<Item = &'a str>,
        deleted: u64,
        goes: impl Fn(State) -> bool,
    ) -> Option<ViolationKind> {
        let (mut least, mut most) = (0, 0);
        for states in ids.filter_map(|id| self.states.get(id)) {
            let going = states.iter().filter(|state| state.is_some() && goes(**state)).count();
            least += u64::from(going == states.len());
            most += u64::from(going > 0);
        }
        (deleted < least || deleted > most).then_some(ViolationKind::WrongCount { deleted, least, most })
    }

    fn seen(&mut self, id: &str, value: Option<u64>) -> Option<ViolationKind> {
        let states = self.may_be(id);
        let expected: Vec<u64> = states.iter().flatten().map(|(_, value)| *value).collect();
        match value {
            None if states.contains(&None) => None,
            None => Some(ViolationKind::LostWrite { id: id.to_owned(), expected }),
            Some(seen) if expected.contains(&seen) => None,
            Some(seen) if expected.is_empty() => {
                Some(ViolationKind::ReturnedDelete { id: id.to_owned(), seen })
            }
            Some(seen) => Some(ViolationKind::WrongValue { id: id.to_owned(), seen, expected }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(calls: Vec<(Call, End)>) -> Vec<Event> {
        let event = |(seq, (call, end)): (usize, (Call, End))| Event {
            client: 1,
            seq: seq as u64,
            begin_ns: seq as u64 * 10,
            end_ns: seq as u64 * 10 + 5,
            call,
            end,
        };
        calls.into_iter().enumerate().map(event).collect()
    }

    fn ids(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn upsert(names: &[&str], value: u64, end: End) -> (Call, End) {
        (Call::Upsert { ids: ids(names), group: 7, value }, end)
    }

    fn get(names: &[&str], seen: &[(&str, u64)]) -> (Call, End) {
        let seen = seen.iter().map(|(id, value)| ((*id).to_owned(), *value)).collect();
        (Call::Get { ids: ids(names) }, End::Seen(seen))
    }

    fn delete(names: &[&str], deleted: u64) -> (Call, End) {
        (Call::DeleteIds { ids: ids(names) }, End::Deleted { deleted })
    }

    fn kinds(calls: Vec<(Call, End)>) -> Vec<ViolationKind> {
        judge(&history(calls)).1.into_iter().map(|violation| violation.kind).collect()
    }

    #[test]
    fn an_honest_history_passes_and_says_what_it_compared() {
        let calls = vec![
            upsert(&["a", "b", "c"], 1, End::Written),
            delete(&["a", "x"], 1),
            get(&["a", "b"], &[("b", 1)]),
            (Call::DeleteWhere { group: 7 }, End::Deleted { deleted: 2 }),
            get(&["a", "b", "c"], &[]),
        ];
        let (judged, violations) = judge(&history(calls));
        assert_eq!(violations, []);
        assert_eq!(judged, Judged { answered: 5, refused: 0, unknown: 0, counts: 2, reads: 5 });
    }

    #[test]
    fn a_lost_write_is_reported() {
        let found = kinds(vec![upsert(&["a"], 1, End::Written), get(&["a"], &[])]);
        assert_eq!(found, [ViolationKind::LostWrite { id: "a".into(), expected: vec![1] }]);
    }

    #[test]
    fn a_returned_delete_is_reported() {
        let found = kinds(vec![upsert(&["a"], 1, End::Written), delete(&["a"], 1), get(&["a"], &[("a", 1)])]);
        assert_eq!(found, [ViolationKind::ReturnedDelete { id: "a".into(), seen: 1 }]);
    }

    #[test]
    fn a_count_off_by_one_is_reported() {
        let found = kinds(vec![upsert(&["a", "b"], 1, End::Written), delete(&["a", "b"], 1)]);
        assert_eq!(found, [ViolationKind::WrongCount { deleted: 1, least: 2, most: 2 }]);
        let group = (Call::DeleteWhere { group: 7 }, End::Deleted { deleted: 3 });
        let found = kinds(vec![upsert(&["a", "b"], 1, End::Written), group]);
        assert_eq!(found, [ViolationKind::WrongCount { deleted: 3, least: 2, most: 2 }]);
    }

    #[test]
    fn an_old_value_is_reported() {
        let found = kinds(vec![
            upsert(&["a"], 1, End::Written),
            upsert(&["a"], 2, End::Written),
            get(&["a"], &[("a", 1)]),
        ]);
        assert_eq!(found, [ViolationKind::WrongValue { id: "a".into(), seen: 1, expected: vec![2] }]);
    }

    #[test]
    fn a_write_of_unknown_fate_may_be_there_or_not_until_an_answered_one() {
        for seen in [&[][..], &[("a", 1)][..]] {
            assert_eq!(kinds(vec![upsert(&["a"], 1, End::Unknown), get(&["a"], seen)]), []);
        }
        let settled = vec![upsert(&["a"], 1, End::Unknown), delete(&["a"], 0), get(&["a"], &[("a", 1)])];
        assert_eq!(kinds(settled), [ViolationKind::ReturnedDelete { id: "a".into(), seen: 1 }]);
    }

    #[test]
    fn a_refused_call_did_nothing() {
        let found = kinds(vec![upsert(&["a"], 1, End::Refused), get(&["a"], &[("a", 1)])]);
        assert_eq!(found, [ViolationKind::ReturnedDelete { id: "a".into(), seen: 1 }]);
    }
}
