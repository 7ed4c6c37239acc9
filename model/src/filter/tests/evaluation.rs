use serde_json::json;

use crate::filter::parse::native;
use crate::filter::{Filter, Usage};

#[test]
fn a_filter_survives_its_bytes() {
    let filter = native(&json!({"$or": [{"a": {"$gt": 1, "$ne": 2.5}}, {"$not": {"$document": {"$regex": "x"}}}]}), Usage::Delete).expect("valid");
    let bytes = postcard::to_allocvec(&filter).expect("encodes");
    assert_eq!(postcard::from_bytes::<Filter>(&bytes), Ok(filter));
}
