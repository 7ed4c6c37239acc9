//! Routes of the SDK for what is not offered: answers written by a model, and files. They still check the
//! namespace, and say no for good.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use crate::app::Router;
use crate::catalog::Fresh;
use crate::error::Verb;
use crate::surface::answer;
use crate::surface::moorcheh::bodies::{AnswerBody, FileBody, FilesBody};
use crate::surface::moorcheh::failure::{Code, FailureView, refused};
use crate::surface::moorcheh::namespace::{Lookup, Wanted};
use crate::surface::moorcheh::views::{FileResultView, FilesDeletedView, FilesView};
use crate::surface::request::{Plain, Posted};

/// Not offered.
#[utoipa::path(post, path = "/moorcheh/v1/answer", tag = "not offered", request_body = AnswerBody,
    responses((status = 422, body = FailureView), (status = "default", body = FailureView)))]
pub(crate) async fn answer(State(router): State<Router>, posted: Posted<AnswerBody>) -> Verb<Response> {
    if let Some(name) = posted.body.namespace.as_deref().filter(|name| !name.is_empty()) {
        Lookup::at(Fresh::Asked).up((&router, &posted.call), name, Wanted::Any).await?;
    }
    Err(refused(Code::Unsupported, "answer generation is not offered; use /search"))
}

/// Not offered.
#[utoipa::path(post, path = "/moorcheh/v1/namespaces/{ns}/upload-url", tag = "not offered",
    params(("ns" = String, Path, description = "The namespace")), request_body = FileBody,
    responses((status = 422, body = FailureView), (status = "default", body = FailureView)))]
pub(crate) async fn upload_url(
    State(router): State<Router>,
    Path(name): Path<String>,
    posted: Posted<FileBody>,
) -> Verb<Response> {
    Lookup::at(Fresh::Asked).up((&router, &posted.call), &name, Wanted::Any).await?;
    let words = format!(
        "the file '{}' can't be uploaded: files are not offered; upload its text to /namespaces/{name}/documents",
        posted.body.file_name
    );
    Err(refused(Code::Unsupported, &words))
}

/// Lists the files of a namespace: there are none.
#[utoipa::path(get, path = "/moorcheh/v1/namespaces/{ns}/list-files", tag = "not offered",
    params(("ns" = String, Path, description = "The namespace")),
    responses((status = 200, body = FilesView), (status = "default", body = FailureView)))]
pub(crate) async fn list(
    State(router): State<Router>,
    Path(name): Path<String>,
    Plain(call): Plain,
) -> Verb<Response> {
    Lookup::at(Fresh::Asked).up((&router, &call), &name, Wanted::Any).await?;
    let view = FilesView { success: true, namespace: name, file_count: 0, files: Vec::new() };
    Ok(answer::json(StatusCode::OK, &view))
}

/// Deletes files: none is ever there.
#[utoipa::path(delete, path = "/moorcheh/v1/namespaces/{ns}/delete-file", tag = "not offered",
    params(("ns" = String, Path, description = "The namespace")), request_body = FilesBody,
    responses((status = 200, body = FilesDeletedView), (status = "default", body = FailureView)))]
pub(crate) async fn delete(
    State(router): State<Router>,
    Path(name): Path<String>,
    posted: Posted<FilesBody>,
) -> Verb<Response> {
    Lookup::at(Fresh::Asked).up((&router, &posted.call), &name, Wanted::Any).await?;
    let result = |file_name| FileResultView { file_name, status: "error", message: "File not found" };
    let view = FilesDeletedView {
        success: true,
        message: format!("Namespace '{name}' holds no files; none was deleted."),
        namespace: name,
        results: posted.body.file_names.into_iter().map(result).collect(),
    };
    Ok(answer::json(StatusCode::OK, &view))
}
