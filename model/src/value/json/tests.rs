use serde_json::json;

use super::*;

fn read(value: &Value) -> Result<Metadata, ValueError> {
    metadata_from_json(value.as_object().expect("an object"))
}

#[test]
fn integers_stay_integers_and_floats_floats() {
    let value = json!({"int": 1, "float": 1.0, "big": i64::MAX, "text": "a", "yes": true, "list": [1, 2.5], "none": []});
    let metadata = read(&value).expect("valid");
    assert_eq!(metadata["int"], MetaValue::Scalar(Scalar::Int(1)));
    assert_eq!(metadata["float"], MetaValue::Scalar(Scalar::Float(1.0)));
    assert_eq!(serde_json::to_string(&metadata_to_json(&metadata)).ok(), serde_json::to_string(&value).ok());
}
