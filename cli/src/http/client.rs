//! The client: one base address, one deadline.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Method, Url};
use serde_json::Value;

use super::failure::Failure;

/// How much longer than the deadline an answer may take: an answer to a deleteAll waits up to 3.1 s more
/// (protocol PN5), and the way back is not free.
const GRACE: Duration = Duration::from_secs(6);

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
    http: reqwest::Client,
    base: Url,
    deadline: Duration,
}

impl Client {
    /// A client of the server at `url`.
    pub(crate) fn new(url: &str, deadline: Duration) -> anyhow::Result<Self> {
        let base: Url =
            url.parse().with_context(|| format!("{url:?} is no URL; expected http://HOST:PORT"))?;
        if base.scheme() != "http" || base.cannot_be_a_base() {
            bail!("{url:?}: expected http://HOST:PORT");
        }
        if !(Duration::from_millis(100)..=Duration::from_secs(60)).contains(&deadline) {
            bail!("a deadline is 100 to 60000 ms, got {} ms", deadline.as_millis());
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_secs(5))
            .timeout(deadline + GRACE)
            .build()
            .context("the HTTP client could not be made")?;
        Ok(Self { http, base, deadline })
    }

    /// The same server, asked with another deadline.
    pub(crate) fn with_deadline(&self, deadline: Duration) -> anyhow::Result<Self> {
        Self::new(self.base.as_str(), deadline)
    }

    /// Reads.
    pub(crate) async fn get(&self, path: &[&str]) -> Result<Answer, Failure> {
        self.call(Method::GET, path, None).await
    }

    /// Asks with a body.
    pub(crate) async fn post(&self, path: &[&str], body: &Value) -> Result<Answer, Failure> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Deletes.
    pub(crate) async fn delete(&self, path: &[&str]) -> Result<Answer, Failure> {
        self.call(Method::DELETE, path, None).await
    }

    /// Reads text that isn't JSON.
    pub(crate) async fn is_well(&self, path: &[&str]) -> bool {
        match self.http.get(self.url(path)).send().await {
            Ok(response) => response.status().is_success(),
            Err(_) => false,
        }
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
        let mut request = self
            .http
            .request(method, url.clone())
            .header("Lacuna-Deadline-Ms", self.deadline.as_millis().to_string());
        if let Some(body) = body {
            request = request.json(body);
        }
        let failed = |error: reqwest::Error| {
            let (shown, cause) = (url.to_string(), innermost(&error));
            if error.is_connect() || error.is_builder() {
                Failure::Unreachable { url: self.base.to_string(), cause }
            } else {
                Failure::Silent { url: shown, cause }
            }
        };
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let text = response.text().await.map_err(failed)?;
        if !status.is_success() {
            return Err(Failure::of_body(url.as_str(), status.as_u16(), &text));
        }
        let body = if text.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&text) };
        match body {
            Ok(body) => Ok(Answer { status: status.as_u16(), body }),
            Err(_) => Err(Failure::Foreign {
                url: url.to_string(),
                status: status.as_u16(),
                excerpt: text.chars().take(200).collect(),
            }),
        }
    }
}

/// The cause that says most: reqwest's own words hide it.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if error.is_timeout() { format!("timed out ({cause})") } else { cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_paths_are_escaped() {
        let client = Client::new("http://127.0.0.1:1/", Duration::from_secs(1)).unwrap();
        let url = client.url(&["v1", "collections", "a/b c", "records", "query"]);
        assert_eq!(url.as_str(), "http://127.0.0.1:1/v1/collections/a%2Fb%20c/records/query");
    }

    #[test]
    fn a_url_or_deadline_out_of_range_is_refused() {
        assert!(Client::new("127.0.0.1:8000", Duration::from_secs(1)).is_err());
        assert!(Client::new("https://x", Duration::from_secs(1)).is_err());
        assert!(Client::new("http://x", Duration::from_millis(99)).is_err());
    }
}
