//! Text to vectors, for surfaces whose clients send text: built in (`lexical`), or asked for (`endpoint`).

mod endpoint;
mod lexical;

use std::fmt;
use std::path::Path;

use http::{HeaderValue, Uri};
use lacuna_model::error::ErrorCode;
use lacuna_model::limits::MAX_DIMENSION;
use lacuna_proto::tls::https::{Https, HttpsError};

use crate::deadline::Deadline;
use crate::error::{Verb, VerbError};
use endpoint::Endpoint;

/// Name of the built-in embedder, to be kept with what it makes.
pub const BY_WORDS: &str = lexical::NAME;

/// The built-in embedder's vector of a text: 512 components, of unit length, equal for equal texts. For clients that
/// send vectors and have no embedder of their own.
#[must_use]
pub fn by_words(text: &str) -> Vec<f32> {
    lexical::embed(text)
}

/// More text than this, bytes, is embedded off the threads that serve requests.
const LONG: usize = 64 << 10;

/// Which embedder the router runs.
#[derive(Clone, Debug, Default)]
pub enum EmbeddingConfig {
    /// The built-in one: words, hashed. Deterministic, asks nobody.
    #[default]
    Lexical,
    /// An endpoint that speaks OpenAI's `/embeddings`.
    Endpoint(EndpointConfig),
}

/// An embedding endpoint.
#[derive(Clone)]
pub struct EndpointConfig {
    url: Uri,
    model: String,
    key: Option<Secret>,
    dimension: Option<u32>,
    dial: Https,
}

/// Why an endpoint can't be asked.
#[derive(Debug, thiserror::Error)]
pub enum BadEndpoint {
    /// Its address.
    #[error("{0:?} is no address; expected http(s)://host[:port][/path]")]
    Url(String),
    /// Its model.
    #[error("no model is named")]
    NoModel,
    /// Its dimension.
    #[error("a dimension is 1 to {MAX_DIMENSION}, got {0}")]
    Dimension(u32),
    /// Its key.
    #[error("the key has characters that can't be sent")]
    Key,
    /// Its certificate could not be checked.
    #[error(transparent)]
    Https(#[from] HttpsError),
}

impl EndpointConfig {
    /// At a base such as `https://api.openai.com/v1` (`/embeddings` is added unless it is there), which over `https`
    /// must show a certificate of an authority in the file, or without one of the system's.
    pub fn new(url: &str, model: &str, authorities: Option<&Path>) -> Result<Self, BadEndpoint> {
        let base = url.trim().trim_end_matches('/');
        let full = if base.ends_with("/embeddings") { base.to_owned() } else { format!("{base}/embeddings") };
        let parsed: Option<Uri> = full.parse().ok();
        let parsed = parsed.filter(|uri| uri.host().is_some_and(|host| !host.is_empty()));
        let parsed = parsed.ok_or_else(|| BadEndpoint::Url(url.to_owned()))?;
        let dial = match parsed.scheme_str() {
            Some("http") => Https::plain(),
            Some("https") => Https::secure(authorities)?,
            Some(_) | None => return Err(BadEndpoint::Url(url.to_owned())),
        };
        if model.is_empty() {
            return Err(BadEndpoint::NoModel);
        }
        Ok(Self { url: parsed, model: model.to_owned(), key: None, dimension: None, dial })
    }

    /// With a key, sent as `Authorization: Bearer`.
    pub fn with_key(mut self, key: Secret) -> Result<Self, BadEndpoint> {
        HeaderValue::from_str(&format!("Bearer {}", key.0)).map_err(|_| BadEndpoint::Key)?;
        self.key = Some(key);
        Ok(self)
    }

    /// With vectors of so many components; else that is learnt at the first use.
    pub fn with_dimension(mut self, dimension: u32) -> Result<Self, BadEndpoint> {
        if !(1..=MAX_DIMENSION).contains(&dimension) {
            return Err(BadEndpoint::Dimension(dimension));
        }
        self.dimension = Some(dimension);
        Ok(self)
    }
}

impl fmt::Debug for EndpointConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointConfig")
            .field("host", &self.url.host())
            .field("model", &self.model)
            .field("dimension", &self.dimension)
            .finish_non_exhaustive()
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The running embedder.
pub(crate) enum Embedder {
    Lexical,
    Endpoint(Box<Endpoint>),
}

impl Embedder {
    pub(crate) fn new(config: &EmbeddingConfig) -> Self {
        match config {
            EmbeddingConfig::Lexical => Self::Lexical,
            EmbeddingConfig::Endpoint(config) => Self::Endpoint(Box::new(Endpoint::new(config))),
        }
    }

    /// Its name, kept with what it embeds: vectors of two names are never compared.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Lexical => lexical::NAME,
            Self::Endpoint(endpoint) => endpoint.name(),
        }
    }

    /// Components of its vectors.
    pub(crate) async fn dimension(&self, deadline: Deadline) -> Verb<u32> {
        match self {
            Self::Lexical => Ok(lexical::DIMENSION as u32),
            Self::Endpoint(endpoint) => endpoint.dimension(deadline).await,
        }
    }

    /// A vector for each text, in their order.
    pub(crate) async fn embed(&self, texts: Vec<String>, deadline: Deadline) -> Verb<Vec<Vec<f32>>> {
        match self {
            Self::Lexical if texts.iter().map(String::len).sum::<usize>() < LONG => Ok(all(&texts)),
            Self::Lexical => tokio::task::spawn_blocking(move || all(&texts)).await.map_err(|error| {
                VerbError::new(
                    ErrorCode::Internal,
                    format!("the embedder failed ({error}); nothing was changed"),
                )
            }),
            Self::Endpoint(endpoint) => endpoint.embed(&texts, deadline).await,
        }
    }
}

fn all(texts: &[String]) -> Vec<Vec<f32>> {
    texts.iter().map(|text| lexical::embed(text)).collect()
}
