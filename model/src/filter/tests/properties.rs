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
    ProptestConfig { cases: 600 * factor, ..ProptestConfig::default() }
}

fn verdict(filter: &Filter, metadata: &Metadata, record: &Record) -> bool {
    filter.compile().expect("compiles").matches(metadata, record.document.as_deref())
}

/// What holds for every filter that a parser let through.
fn holds_together(
    filter: &Filter,
    usage: Usage,
    metadata: &Metadata,
    record: &Record,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(filter.validate(usage), Ok(()));
    let bytes = postcard::to_allocvec(filter).expect("encodes");
    prop_assert_eq!(&postcard::from_bytes::<Filter>(&bytes).expect("decodes"), filter);
    let complement = filter.clone().negated();
    prop_assert_ne!(verdict(filter, metadata, record), verdict(&complement, metadata, record));
    Ok(())
}

fn read(parsed: Result<Filter, FilterError>, json: &Value) -> Filter {
    parsed.unwrap_or_else(|error| panic!("{json} was refused: {error}"))
}

proptest! {
    #![proptest_config(rounds())]

    #[test]
    fn the_native_dialect_is_its_contract(json in generate::native(), records in proptest::collection::vec(generate::record(), 1..12)) {
        let filter = read(native(&json, Usage::Delete), &json);
        for record in &records {
            let metadata = metadata_from_json(&record.metadata).expect("valid");
            prop_assert_eq!(verdict(&filter, &metadata, record), naive::native(&json, record), "{} on {:?}", json, record);
            holds_together(&filter, Usage::Delete, &metadata, record)?;
        }
    }

    #[test]
    fn a_native_filter_is_shown_in_words_that_mean_it(json in generate::native()) {
        let filter = read(native(&json, Usage::Delete), &json);
        prop_assert_eq!(native(&filter.to_json(), Usage::Delete), Ok(filter));
    }

    #[test]
    fn the_chroma_dialect_is_its_contract(
        json in generate::chroma_where(),
        document in generate::chroma_document(),
        records in proptest::collection::vec(generate::record(), 1..12),
    ) {
        let (by_field, by_document) = (read(chroma_where(&json), &json), read(chroma_where_document(&document), &document));
        let both = Filter::all_of(vec![by_field.clone(), by_document.clone()]);
        for record in &records {
            let metadata = chroma_metadata_from_json(&record.metadata).expect("valid");
            let (field, text) = (naive::chroma(&json, record), naive::chroma_document(&document, record));
            prop_assert_eq!(verdict(&by_field, &metadata, record), field, "{} on {:?}", json, record);
            prop_assert_eq!(verdict(&by_document, &metadata, record), text, "{} on {:?}", document, record);
            prop_assert_eq!(verdict(&both, &metadata, record), field && text);
            holds_together(&both, Usage::Delete, &metadata, record)?;
        }
    }

    #[test]
    fn the_pinecone_dialect_is_its_contract(json in generate::pinecone(), records in proptest::collection::vec(generate::record(), 1..12)) {
        let filter = read(pinecone(&json, Usage::Read), &json);
        for record in &records {
            let metadata = metadata_from_json(&record.metadata).expect("valid");
            prop_assert_eq!(verdict(&filter, &metadata, record), naive::pinecone(&json, record), "{} on {:?}", json, record);
            holds_together(&filter, Usage::Read, &metadata, record)?;
        }
    }
}
