//! A request's JSON body, as any surface takes it; but clients before 1.0 don't say that theirs is JSON.

use axum::extract::{FromRequest, Request};
use http::{HeaderValue, header};
use serde::de::DeserializeOwned;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::chroma::shapes::Shape;
use crate::surface::request::Posted;
use crate::verb::Call;

/// A request with a JSON body.
pub(crate) struct Sent<T> {
    pub(super) body: T,
    pub(super) call: Call,
}

impl<T: DeserializeOwned> FromRequest<Router> for Sent<T> {
    type Rejection = VerbError;

    async fn from_request(mut request: Request, router: &Router) -> Verb<Self> {
        let headers = request.headers_mut();
        if !headers.contains_key(header::CONTENT_TYPE) && Shape::asked(headers) == Shape::Legacy {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let Posted { body, call } = Posted::from_request(request, router).await?;
        Ok(Self { body, call })
    }
}
