//! Admission: from the key that came with a request to who asks. The same for every surface.
//!
//! Keys are on as soon as a root key is configured. A key that was looked up is used under the catalog's lease
//! (protocol PN5), so that on the usual way nothing is waited for; that there is no such key is never remembered.

use lacuna_model::Account;
use lacuna_model::access::{Ended, SecretHash, is_secret};
use lacuna_model::error::ErrorCode;

use crate::app::Router;
use crate::deadline::Deadline;
use crate::error::{Verb, VerbError};
use crate::verb::caller::Caller;

/// What a request shows at the door.
#[derive(Clone, Default)]
pub(crate) struct Shown {
    /// The key's secret, wherever the surface's clients put it.
    pub(crate) secret: Option<String>,
    /// The account that it wants to work in (`Lacuna-Account`).
    pub(crate) account: Option<String>,
}

impl Router {
    /// Who asks. The error of a refusal has the detail `key`: `missing`, `unknown`, `revoked`, `expired` or
    /// `replaced`.
    pub(crate) async fn admit(&self, shown: Shown, deadline: Deadline) -> Verb<Caller> {
        let Some(root) = self.config().root_key else {
            return own_account(Caller::open(), shown.account.as_deref());
        };
        let Some(secret) = shown.secret.filter(|secret| !secret.is_empty()) else {
            return Err(refusal("missing", "a key is asked for here, and none came with the request"));
        };
        let hash = SecretHash::of(&secret);
        if root.matches(&hash) {
            return self.root_in(shown.account, deadline).await;
        }
        if !is_secret(&secret) {
            return Err(unknown());
        }
        drop(secret);
        let Some(key) = self.core().catalog.key(&hash, deadline).await? else { return Err(unknown()) };
        key.check(&hash, self.core().peers.stamp()).map_err(ended)?;
        own_account(Caller::with(key), shown.account.as_deref())
    }

    async fn root_in(&self, account: Option<String>, deadline: Deadline) -> Verb<Caller> {
        let Some(name) = account else { return Ok(Caller::root(Account::default())) };
        let account: Account = name.parse().map_err(|error: lacuna_model::access::BadAccount| {
            VerbError::argument(format!("Lacuna-Account: {error}; nothing was changed"))
                .with("header", "Lacuna-Account")
        })?;
        if self.core().catalog.has_account(&account, deadline).await? {
            return Ok(Caller::root(account));
        }
        let message = format!("Lacuna-Account: there is no account \"{account}\"; nothing was changed");
        Err(VerbError::new(ErrorCode::NotFound, message).with("header", "Lacuna-Account"))
    }
}

/// A caller that isn't root works in its own account; asking for another one is no slip to be passed over.
fn own_account(caller: Caller, asked: Option<&str>) -> Verb<Caller> {
    match asked {
        Some(asked) if asked != caller.account.0 => {
            let message = format!(
                "Lacuna-Account: this request works in account \"{}\"; only the root key chooses; nothing was changed",
                caller.account
            );
            Err(VerbError::new(ErrorCode::Forbidden, message).with("header", "Lacuna-Account"))
        }
        _ => Ok(caller),
    }
}

fn refusal(key: &str, words: &str) -> VerbError {
    VerbError::new(ErrorCode::Unauthenticated, format!("{words}; nothing was changed")).with("key", key)
}

fn unknown() -> VerbError {
    refusal("unknown", "the key that came with the request is not known here")
}

fn ended(why: Ended) -> VerbError {
    match why {
        Ended::Revoked => refusal("revoked", "the key that came with the request was revoked"),
        Ended::Expired => refusal("expired", "the key that came with the request has expired"),
        Ended::Replaced => refusal("replaced", "the key that came with the request has a new secret"),
    }
}
