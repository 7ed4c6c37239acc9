//! Keys and accounts: made, listed, rotated, revoked. A key makes none that is stronger than itself.

use std::time::Duration;

use lacuna_model::Account;
use lacuna_model::access::{AccessRefusal, AccountInfo, Key, Reach, Right, Rights, SECRET_BYTES, Secret};
use lacuna_model::error::ErrorCode;
use lacuna_model::meta::{MetaBody, MetaCommand, MetaOutcome, MetaQuery, NewKey};
use lacuna_model::uuid::{KeyId, Principal};
use rand::TryRngCore as _;
use rand::rngs::OsRng;

use crate::app::Router;
use crate::catalog::{meta_unavailable, odd_body};
use crate::deadline::Deadline;
use crate::error::{Verb, VerbError};
use crate::verb::Call;
use crate::verb::collections::undecided;
use crate::verb::operation::LEASE_WAIT;

/// A key to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyWish {
    /// What people call it.
    pub label: String,
    /// What it may do; not empty.
    pub rights: Rights,
    /// To which collections.
    pub reach: Reach,
    /// How long it is good; `None`: until it is revoked.
    pub life: Option<Duration>,
    /// Whose it is; `None`: a new user's if the root key asks, else the asking key's.
    pub principal: Option<Principal>,
}

impl Router {
    /// Makes a key in the caller's account. Its secret is told this once and kept nowhere.
    pub async fn create_key(&self, call: &Call, wish: KeyWish) -> Verb<(Key, Secret)> {
        keeper(call)?;
        let own = call.caller.key().map(|key| key.principal);
        let principal = wish.principal.or(own).unwrap_or_else(|| Principal(rand::random()));
        no_stronger(call, (principal, wish.rights, &wish.reach))?;
        let secret = new_secret()?;
        let command = MetaCommand::CreateKey(Box::new(NewKey {
            id: KeyId(rand::random()),
            account: call.caller.account.clone(),
            principal,
            label: wish.label,
            hash: secret.hash(),
            rights: wish.rights,
            reach: wish.reach,
            life_micros: wish.life.map(micros),
        }));
        let key = self.change_key(call, &command, "the key was made").await?;
        Ok((key, secret))
    }

    /// Keys of the caller's account, oldest first; revoked ones for a while.
    pub async fn keys(&self, call: &Call) -> Verb<Vec<Key>> {
        keeper(call)?;
        let query = MetaQuery::Keys(call.caller.account.clone());
        let reply = self.core().catalog.read(&query, call.deadline).await;
        match reply.map_err(|error| meta_unavailable(&error))?.body {
            MetaBody::Keys(keys) => Ok(keys),
            other => Err(odd_body(&other)),
        }
    }

    /// Gives a key another secret. The old one is good for the time of grace; without any it is no good anywhere
    /// once this is answered (protocol PN5).
    pub async fn rotate_key(&self, call: &Call, id: KeyId, grace: Duration) -> Verb<(Key, Secret)> {
        keeper(call)?;
        if !call.caller.is_root() {
            let known = self.keys(call).await?.into_iter().find(|key| key.id == id).ok_or_else(no_key)?;
            no_stronger(call, (known.principal, known.rights, &known.reach))?;
        }
        let secret = new_secret()?;
        let (account, hash) = (call.caller.account.clone(), secret.hash());
        let command = MetaCommand::RotateKey { account, key: id, hash, grace_micros: micros(grace) };
        let key = self.change_key(call, &command, "the key was rotated").await?;
        self.leases_end(call, if grace < LEASE_WAIT { LEASE_WAIT } else { Duration::ZERO }).await;
        Ok((key, secret))
    }

    /// Ends a key: once this is answered it is no good through any router (protocol PN5).
    pub async fn revoke_key(&self, call: &Call, id: KeyId) -> Verb<Key> {
        keeper(call)?;
        let command = MetaCommand::RevokeKey { account: call.caller.account.clone(), key: id };
        let key = self.change_key(call, &command, "the key was revoked").await?;
        self.leases_end(call, LEASE_WAIT).await;
        Ok(key)
    }

    /// Makes an account. For the root key.
    pub async fn create_account(&self, call: &Call, name: Account) -> Verb<AccountInfo> {
        keys_are_on(call)?;
        call.caller.need_root()?;
        let answer = self.core().catalog.write(&MetaCommand::CreateAccount(name), call.deadline).await;
        match answer.map_err(|error| undecided(&error, call, "the account was made"))?.0 {
            MetaOutcome::Account(account) => Ok(account),
            other => Err(answered(&other)),
        }
    }

