//! What a driver does for each phase: the native route and Chroma's v2 route, with the same records.

use std::fmt::Write as _;
use std::ops::Range;

use anyhow::{Result, bail};
use http::Method;
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::data::{Data, bucket_of, group_of, id_of};

/// Which API is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Api {
    /// Lacuna's `/v1`.
    Native,
    /// Chroma's `/api/v2`.
    Chroma,
}

/// A collection on a server, reached through one API.
#[derive(Clone, Debug)]
pub struct Driver {
    api: Api,
    /// `host:port`.
    pub host: String,
    base: String,
}

const CHROMA: &str = "/api/v2/tenants/default_tenant/databases/default_database/collections";

fn vector_text(out: &mut String, row: &[f32]) {
    out.push('[');
    for (at, value) in row.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(out, "{comma}{value}");
    }
    out.push(']');
}

fn joined(out: &mut String, range: Range<usize>, mut one: impl FnMut(&mut String, usize)) {
    for at in range.clone() {
        if at > range.start {
            out.push(',');
        }
        one(out, at);
    }
}

fn metadata_text(out: &mut String, at: usize) {
    let _ = write!(out, r#"{{"bucket":{},"group":{},"all":1}}"#, bucket_of(at), group_of(at));
}

impl Driver {
    /// Makes a new collection of 128 components by squared distance.
    pub async fn create(api: Api, host: &str, name: &str) -> Result<Self> {
        let mut connection = Connection::open(host).await?;
        let base = match api {
            Api::Native => {
                let body = json!({"name": name, "dimension": 128, "metric": "l2"});
                connection.post("/v1/collections", body.to_string().into_bytes()).await?;
                format!("/v1/collections/{name}/records")
            }
            Api::Chroma => {
                let body = json!({"name": name, "configuration": {"hnsw": {"space": "l2"}}});
                let made = connection.post(CHROMA, body.to_string().into_bytes()).await?;
                let made: Value = serde_json::from_slice(&made)?;
                let Some(id) = made["id"].as_str() else { bail!("no id in {made}") };
                format!("{CHROMA}/{id}")
            }
        };
        Ok(Self { api, host: host.to_owned(), base })
    }

    /// Writes these rows.
    pub async fn upsert(&self, connection: &mut Connection, data: &Data, range: Range<usize>) -> Result<()> {
        let mut body = String::with_capacity(range.len() * 700);
        match self.api {
            Api::Native => {
                body.push_str(r#"{"records":["#);
                joined(&mut body, range, |out, at| {
                    let _ = write!(out, r#"{{"id":"{}","vector":"#, id_of(at));
                    vector_text(out, &data.rows[at]);
                    out.push_str(r#","metadata":"#);
                    metadata_text(out, at);
                    out.push('}');
                });
                body.push_str("]}");
            }
            Api::Chroma => {
                body.push_str(r#"{"ids":["#);
                joined(&mut body, range.clone(), |out, at| {
                    let _ = write!(out, r#""{}""#, id_of(at));
                });
                body.push_str(r#"],"embeddings":["#);
                joined(&mut body, range.clone(), |out, at| vector_text(out, &data.rows[at]));
                body.push_str(r#"],"metadatas":["#);
                joined(&mut body, range, metadata_text);
                body.push_str("]}");
            }
        }
        connection.post(&format!("{}/upsert", self.base), body.into_bytes()).await?;
        Ok(())
    }

    /// The ids of the ten nearest, and whether only bucket 3 counts.
    pub async fn query(&self, connection: &mut Connection, query: &[f32], ask: Ask) -> Result<Vec<String>> {
        let mut vector = String::with_capacity(600);
        vector_text(&mut vector, query);
        let filter = match (ask.filtered, self.api) {
            (false, _) => String::new(),
            (true, Api::Native) => r#","filter":{"bucket":3}"#.to_owned(),
            (true, Api::Chroma) => r#","where":{"bucket":3}"#.to_owned(),
        };
        let body = match self.api {
            Api::Native => {
                let ef = ask.ef.map(|ef| format!(r#","ef":{ef}"#)).unwrap_or_default();
                format!(r#"{{"vector":{vector},"top_k":10,"include":[]{filter}{ef}}}"#)
            }
            Api::Chroma => {
                format!(r#"{{"query_embeddings":[{vector}],"n_results":10,"include":["distances"]{filter}}}"#)
            }
        };
        let answer = connection.post(&format!("{}/query", self.base), body.into_bytes()).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let ids: Option<Vec<String>> = match self.api {
            Api::Native => answer["matches"].as_array().map(|matches| {
                matches.iter().filter_map(|hit| hit["id"].as_str().map(str::to_owned)).collect()
            }),
            Api::Chroma => answer["ids"][0]
                .as_array()
                .map(|ids| ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect()),
        };
        ids.ok_or_else(|| anyhow::anyhow!("no hits in {answer}"))
    }

    /// Deletes these rows by id.
    pub async fn delete_ids(&self, connection: &mut Connection, range: Range<usize>) -> Result<()> {
        let mut body = String::from(r#"{"ids":["#);
        joined(&mut body, range, |out, at| {
            let _ = write!(out, r#""{}""#, id_of(at));
        });
        body.push_str("]}");
        self.delete(connection, body).await
    }

    /// Deletes a group by filter.
    pub async fn delete_group(&self, connection: &mut Connection, group: usize) -> Result<()> {
        let body = match self.api {
            Api::Native => format!(r#"{{"filter":{{"group":{group}}}}}"#),
            Api::Chroma => format!(r#"{{"where":{{"group":{group}}}}}"#),
        };
        self.delete(connection, body).await
    }

    /// Deletes everything.
    pub async fn delete_all(&self, connection: &mut Connection) -> Result<()> {
        let body = match self.api {
            Api::Native => r#"{"delete_all":true}"#.to_owned(),
            // Chroma has no deleteAll of a collection's records: a filter that all of them match.
            Api::Chroma => r#"{"where":{"all":1}}"#.to_owned(),
        };
        self.delete(connection, body).await
    }

    async fn delete(&self, connection: &mut Connection, body: String) -> Result<()> {
        connection.post(&format!("{}/delete", self.base), body.into_bytes()).await?;
        Ok(())
    }

    /// Records now there.
    pub async fn count(&self, connection: &mut Connection) -> Result<u64> {
        let answer = match self.api {
            Api::Native => connection.post(&format!("{}/count", self.base), b"{}".to_vec()).await?,
            Api::Chroma => connection.call(Method::GET, &format!("{}/count", self.base), Vec::new()).await?,
        };
        let answer: Value = serde_json::from_slice(&answer)?;
        let count = match self.api {
            Api::Native => &answer["count"],
            Api::Chroma => &answer,
        };
        count.as_u64().ok_or_else(|| anyhow::anyhow!("no count in {answer}"))
    }
}

/// How to query.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask {
    /// Only bucket 3 (a tenth).
    pub filtered: bool,
    /// Candidates kept in the graph; `None`: the server's default.
    pub ef: Option<usize>,
}
