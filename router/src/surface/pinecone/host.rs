//! How clients reach us: `host` of an index, from the setting or from the request's own address.

use axum::extract::FromRequestParts;
use http::header;
use http::request::Parts;

use crate::app::Router;
use crate::config::{Port, RecordsPort};
use crate::error::VerbError;

/// The API's version from which on answers carry `schema` and `deployment`.
const SCHEMA_SINCE: &str = "2026-07";

/// Which fields a client's version reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `spec`, `metric`, `dimension`.
    Spec,
    /// These, and `schema` and `deployment`.
    SpecAndSchema,
}

/// Who asks for an index's description: by which address, in which version.
pub(super) struct Visitor {
    base: String,
    pub(super) shape: Shape,
}

impl FromRequestParts<Router> for Visitor {
    type Rejection = VerbError;

    async fn from_request_parts(parts: &mut Parts, router: &Router) -> Result<Self, VerbError> {
        let config = router.config();
        let base = match &config.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => asked_by(parts, config.port),
        };
        let base = match &config.pinecone_records {
            None => base,
            Some(RecordsPort { url: Some(url), .. }) => url.clone(),
            Some(RecordsPort { url: None, number }) => at_port(&base, *number),
        };
        Ok(Self { base, shape: shape(parts) })
    }
}

impl Visitor {
    /// Where an index's records are: with a scheme, as clients would take https without one; and with a dot in
    /// the path, as clients refuse a host that has none anywhere.
    pub(super) fn host(&self, index: &str) -> String {
        format!("{}/pc.v1/{index}", self.base)
    }
}

fn asked_by(parts: &Parts, port: Port) -> String {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST.as_str())
        .or_else(|| parts.uri.authority().map(http::uri::Authority::as_str))
        .unwrap_or("localhost");
    let forwarded = text("x-forwarded-proto").and_then(|protos| protos.split(',').next()).map(str::trim);
    let scheme = match (forwarded, port) {
        (Some(scheme), _) if scheme.eq_ignore_ascii_case("https") => "https",
        (None, Port::Https) => "https",
        (Some(_), _) | (None, Port::Http) => "http",
    };
    format!("{scheme}://{host}")
}

/// The same host at another port.
fn at_port(base: &str, port: u16) -> String {
    let host = base.trim_end_matches(|c: char| c.is_ascii_digit());
    let host = host.strip_suffix(':').filter(|host| !host.ends_with([':', '/'])).unwrap_or(base);
    format!("{host}:{port}")
}

fn shape(parts: &Parts) -> Shape {
    let version = parts.headers.get("x-pinecone-api-version").and_then(|value| value.to_str().ok());
    if version.is_some_and(|version| version >= SCHEMA_SINCE) { Shape::SpecAndSchema } else { Shape::Spec }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::get("/pinecone/indexes");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn the_address_is_the_one_that_the_client_used() {
        assert_eq!(asked_by(&parts(&[("host", "127.0.0.1:8000")]), Port::Http), "http://127.0.0.1:8000");
        assert_eq!(asked_by(&parts(&[("host", "db.example")]), Port::Https), "https://db.example");
        let forwarded = [("host", "db.example"), ("x-forwarded-proto", "https, http")];
        assert_eq!(asked_by(&parts(&forwarded), Port::Http), "https://db.example");
    }

    #[test]
    fn records_on_a_port_of_their_own_are_at_the_same_host() {
        for (base, there) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:9"),
            ("https://db.example", "https://db.example:9"),
            ("http://10.0.0.12", "http://10.0.0.12:9"),
            ("http://[::1]:8000", "http://[::1]:9"),
            ("http://[::1]", "http://[::1]:9"),
        ] {
            assert_eq!(at_port(base, 9), there);
        }
    }

    #[test]
    fn new_clients_get_the_schema_and_old_ones_do_not() {
        let of = |version: &str| shape(&parts(&[("X-Pinecone-Api-Version", version)]));
        assert_eq!((of("2025-10"), of("2026-04")), (Shape::Spec, Shape::Spec));
        assert_eq!((of("2026-07"), of("2027-01")), (Shape::SpecAndSchema, Shape::SpecAndSchema));
        assert_eq!(shape(&parts(&[])), Shape::Spec);
    }
}
