//! A server that answers at once: what the generator itself can do at the most.

use std::convert::Infallible;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// An answer that every native phase can read.
const ANSWER: &str = r#"{"matches":[],"count":0,"deleted":0,"status":"complete"}"#;

/// Answers that Chroma's client can read, by the end of the path: of the sizes that a server's have.
const CHROMA: [(&str, &str); 9] = [
    ("/auth/identity", r#"{"user_id":"","tenant":"default_tenant","databases":["default_database"]}"#),
    ("/tenants/default_tenant", r#"{"name":"default_tenant"}"#),
    (
        "/databases/default_database",
        r#"{"id":"00000000-0000-0000-0000-000000000000","name":"default_database","tenant":"default_tenant"}"#,
    ),
    ("/pre-flight-checks", r#"{"max_batch_size":5461,"supports_base64_encoding":true}"#),
    (
        "/collections",
        r#"{"id":"00000000-0000-4000-8000-000000000001","name":"bench","configuration_json":{},"metadata":null,"dimension":128,"tenant":"default_tenant","database":"default_database","log_position":0,"version":0}"#,
    ),
    (
        "/query",
        r#"{"ids":[["r10001","r10002","r10003","r10004","r10005","r10006","r10007","r10008","r10009","r10010"]],"embeddings":null,"documents":null,"uris":null,"metadatas":null,"distances":[[10001.5,10002.5,10003.5,10004.5,10005.5,10006.5,10007.5,10008.5,10009.5,10010.5]],"include":["distances"]}"#,
    ),
    ("/delete", r#"{"deleted":1}"#),
    ("/count", "0"),
    ("/add", "{}"),
];

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path();
    let known = CHROMA.iter().find(|(end, _)| path.starts_with("/api/v2") && path.ends_with(end));
    let body = known.map_or(ANSWER, |(_, body)| *body);
    // The body is read to its end, as any server must; a client that breaks off gets what it can no longer read.
    let _ = request.into_body().collect().await;
    Ok(Response::new(Full::new(Bytes::from_static(body.as_bytes()))))
}

/// Serves until the process ends.
pub async fn serve(listener: TcpListener) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
    }
}