    /// All accounts, by name. For the root key.
    pub async fn accounts(&self, call: &Call) -> Verb<Vec<AccountInfo>> {
        keys_are_on(call)?;
        call.caller.need_root()?;
        let reply = self.core().catalog.read(&MetaQuery::Accounts, call.deadline).await;
        match reply.map_err(|error| meta_unavailable(&error))?.body {
            MetaBody::Accounts(accounts) => Ok(accounts),
            other => Err(odd_body(&other)),
        }
    }

    async fn change_key(&self, call: &Call, command: &MetaCommand, done: &str) -> Verb<Key> {
        let answer = self.core().catalog.write(command, call.deadline).await;
        match answer.map_err(|error| undecided(&error, call, done))?.0 {
            MetaOutcome::Key(key) => Ok(*key),
            other => Err(answered(&other)),
        }
    }

    /// The entry was seen now: waits until no router's lease holds what was before it, even past the deadline.
    pub(crate) async fn leases_end(&self, call: &Call, wait: Duration) {
        let seen = Deadline::within(wait);
        // This router's own copy goes now.
        let _read = self.core().catalog.renew(call.deadline).await;
        tokio::time::sleep(seen.left()).await;
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// From the operating system: a secret must be unknown to everybody.
fn new_secret() -> Verb<Secret> {
    let mut random = [[0; SECRET_BYTES / 2]; 2];
    for half in &mut random {
        OsRng.try_fill_bytes(half).map_err(|error| {
            let message = format!("the system gives no random bytes ({error}); nothing was changed");
            VerbError::new(ErrorCode::Internal, message)
        })?;
    }
    Ok(Secret::new(random))
}

/// Where keys are off, one would protect nothing: anybody could make another.
fn keys_are_on(call: &Call) -> Verb<()> {
    if call.caller.is_open() {
        let message = "keys are off here: everybody has every right, and a key would protect nothing. Start the \
                       server with a root key (LACUNA_ROOT_KEY) first; nothing was changed";
        return Err(VerbError::new(ErrorCode::Forbidden, message).with("needs", "root"));
    }
    Ok(())
}

/// May the caller see to its account's keys?
fn keeper(call: &Call) -> Verb<()> {
    keys_are_on(call)?;
    call.caller.need_everywhere(Right::Admin)
}

/// Whoever holds a key gets no more by it than the key itself gives.
fn no_stronger(call: &Call, (principal, rights, reach): (Principal, Rights, &Reach)) -> Verb<()> {
    let Some(own) = call.caller.key() else { return Ok(()) };
    let lacks = if !own.rights.covers(rights) {
        "rights"
    } else if !own.reach.covers(reach) {
        "reach"
    } else if own.principal != principal {
        "principal"
    } else {
        return Ok(());
    };
    let message = format!(
        "that key would have {lacks} that this one hasn't: a key gives no more than it has (the root key gives \
         everything); nothing was changed"
    );
    Err(VerbError::new(ErrorCode::Forbidden, message).with("needs", lacks))
}

fn no_key() -> VerbError {
    VerbError::new(ErrorCode::NotFound, "this account has no key with that id; nothing was changed")
}

fn answered(outcome: &MetaOutcome) -> VerbError {
    crate::core::refused_level(outcome)
}

/// A refusal about accounts and keys, in words.
pub(crate) fn refused(refusal: &AccessRefusal) -> VerbError {
    match refusal {
        AccessRefusal::NoKey => no_key(),
        AccessRefusal::NoAccount => {
            VerbError::new(ErrorCode::NotFound, "there is no such account; nothing was changed")
        }
        AccessRefusal::AccountExists => {
            let message = "there is an account of this name already; nothing was changed";
            VerbError::new(ErrorCode::AlreadyExists, message)
        }
        AccessRefusal::KeyEnded => {
            let message = "the key is revoked or has expired: make another one; nothing was changed";
            VerbError::argument(message)
        }
        AccessRefusal::TooMany(most) => {
            let message =
                format!("there are {most} of them already, the most there may be; nothing was changed");
            VerbError::argument(message).with("max_items", *most)
        }
    }
}
