//! Where Chroma's clients put their key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};

use crate::surface::manners::bearer;

/// The key: `X-Chroma-Token: key`, `Authorization: Bearer key`, or the password of `Authorization: Basic`.
pub(super) fn secret(headers: &HeaderMap) -> Option<String> {
    token(headers).or_else(|| bearer(headers)).or_else(|| password(headers))
}

fn token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("x-chroma-token")?.to_str().ok()?.trim();
    Some(value.strip_prefix("Bearer ").unwrap_or(value).trim().to_owned())
}

fn password(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, pair) = value.split_once(' ')?;
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(pair.trim()).ok())??;
    let pair = String::from_utf8(pair).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn of(name: &'static str, value: &'static str) -> Option<String> {
        let name = HeaderName::from_static(name);
        secret(&HeaderMap::from_iter([(name, http::HeaderValue::from_static(value))]))
    }

    #[test]
    fn each_way_of_chromas_clients_is_read() {
        let key = Some("k1".to_owned());
        assert_eq!(of("x-chroma-token", "k1"), key);
        assert_eq!(of("x-chroma-token", "Bearer k1"), key);
        assert_eq!(of("authorization", "Bearer k1"), key);
        assert_eq!(of("authorization", "Basic dXNlcjprMQ=="), key);
        for wrong in ["Basic", "Basic !!", "Basic dXNlcg==", "Digest k1"] {
            assert_eq!(of("authorization", wrong), None, "{wrong}");
        }
    }
}
