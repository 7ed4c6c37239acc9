//! Answers with the headers that Pinecone's clients look for.

use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode};
use lacuna_model::op_id::OpId;
use serde::Serialize;

use crate::app::Router;
use crate::surface::answer;
use crate::verb::Call;

/// Names the request, in logs of clients.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-pinecone-request-id");
/// Of a write: reads at or past this number reflect it.
const REQUEST_LSN: HeaderName = HeaderName::from_static("x-pinecone-request-lsn");
/// Of a read: it reflects the writes up to this number.
const MAX_INDEXED_LSN: HeaderName = HeaderName::from_static("x-pinecone-max-indexed-lsn");

/// The empty object.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Nothing {}

/// A body with a request id.
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    tagged(answer::json(status, body))
}

/// With a request id.
pub(super) fn tagged(mut response: Response) -> Response {
    let id = format!("{:016x}", rand::random::<u64>());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// A read's answer.
pub(super) async fn read<T: Serialize>(router: &Router, call: &Call, body: &T) -> Response {
    let mut response = json(StatusCode::OK, body);
    let position = router.read_position(call).await;
    response.headers_mut().insert(MAX_INDEXED_LSN, HeaderValue::from(position));
    call.trace.mark("answer");
    response
}

/// A write's answer: complete, on every shard that it concerns.
pub(super) fn written<T: Serialize>(
    router: &Router,
    op_id: &OpId,
    (status, body): (StatusCode, &T),
) -> Response {
    let mut response = json(status, body);
    response.headers_mut().insert(REQUEST_LSN, HeaderValue::from(router.written_position()));
    answer::named(response, op_id, "complete")
}
