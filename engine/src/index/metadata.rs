//! The metadata index: from a value of a key to the rows that have it.
//!
//! Each value is a *term* with a number; a row keeps the numbers of its terms, so that it can be taken out again
//! without its old record. Long strings are terms by their hash: such an answer is a superset (INV-3).

use std::collections::{BTreeMap, HashMap};
use std::hash::Hasher;
use std::sync::Arc;

use lacuna_model::number::NumberKey;
use lacuna_model::value::{MetaValue, Metadata, Scalar};
use roaring::RoaringBitmap;
use siphasher::sip::SipHasher13;

/// Longest string that is kept whole as a term, bytes.
const WHOLE_TEXT: usize = 128;

/// Rows of one term; most terms of a key with many values have a single row.
#[derive(Debug)]
pub(crate) enum Posting {
    /// A single row.
    One(u32),
    /// Several, or none.
    Many(Box<RoaringBitmap>),
}

impl Posting {
    fn insert(&mut self, row: u32) {
        match self {
            Self::One(first) if *first == row => {}
            Self::One(first) => *self = Self::Many(Box::new([*first, row].into_iter().collect())),
            Self::Many(rows) => {
                rows.insert(row);
            }
        }
    }

    /// Takes the row out and says whether none is left.
    fn remove(&mut self, row: u32) -> bool {
        match self {
            Self::One(only) => *only == row,
            Self::Many(rows) => {
                rows.remove(row);
                rows.is_empty()
            }
        }
    }
}

/// A string as a term.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Text {
    Whole(Arc<str>),
    Hashed(u64),
}

impl Text {
    fn of(text: &str) -> Self {
        if text.len() <= WHOLE_TEXT {
            return Self::Whole(Arc::from(text));
        }
        let mut hasher = SipHasher13::new();
        hasher.write(text.as_bytes());
        Self::Hashed(hasher.finish())
    }
}

/// A scalar as a term.
#[derive(Clone, Debug)]
enum Value {
    Text(Text),
    Number(NumberKey),
    Bool(bool),
}

impl Value {
    fn of(scalar: &Scalar) -> Self {
        match scalar {
            Scalar::Str(text) => Self::Text(Text::of(text)),
            Scalar::Int(int) => Self::Number(NumberKey::from(*int)),
            Scalar::Float(float) => Self::Number(NumberKey::from(*float)),
            Scalar::Bool(bool) => Self::Bool(*bool),
        }
    }
}

/// Where a value stands in its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// The field is this scalar.
    Scalar,
    /// The field is a list with this element.
    Element,
}

#[derive(Clone, Debug)]
enum TermKind {
    Exists,
    Value(Stand, Value),
}

#[derive(Debug)]
struct Term {
    key: Arc<str>,
    kind: TermKind,
    rows: Posting,
}

#[derive(Debug, Default)]
struct Values {
    texts: HashMap<Text, u32>,
    numbers: BTreeMap<NumberKey, u32>,
    bools: [Option<u32>; 2],
}

impl Values {
    fn find(&self, value: &Value) -> Option<u32> {
        match value {
            Value::Text(text) => self.texts.get(text).copied(),
            Value::Number(number) => self.numbers.get(number).copied(),
            Value::Bool(bool) => self.bools[usize::from(*bool)],
        }
    }

    fn set(&mut self, value: &Value, term: Option<u32>) {
        match (value, term) {
            (Value::Text(text), Some(term)) => drop(self.texts.insert(text.clone(), term)),
            (Value::Text(text), None) => drop(self.texts.remove(text)),
            (Value::Number(number), Some(term)) => drop(self.numbers.insert(*number, term)),
            (Value::Number(number), None) => drop(self.numbers.remove(number)),
            (Value::Bool(bool), term) => self.bools[usize::from(*bool)] = term,
        }
    }
}

#[derive(Debug)]
struct KeyTerms {
    name: Arc<str>,
    exists: Option<u32>,
    scalars: Values,
    elements: Values,
}

impl KeyTerms {
    fn new(name: Arc<str>) -> Self {
        Self { name, exists: None, scalars: Values::default(), elements: Values::default() }
    }

    fn values(&self, stand: Stand) -> &Values {
        match stand {
            Stand::Scalar => &self.scalars,
            Stand::Element => &self.elements,
        }
    }

    fn find(&self, kind: &TermKind) -> Option<u32> {
        match kind {
            TermKind::Exists => self.exists,
            TermKind::Value(stand, value) => self.values(*stand).find(value),
        }
    }

    fn set(&mut self, kind: &TermKind, term: Option<u32>) {
        match kind {
            TermKind::Exists => self.exists = term,
            TermKind::Value(Stand::Scalar, value) => self.scalars.set(value, term),
            TermKind::Value(Stand::Element, value) => self.elements.set(value, term),
        }
    }
}

