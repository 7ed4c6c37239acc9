//! Who asks: the account a request works in, and what it may do there.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use lacuna_model::Account;
use lacuna_model::access::{Key, Right, Rights};
use lacuna_model::catalog::{CollectionRef, Home};
use lacuna_model::error::ErrorCode;
use lacuna_model::uuid::Principal;

use crate::app::Router;
use crate::core::{Target, no_collection};
use crate::error::{Verb, VerbError};

/// Who asks. Made by the door from the request's key, before anything of the request is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account: names mean what they mean in it, and nothing outside of it exists.
    pub account: Account,
    /// The user: for permissions on datasets.
    pub principal: Principal,
    standing: Standing,
}

/// What a caller's word is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    /// Keys are off: anybody.
    Open,
    /// The root key: every right in every account.
    Root,
    /// A key of one account.
    Key(Arc<Key>),
}

impl Caller {
    /// Anybody, where keys are off: the one default account, with all rights.
    pub fn open() -> Self {
        Self { account: Account::default(), principal: Principal::ROOT, standing: Standing::Open }
    }

    /// Who holds the root key, at work in an account.
    pub(crate) fn root(account: Account) -> Self {
        Self { account, principal: Principal::ROOT, standing: Standing::Root }
    }

    /// Who holds a key.
    pub(crate) fn with(key: Arc<Key>) -> Self {
        Self { account: key.account.clone(), principal: key.principal, standing: Standing::Key(key) }
    }

    /// Does the caller pass every check: the root key, or anybody where keys are off?
    pub fn is_root(&self) -> bool {
        match self.standing {
            Standing::Open | Standing::Root => true,
            Standing::Key(_) => false,
        }
    }

    /// Is it anybody, keys being off?
    pub(crate) fn is_open(&self) -> bool {
        self.standing == Standing::Open
    }

    /// The key, unless the caller passes every check.
    pub(crate) fn key(&self) -> Option<&Key> {
        match &self.standing {
            Standing::Open | Standing::Root => None,
            Standing::Key(key) => Some(key),
        }
    }

    /// What it may do.
    pub fn rights(&self) -> Rights {
        self.key().map_or(Rights::ALL, |key| key.rights)
    }

    /// Has it this right, be it on few collections? Otherwise 403.
    pub(crate) fn need(&self, right: Right) -> Verb<()> {
        let rights = self.rights();
        if rights.has(right) {
            return Ok(());
        }
        let has: Vec<&str> = rights.iter().map(Right::as_str).collect();
        let message =
            format!("this takes a key with the right \"{right}\", this one has {has:?}; nothing was changed");
        Err(VerbError::new(ErrorCode::Forbidden, message).with("needs", right.as_str()).with("has", has))
    }

    /// Has it this right on all of the account's collections? Otherwise 403.
    pub(crate) fn need_everywhere(&self, right: Right) -> Verb<()> {
        self.need(right)?;
        if self.reaches_all() {
            return Ok(());
        }
        let message = "this takes a key that reaches every collection of its account, this one reaches only those \
                       it names; nothing was changed";
        Err(VerbError::new(ErrorCode::Forbidden, message).with("needs", "reach"))
    }

    /// Is it the root key (or anybody, where keys are off)? Otherwise 403.
    pub(crate) fn need_root(&self) -> Verb<()> {
        if self.is_root() {
            return Ok(());
        }
        let message = "this takes the root key; nothing was changed";
        Err(VerbError::new(ErrorCode::Forbidden, message).with("needs", "root"))
    }

    /// Does it reach all of its account's collections?
    pub(crate) fn reaches_all(&self) -> bool {
        self.key().is_none_or(|key| key.reach == lacuna_model::access::Reach::All)
    }

    /// Is a collection of this name there for the caller?
    pub(crate) fn sees(&self, home: &Home, name: &str) -> bool {
        home.account == self.account && self.key().is_none_or(|key| key.reach.holds(home, name))
    }

    /// Is the collection of its account (else 404, as if there were none) and does its key reach it (else 403)?
    pub(crate) fn reach(&self, home: &Home, name: &str) -> Verb<()> {
        if home.account != self.account {
            return Err(no_collection(&CollectionRef::Name(home.clone(), name.to_owned())));
        }
        if self.sees(home, name) {
            return Ok(());
        }
        let message = format!("this key doesn't reach the collection \"{name}\"; nothing was changed");
        Err(VerbError::new(ErrorCode::Forbidden, message).with("needs", "reach"))
    }

    /// May it do this with the collection?
    pub(crate) fn may(&self, right: Right, home: &Home, name: &str) -> Verb<()> {
        self.need(right)?;
        self.reach(home, name)
    }

    /// Is this named inside its account? What isn't doesn't exist for it.
    pub(crate) fn owns_ref(&self, collection: &CollectionRef) -> Verb<()> {
        let account = match collection {
            CollectionRef::Id(account, _) => account,
            CollectionRef::Name(home, _) => &home.account,
        };
        if *account == self.account { Ok(()) } else { Err(no_collection(collection)) }
    }

    /// The same of a target.
    pub(crate) fn owns(&self, target: &Target) -> Verb<()> {
        if target.account != self.account {
            return Err(no_collection(&target.collection));
        }
        self.owns_ref(&target.collection)
    }

    /// A request that came in past the door: a fault of ours.
    pub(crate) fn unknown() -> VerbError {
        VerbError::new(ErrorCode::Internal, "the request came in past the door; nothing was changed")
    }
}

impl FromRequestParts<Router> for Caller {
    type Rejection = VerbError;

    async fn from_request_parts(parts: &mut Parts, _router: &Router) -> Verb<Self> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Self::unknown)
    }
}
