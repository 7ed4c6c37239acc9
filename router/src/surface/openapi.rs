//! All surfaces' OpenAPI documents as one, and its page (assets inside the binary).

use serde_json::{Map, Value};
use utoipa_swagger_ui::SwaggerUi;

use crate::app::Router;
use crate::surface::{chroma, moorcheh, native, pinecone};

/// Where a document keeps its schemas, in references.
const SCHEMAS: &str = "#/components/schemas/";

/// `/openapi.json` and `/docs`.
pub(crate) fn routes() -> axum::Router<Router> {
    SwaggerUi::new("/docs").external_url_unchecked("/openapi.json", everything()).into()
}

/// Every route of every surface. Schemas of a surface other than the native one have its name before theirs: each has a
/// `QueryBody` of its own.
pub fn everything() -> Value {
    let mut all = written(&native::document());
    let surfaces = [
        ("chroma", chroma::document()),
        ("moorcheh", moorcheh::document()),
        ("pinecone", pinecone::document()),
    ];
    for (surface, document) in surfaces {
        join(&mut all, apart(surface, written(&document)));
    }
    all
}

fn written(document: &utoipa::openapi::OpenApi) -> Value {
    serde_json::to_value(document).unwrap_or(Value::Null)
}

/// The same document with its schemas renamed.
fn apart(surface: &str, mut document: Value) -> Value {
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        let named = std::mem::take(schemas).into_iter();
        *schemas = named.map(|(name, schema)| (format!("{surface}.{name}"), schema)).collect();
    }
    refer(surface, &mut document);
    document
}

fn refer(surface: &str, value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                match value.as_str().and_then(|text| text.strip_prefix(SCHEMAS)) {
                    Some(name) if key == "$ref" => *value = format!("{SCHEMAS}{surface}.{name}").into(),
                    Some(_) | None => refer(surface, value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| refer(surface, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Adds a document's routes and schemas.
fn join(all: &mut Value, mut document: Value) {
    for place in ["/paths", "/components/schemas"] {
        let added: Map<String, Value> = document
            .pointer_mut(place)
            .and_then(Value::as_object_mut)
            .map(std::mem::take)
            .unwrap_or_default();
        if let Some(there) = all.pointer_mut(place).and_then(Value::as_object_mut) {
            there.extend(added);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn every_reference_leads_to_a_schema_and_no_surface_takes_anothers() {
        let all = everything();
        let mut found = Vec::new();
        references(&all, &mut found);
        assert!(found.len() > 100, "{}", found.len());
        for reference in found {
            let place = reference.trim_start_matches('#').to_owned();
            assert!(all.pointer(&place).is_some(), "{reference}");
        }
        let schemas = all["components"]["schemas"].as_object().expect("schemas");
        assert!(schemas.contains_key("QueryBody") && schemas.contains_key("pinecone.QueryBody"));
        assert!(all["paths"]["/pc.v1/{index}/vectors/delete"]["post"].is_object());
        assert!(all["paths"]["/v1/collections"]["post"].is_object());
    }
}
