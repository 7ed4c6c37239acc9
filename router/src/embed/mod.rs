//! Text to vectors, for surfaces whose clients send text: built in (`lexical`), or asked for (`endpoint`).

mod endpoint;
mod lexical;

use std::fmt;

use lacuna_model::error::ErrorCode;

use crate::deadline::Deadline;
use crate::error::{Verb, VerbError};
use endpoint::Endpoint;

/// More text than this, bytes, is embedded off the threads that serve requests.
const LONG: usize = 64 << 10;

/// Which embedder the router runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EmbeddingConfig {
    /// The built-in one: words, hashed. Deterministic, asks nobody.
    #[default]
    Lexical,
    /// An endpoint that speaks OpenAI's `/embeddings`.
    Endpoint(EndpointConfig),
}

/// An embedding endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointConfig {
    /// Its base, as in `https://api.openai.com/v1`; `/embeddings` is added unless it is there.
    pub url: String,
    /// The model's name.
    pub model: String,
    /// Sent as `Authorization: Bearer`.
    pub key: Option<Secret>,
    /// Components of its vectors; `None`: learnt at the first use.
    pub dimension: Option<u32>,
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
            EmbeddingConfig::Endpoint(config) => Self::Endpoint(Box::new(Endpoint::new(config.clone()))),
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