/// Value → rows, for every key of an incarnation's metadata.
#[derive(Debug, Default)]
pub(crate) struct MetaIndex {
    keys: HashMap<Arc<str>, KeyTerms>,
    terms: Vec<Option<Term>>,
    free: Vec<u32>,
}

impl MetaIndex {
    /// Enters a row; the answer is what [`Self::remove`] needs to take it out again.
    pub(crate) fn insert(&mut self, row: u32, metadata: &Metadata) -> Box<[u32]> {
        let mut terms = Vec::with_capacity(metadata.len() * 2);
        for (key, value) in metadata {
            terms.push(self.enter(row, key, &TermKind::Exists));
            let (stand, scalars) = match value {
                MetaValue::Scalar(scalar) => (Stand::Scalar, std::slice::from_ref(scalar)),
                MetaValue::List(items) => (Stand::Element, items.as_slice()),
            };
            let values = scalars.iter().map(|scalar| TermKind::Value(stand, Value::of(scalar)));
            terms.extend(values.map(|kind| self.enter(row, key, &kind)));
        }
        terms.sort_unstable();
        terms.dedup();
        terms.into_boxed_slice()
    }

    fn enter(&mut self, row: u32, key: &str, kind: &TermKind) -> u32 {
        if !self.keys.contains_key(key) {
            let name: Arc<str> = Arc::from(key);
            self.keys.insert(name.clone(), KeyTerms::new(name));
        }
        let Some(key_terms) = self.keys.get_mut(key) else { unreachable!("a key just entered is there") };
        if let Some(number) = key_terms.find(kind) {
            if let Some(term) = &mut self.terms[number as usize] {
                term.rows.insert(row);
            }
            return number;
        }
        let term = Term { key: key_terms.name.clone(), kind: kind.clone(), rows: Posting::One(row) };
        let number = if let Some(free) = self.free.pop() {
            self.terms[free as usize] = Some(term);
            free
        } else {
            self.terms.push(Some(term));
            (self.terms.len() - 1) as u32
        };
        key_terms.set(kind, Some(number));
        number
    }

    /// Takes a row out of its terms.
    pub(crate) fn remove(&mut self, row: u32, terms: &[u32]) {
        for number in terms {
            let entry = &mut self.terms[*number as usize];
            if !entry.as_mut().is_some_and(|term| term.rows.remove(row)) {
                continue;
            }
            let Some(term) = entry.take() else { continue };
            self.free.push(*number);
            if let Some(key_terms) = self.keys.get_mut(&term.key) {
                key_terms.set(&term.kind, None);
                if matches!(term.kind, TermKind::Exists) {
                    self.keys.remove(&term.key);
                }
            }
        }
    }

    fn collect(&self, numbers: impl Iterator<Item = u32>) -> RoaringBitmap {
        let mut singles = Vec::new();
        let mut rows = RoaringBitmap::new();
        for posting in
            numbers.filter_map(|number| self.terms[number as usize].as_ref()).map(|term| &term.rows)
        {
            match posting {
                Posting::One(row) => singles.push(*row),
                Posting::Many(many) if rows.is_empty() => rows.clone_from(many),
                Posting::Many(many) => rows |= many.as_ref(),
            }
        }
        singles.sort_unstable();
        rows.extend(singles);
        rows
    }

    /// Rows that have the key.
    pub(crate) fn having(&self, key: &str) -> RoaringBitmap {
        self.collect(self.keys.get(key).and_then(|terms| terms.exists).into_iter())
    }

    /// Rows whose field equals one of the values, as a scalar or in a list; may hold rows with another long string.
    pub(crate) fn equal(&self, key: &str, values: &[Scalar], stand: Stand) -> RoaringBitmap {
        let Some(terms) = self.keys.get(key) else { return RoaringBitmap::new() };
        self.collect(values.iter().filter_map(|value| terms.values(stand).find(&Value::of(value))))
    }

    /// Rows whose field is a single number in this range.
    pub(crate) fn within(
        &self,
        key: &str,
        range: (std::ops::Bound<NumberKey>, std::ops::Bound<NumberKey>),
    ) -> RoaringBitmap {
        let Some(terms) = self.keys.get(key) else { return RoaringBitmap::new() };
        self.collect(terms.scalars.numbers.range(range).map(|(_, number)| *number))
    }

    /// Whether this value is a term by its hash only.
    pub(crate) fn is_hashed(value: &Scalar) -> bool {
        matches!(value, Scalar::Str(text) if text.len() > WHOLE_TEXT)
    }
}
