//! Who asks: the account a request works in, and what it may do there.

use axum::extract::FromRequestParts;
use http::request::Parts;
use lacuna_model::Account;
use lacuna_model::error::ErrorCode;

use crate::app::Router;
use crate::error::{Verb, VerbError};

/// Who asks. Made by the door from the request's key, before anything of the request is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account: names mean what they mean in it, and nothing outside of it exists.
    pub account: Account,
}

impl Caller {
    /// Anybody, where keys are off: the one default account, with all rights.
    pub fn open() -> Self {
        Self { account: Account::default() }
    }

    /// A request that came in past the door: a fault of ours.
    pub(crate) fn unknown() -> VerbError {
        VerbError::new(ErrorCode::Internal, "the request came in past the door; nothing was changed")
    }
}

impl Router {
    /// Who asks, by the key sent with the request.
    pub(crate) async fn admit(&self, _secret: Option<String>) -> Verb<Caller> {
        Ok(Caller::open())
    }
}

impl FromRequestParts<Router> for Caller {
    type Rejection = VerbError;

    async fn from_request_parts(parts: &mut Parts, _router: &Router) -> Verb<Self> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Self::unknown)
    }
}
