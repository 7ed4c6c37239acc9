//! All surfaces' OpenAPI documents: each by itself, all of them as one, and the page (assets inside the binary).

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi, Url};

use crate::app::Router;
use crate::surface::{chroma, cognee, moorcheh, native, pinecone};

/// Where a document keeps its schemas, in references.
const SCHEMAS: &str = "#/components/schemas/";
/// All surfaces as one document.
const EVERYTHING: &str = "/openapi.json";

/// What the one document says of itself.
const DESCRIPTION: &str = "A distributed vector database whose deletes can be trusted: its own API under /v1, and those of \
    other databases' clients. Each surface has a document by itself too, which says how its errors look and where its \
    key stands. Every write's answer carries the headers Lacuna-Operation and Lacuna-Status. Requests may carry \
    Lacuna-Deadline-Ms (100 to 60,000) and, for writes, Idempotency-Key.";

/// Makes a surface's document.
type Document = fn() -> OpenApi;

/// A surface in the page's list.
struct Described {
    /// Prefix of its schemas and tags in the one document, and name of its kind of key.
    name: &'static str,
    /// What the list calls it.
    title: &'static str,
    /// Where its own document is.
    path: &'static str,
    document: Document,
    key: Key,
}

/// Where a surface's clients put their key.
enum Key {
    Bearer,
    Header(&'static str),
}

/// Every surface, the native one first.
const SURFACES: &[Described] = &[
    Described {
        name: "native",
        title: "Lacuna's own: /v1",
        path: "/openapi/native.json",
        document: native::document,
        key: Key::Bearer,
    },
    Described {
        name: "chroma",
        title: "Chroma: /api/v2",
        path: "/openapi/chroma.json",
        document: chroma::document,
        key: Key::Header("x-chroma-token"),
    },
    Described {
        name: "pinecone",
        title: "Pinecone: /pinecone, /pc.v1",
        path: "/openapi/pinecone.json",
        document: pinecone::document,
        key: Key::Header("Api-Key"),
    },
    Described {
        name: "moorcheh",
        title: "Moorcheh: /moorcheh/v1",
        path: "/openapi/moorcheh.json",
        document: moorcheh::document,
        key: Key::Header("x-api-key"),
    },
    Described {
        name: "cognee",
        title: "Memory collections: /api/v1",
        path: "/openapi/cognee.json",
        document: cognee::document,
        key: Key::Header("X-Api-Key"),
    },
];

/// The documents and `/docs`.
pub(crate) fn routes() -> axum::Router<Router> {
    let single = SURFACES.iter().map(|surface| (Url::new(surface.title, surface.path), surface.written()));
    let all = (Url::with_primary("All of them", EVERYTHING, true), everything());
    SwaggerUi::new("/docs")
        .external_urls_from_iter_unchecked([all].into_iter().chain(single))
        // The page asks nobody but this server: no validator elsewhere is shown the document.
        .config(Config::default().validator_url("none").doc_expansion("none"))
        .into()
}

/// Every route of every surface. Schemas of a surface other than the native one have its name before theirs: each has a
/// `QueryBody` of its own.
pub fn everything() -> Value {
    let mut all = json!({"paths": {}, "components": {"schemas": {}, "securitySchemes": {}}, "tags": []});
    for surface in SURFACES {
        let mut document = surface.written();
        match surface.name {
            "native" => {
                all["openapi"] = document["openapi"].clone();
                all["info"] = document["info"].clone();
                all["info"]["description"] = DESCRIPTION.into();
            }
            name => document = apart(name, document),
        }
        join(&mut all, document);
    }
    all
}

impl Described {
    /// The document, with the key that its routes take (without keys none is asked for, so it is optional), and with tags
    /// that show the surface.
    fn written(&self) -> Value {
        let mut document = serde_json::to_value((self.document)()).unwrap_or(Value::Null);
        let scheme = match self.key {
            Key::Bearer => json!({"type": "http", "scheme": "bearer"}),
            Key::Header(name) => json!({"type": "apiKey", "in": "header", "name": name}),
        };
        document["components"]["securitySchemes"] = json!({self.name: scheme});
        let mut tags: Vec<Value> = Vec::new();
        for operation in operations(&mut document) {
            operation.insert("security".to_owned(), json!([{self.name: []}, {}]));
            for tag in operation.get_mut("tags").and_then(Value::as_array_mut).into_iter().flatten() {
                let text = tag.as_str().unwrap_or_default();
                let own = text.strip_prefix(self.name).unwrap_or(text).trim_start_matches([':', ' ']);
                *tag = format!("{}: {own}", self.name).into();
                if !tags.contains(&json!({"name": tag})) {
                    tags.push(json!({"name": tag}));
                }
            }
        }
        tags.sort_by_key(|tag| tag["name"].to_string());
        document["tags"] = tags.into();
        document
    }
}

/// The operations of all paths.
fn operations(document: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter();
    let methods = paths.flat_map(Map::values_mut).filter_map(Value::as_object_mut);
    methods.flat_map(Map::values_mut).filter_map(Value::as_object_mut)
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

/// Adds a document's routes, schemas, keys and tags.
fn join(all: &mut Value, mut document: Value) {
    for place in ["/paths", "/components/schemas", "/components/securitySchemes"] {
        let added: Map<String, Value> = document
            .pointer_mut(place)
            .and_then(Value::as_object_mut)
            .map(std::mem::take)
            .unwrap_or_default();
        if let Some(there) = all.pointer_mut(place).and_then(Value::as_object_mut) {
            there.extend(added);
        }
    }
    if let (Some(tags), Some(there)) = (document["tags"].as_array_mut(), all["tags"].as_array_mut()) {
        there.append(tags);
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

    #[test]
    fn the_one_document_has_what_each_surfaces_has_and_every_operation_shows_surface_and_key() {
        let mut all = everything();
        let mut single = 0;
        for surface in SURFACES {
            let mut own = surface.written();
            let paths: Vec<String> = own["paths"].as_object().expect("paths").keys().cloned().collect();
            assert!(!paths.is_empty(), "{}", surface.name);
            for path in paths {
                assert!(all["paths"][&path].is_object(), "{path}");
            }
            single += operations(&mut own).count();
        }
        assert_eq!(operations(&mut all).count(), single, "a path of two surfaces");
        let schemes = all["components"]["securitySchemes"].clone();
        for operation in operations(&mut all) {
            let security = operation["security"][0].as_object().expect("a key");
            let name = security.keys().next().expect("a key's name");
            assert!(schemes[name].is_object(), "{name}");
            let tag = operation["tags"][0].as_str().expect("a tag");
            assert!(tag.starts_with(&format!("{name}: ")), "{tag} of {name}");
        }
    }
}
