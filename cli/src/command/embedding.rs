//! What embeds text, as the settings say.

use std::path::Path;

use anyhow::{Context, bail};
use lacuna_router::embed::{EmbeddingConfig, EndpointConfig, Secret};

use crate::config::Settings;

/// The built-in embedder, or the endpoint that is named.
pub(super) fn embedding(settings: &Settings) -> anyhow::Result<EmbeddingConfig> {
    const NOTHING: &str = "Nothing was started.";
    if settings.embedding_url.is_empty() {
        if !settings.embedding_model.is_empty() || settings.embedding_key.given().is_some() {
            bail!("embedding_model or embedding_key is given and embedding_url isn't. {NOTHING}");
        }
        return Ok(EmbeddingConfig::Lexical);
    }
    let authorities = Some(settings.tls_ca.as_path()).filter(|path: &&Path| !path.as_os_str().is_empty());
    let refused = || format!("the embedding endpoint can't be used. {NOTHING}");
    let mut endpoint = EndpointConfig::new(&settings.embedding_url, &settings.embedding_model, authorities)
        .with_context(refused)?;
    if let Some(key) = settings.embedding_key.given() {
        endpoint = endpoint.with_key(Secret(key.to_owned())).with_context(refused)?;
    }
    if settings.embedding_dimension > 0 {
        endpoint = endpoint.with_dimension(settings.embedding_dimension).with_context(refused)?;
    }
    Ok(EmbeddingConfig::Endpoint(endpoint))
}
