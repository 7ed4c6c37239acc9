//! Each dialect's parser and the judge against the naive reading of its contract.

use proptest::prelude::*;
use serde_json::Value;

use super::generate;
use super::naive::{self, Record};
use crate::filter::parse::{chroma_where, chroma_where_document, native, pinecone};
use crate::filter::{Filter, FilterError, Usage};
use crate::value::{Metadata, chroma_metadata_from_json, metadata_from_json};

/// Rounds of each property, times `LACUNA_TEST_ROUNDS`. A failure prints its input and its seed.
fn rounds() -> ProptestConfig {
    let factor = std::env::var("LACUNA_TEST_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    ProptestConfig { cases: 3_000 * factor, ..ProptestConfig::default() }
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    proptest::collection::vec(generate::record(), 10..30)
}

fn read(parsed: Result<Filter, FilterError>, json: &Value) -> Filter {
    parsed.unwrap_or_else(|error| panic!("{json} was refused: {error}"))
}

/// The filter's verdicts are the naive ones, its complement's the opposite; it is valid, and survives its bytes.
fn agrees(
    filter: &Filter,
    usage: Usage,
    records: &[Record],
    metadata_of: impl Fn(&Record) -> Metadata,
    naive: impl Fn(&Record) -> bool,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(filter.validate(usage), Ok(()));
    let bytes = postcard::to_allocvec(filter).unwrap();
    let decoded: Filter = postcard::from_bytes(&bytes).unwrap();
    prop_assert_eq!(&decoded, filter);
    let (judge, complement) = (decoded.compile().unwrap(), filter.clone().negated().compile().unwrap());
    for record in records {
        let (metadata, document) = (metadata_of(record), record.document.as_deref());
        let expected = naive(record);
        prop_assert_eq!(
            judge.matches("x", &metadata, document),
            expected,
            "{} on {:?}",
            filter.to_json(),
            record
        );
        prop_assert_eq!(complement.matches("x", &metadata, document), !expected, "not {}", filter.to_json());
    }
    Ok(())
}

fn plain(record: &Record) -> Metadata {
    metadata_from_json(&record.metadata).unwrap()
}

fn as_chroma(record: &Record) -> Metadata {
    chroma_metadata_from_json(&record.metadata).unwrap()
}

proptest! {
    #![proptest_config(rounds())]

    #[test]
    fn the_native_dialect_is_its_contract(json in generate::native(), records in records()) {
        let filter = read(native(&json, Usage::Delete), &json);
        agrees(&filter, Usage::Delete, &records, plain, |record| naive::native(&json, record))?;
    }

    #[test]
    fn a_native_filter_is_shown_in_words_that_mean_it(json in generate::native()) {
        let filter = read(native(&json, Usage::Delete), &json);
        prop_assert_eq!(native(&filter.to_json(), Usage::Delete), Ok(filter));
    }

    #[test]
    fn the_chroma_dialect_is_its_contract(json in generate::chroma_where(), records in records()) {
        let filter = read(chroma_where(&json), &json);
        agrees(&filter, Usage::Delete, &records, as_chroma, |record| naive::chroma(&json, record))?;
    }

    #[test]
    fn chromas_two_filters_must_both_hold(
        json in generate::chroma_where(),
        document in generate::chroma_document(),
        records in records(),
    ) {
        let by_document = read(chroma_where_document(&document), &document);
        agrees(&by_document, Usage::Delete, &records, as_chroma, |record| naive::chroma_document(&document, record))?;
        let both = Filter::all_of(vec![read(chroma_where(&json), &json), by_document]);
        let expected = |record: &Record| naive::chroma(&json, record) && naive::chroma_document(&document, record);
        agrees(&both, Usage::Delete, &records, as_chroma, expected)?;
    }

    #[test]
    fn the_pinecone_dialect_is_its_contract(json in generate::pinecone(), records in records()) {
        let filter = read(pinecone(&json, Usage::Read), &json);
        agrees(&filter, Usage::Read, &records, plain, |record| naive::pinecone(&json, record))?;
    }
}
