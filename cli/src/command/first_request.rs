//! What a person can type first.

/// Requests that work against a fresh server, for a shell.
pub(crate) fn first_request(url: &str) -> String {
    format!(
        "a first request:\n  curl -s {url}/v1/collections -H 'Content-Type: application/json' \
         -d '{{\"name\": \"papers\", \"dimension\": 3, \"metric\": \"cosine\"}}'"
    )
}
