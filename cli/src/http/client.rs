//! The client: one base address, one deadline.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::http::{HeaderMap, HeaderValue, Method, Request, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::TokioExecutor;
use lacuna_proto::tls::https::Https;
use serde_json::Value;
use url::Url;

use super::failure::Failure;

/// How much longer than the deadline an answer may take: an answer to a deleteAll waits up to 3.1 s more
/// (protocol PN5), and the way back is not free.
const GRACE: Duration = Duration::from_secs(6);
/// Tries of one request where the server says that nothing happened and the same request may succeed.
const TRIES: u32 = 6;

/// A good answer (2xx; 207 and 202 among them).
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// The body; null where there is none.
    pub(crate) body: Value,
}

/// Asks one server.
#[derive(Clone)]
pub(crate) struct Client {
    http: Http<Https, Full<Bytes>>,
    base: Url,
    deadline: Duration,
    shown: HeaderMap,
}

impl Client {
    /// A client of the server at `url`. Over `https` the server must show a certificate of an authority in the file, or
    /// without one of the system's.
    pub(crate) fn new(url: &str, deadline: Duration, authorities: Option<&Path>) -> anyhow::Result<Self> {
        let expected = "expected http://HOST:PORT or https://HOST:PORT";
        let base: Url = url.parse().with_context(|| format!("{url:?} is no URL; {expected}"))?;
        let dial = match base.scheme() {
            "http" if base.has_host() => Https::plain(),
            "https" if base.has_host() => Https::secure(authorities)?,
            _ => bail!("{url:?}: {expected}"),
        };
        check(deadline)?;
        Ok(Self {
            http: Http::builder(TokioExecutor::new()).build(dial),
            base,
            deadline,
            shown: HeaderMap::new(),
        })
    }

    /// The same server, shown this key and asked to work in this account.
    pub(crate) fn showing(mut self, key: Option<&str>, account: Option<&str>) -> anyhow::Result<Self> {
        if let Some(key) = key {
            let value = HeaderValue::from_str(&format!("Bearer {key}"));
            let mut value = value.context("the key has characters that no key has. Nothing was changed.")?;
            value.set_sensitive(true);
            self.shown.insert(header::AUTHORIZATION, value);
        }
        if let Some(account) = account {
            let value = HeaderValue::from_str(account);
            let value =
                value.with_context(|| format!("{account:?} is no account's name. Nothing was changed."))?;
            self.shown.insert("lacuna-account", value);
        }
        Ok(self)
    }

    /// The same server, asked with another deadline.
    pub(crate) fn with_deadline(&self, deadline: Duration) -> anyhow::Result<Self> {
        check(deadline)?;
        Ok(Self { deadline, ..self.clone() })
    }

    /// Reads.
    pub(crate) async fn get(&self, path: &[&str]) -> Result<Answer, Failure> {
        self.call(Method::GET, path, None).await
    }

    /// Asks with a body.
    pub(crate) async fn post(&self, path: &[&str], body: &Value) -> Result<Answer, Failure> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Asks with a body, and again while the server says that nothing happened and that the same request may succeed.
    pub(crate) async fn post_persistently(&self, path: &[&str], body: &Value) -> Result<Answer, Failure> {
        let mut pause = Duration::from_millis(100);
        for _ in 1..TRIES {
            match self.post(path, body).await {
                Err(failure) if failure.is_worth_repeating() => tokio::time::sleep(pause).await,
                answered => return answered,
            }
            pause = (pause * 2).min(Duration::from_secs(2));
        }
        self.post(path, body).await
    }

    /// Deletes.
    pub(crate) async fn delete(&self, path: &[&str]) -> Result<Answer, Failure> {
        self.call(Method::DELETE, path, None).await
    }

    /// Does a probe answer well?
    pub(crate) async fn is_well(&self, path: &[&str]) -> bool {
        matches!(self.send(Method::GET, &self.url(path), None).await, Ok((status, _)) if status < 300)
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    async fn call(&self, method: Method, path: &[&str], body: Option<&Value>) -> Result<Answer, Failure> {
        let url = self.url(path);
        let (status, text) = self.send(method, &url, body).await?;
        if !(200..300).contains(&status) {
            return Err(Failure::of_body(url.as_str(), status, &text));
        }
        let body = if text.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&text) };
        match body {
            Ok(body) => Ok(Answer { status, body }),
            Err(_) => Err(Failure::Foreign {
                url: url.to_string(),
                status,
                excerpt: text.chars().take(200).collect(),
            }),
        }
    }

    /// Status and text of the answer, whatever they are.
    async fn send(&self, method: Method, url: &Url, body: Option<&Value>) -> Result<(u16, String), Failure> {
        let silent = |cause: String| Failure::Silent { url: url.to_string(), cause };
        let unreachable = |cause: String| Failure::Unreachable { url: self.base.to_string(), cause };
        let request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header("Lacuna-Deadline-Ms", self.deadline.as_millis().to_string());
        let request = self.shown.iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = match body {
            None => request.body(Full::default()),
            Some(body) => {
                request.header(header::CONTENT_TYPE, "application/json").body(Full::from(body.to_string()))
            }
        };
        let request = request.map_err(|error| unreachable(error.to_string()))?;
        let answered = async {
            let response = self.http.request(request).await.map_err(|error| {
                if error.is_connect() { unreachable(reason(&error)) } else { silent(reason(&error)) }
            })?;
            let status = response.status().as_u16();
            let bytes = response.into_body().collect().await.map_err(|error| silent(reason(&error)))?;
            Ok((status, String::from_utf8_lossy(&bytes.to_bytes()).into_owned()))
        };
        let patience = self.deadline + GRACE;
        tokio::time::timeout(patience, answered)
            .await
            .unwrap_or_else(|_| Err(silent(format!("timed out after {} ms", patience.as_millis()))))
    }
}

fn check(deadline: Duration) -> anyhow::Result<()> {
    if (Duration::from_millis(100)..=Duration::from_secs(60)).contains(&deadline) {
        return Ok(());
    }
    bail!("a deadline is 100 to 60000 ms, got {} ms", deadline.as_millis())
}

/// The cause that says most: the library's own words hide it.
fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    if text.contains("UnknownIssuer") {
        return format!("{text} (name the file of the server's authority by --tls-ca)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_paths_are_escaped() {
        let client = Client::new("http://127.0.0.1:1/", Duration::from_secs(1), None).unwrap();
        let url = client.url(&["v1", "collections", "a/b c", "records", "query"]);
        assert_eq!(url.as_str(), "http://127.0.0.1:1/v1/collections/a%2Fb%20c/records/query");
    }

    #[test]
    fn a_url_or_deadline_out_of_range_is_refused() {
        for bad in ["127.0.0.1:8000", "ftp://x", "unix:/x"] {
            assert!(Client::new(bad, Duration::from_secs(1), None).is_err(), "{bad}");
        }
        assert!(Client::new("http://x", Duration::from_millis(99), None).is_err());
        let nowhere = Client::new("https://x", Duration::from_secs(1), Some(Path::new("/nowhere/ca.pem")));
        assert!(nowhere.err().is_some_and(|error| error.to_string().contains("/nowhere/ca.pem")));
    }
}
