//! `/v1/keys` and `/v1/accounts`.

use std::str::FromStr;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use lacuna_model::Account;
use lacuna_model::access::{CollectionName, Key, Reach, Right, Rights, Secret};
use lacuna_model::limits::{MAX_GRACE_S, MAX_KEY_LIFE_S, MAX_LABEL_BYTES, MAX_REACH};
use lacuna_model::uuid::{KeyId, Principal};

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::native::key_bodies::{
    AccountView, AccountsView, CreateAccountBody, CreateKeyBody, KeyView, KeysView, MadeKeyView, ReachedBody,
    RotateKeyBody,
};
use crate::surface::native::parse::NOTHING;
use crate::surface::request::{Plain, Posted};
use crate::verb::keys::KeyWish;

/// Makes a key. Its secret is in this answer and nowhere else, ever.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", request_body = CreateKeyBody,
    responses((status = 201, body = MadeKeyView), (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn create(State(router): State<Router>, posted: Posted<CreateKeyBody>) -> Verb<Response> {
    let made = router.create_key(&posted.call, wish(posted.body)?).await?;
    Ok(told(StatusCode::CREATED, &made))
}

/// Lists the account's keys, without their secrets; revoked and expired ones for a while.
#[utoipa::path(get, path = "/v1/keys", tag = "keys",
    responses((status = 200, body = KeysView), (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn list(State(router): State<Router>, Plain(call): Plain) -> Verb<Response> {
    let keys = router.keys(&call).await?.iter().map(KeyView::from).collect();
    Ok(answer::json(StatusCode::OK, &KeysView { keys }))
}

/// Gives a key another secret. The old one stays good for `grace_s`; without it, it is no good anywhere once this
/// is answered, which takes 3.1 s.
#[utoipa::path(post, path = "/v1/keys/{id}/rotate", tag = "keys",
    params(("id" = String, Path, description = "The key's id")), request_body = RotateKeyBody,
    responses((status = 200, body = MadeKeyView), (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn rotate(
    State(router): State<Router>,
    Path(id): Path<String>,
    posted: Posted<RotateKeyBody>,
) -> Verb<Response> {
    let id = uuid::<KeyId>("id", &id)?;
    let grace = posted.body.grace_s.unwrap_or(0);
    if grace > MAX_GRACE_S {
        let message = format!("grace_s must be from 0 to {MAX_GRACE_S}, got {grace}; {NOTHING}");
        return Err(VerbError::argument(message).with("path", "grace_s"));
    }
    let made = router.rotate_key(&posted.call, id, Duration::from_secs(grace)).await?;
    Ok(told(StatusCode::OK, &made))
}

/// Revokes a key. Once this is answered, which takes 3.1 s, it is no good through any router.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 200, body = KeyView), (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn revoke(
    State(router): State<Router>,
    Path(id): Path<String>,
    Plain(call): Plain,
) -> Verb<Response> {
    let key = router.revoke_key(&call, uuid::<KeyId>("id", &id)?).await?;
    Ok(answer::json(StatusCode::OK, &KeyView::from(&key)))
}

/// Makes an account. For the root key.
#[utoipa::path(post, path = "/v1/accounts", tag = "keys", request_body = CreateAccountBody,
    responses((status = 201, body = AccountView), (status = 409, description = "The name is taken", body = answer::ErrorBody),
        (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn create_account(
    State(router): State<Router>,
    posted: Posted<CreateAccountBody>,
) -> Verb<Response> {
    let name = posted
        .body
        .name
        .parse::<Account>()
        .map_err(|error| VerbError::argument(format!("name: {error}; {NOTHING}")).with("path", "name"))?;
    let made = router.create_account(&posted.call, name).await?;
    Ok(answer::json(StatusCode::CREATED, &AccountView::from(&made)))
}

/// Lists the accounts. For the root key.
#[utoipa::path(get, path = "/v1/accounts", tag = "keys",
    responses((status = 200, body = AccountsView), (status = "default", body = answer::ErrorBody)))]
pub(crate) async fn accounts(State(router): State<Router>, Plain(call): Plain) -> Verb<Response> {
    let accounts = router.accounts(&call).await?.iter().map(AccountView::from).collect();
    Ok(answer::json(StatusCode::OK, &AccountsView { accounts }))
}

fn told(status: StatusCode, (key, secret): &(Key, Secret)) -> Response {
    let view = MadeKeyView { key: KeyView::from(key), secret: secret.reveal().to_owned() };
    answer::json(status, &view)
}

fn wish(body: CreateKeyBody) -> Verb<KeyWish> {
    let refused = |field: &str, expected: String| {
        VerbError::argument(format!("{field}: {expected}; {NOTHING}")).with("path", field)
    };
    if body.name.is_empty() || body.name.len() > MAX_LABEL_BYTES || body.name.chars().any(char::is_control) {
        let expected = format!("a key's name must have 1 to {MAX_LABEL_BYTES} bytes, no control characters");
        return Err(refused("name", expected));
    }
    let rights: Rights = body.rights.iter().copied().collect();
    if rights.is_empty() {
        let all = Right::ALL.map(Right::as_str).join(", ");
        return Err(refused("rights", format!("an empty list, expected at least one of {all}")));
    }
    let life = match body.expires_in_s {
        None => None,
        Some(seconds) if (1..=MAX_KEY_LIFE_S).contains(&seconds) => Some(Duration::from_secs(seconds)),
        Some(seconds) => {
            return Err(refused("expires_in_s", format!("from 1 to {MAX_KEY_LIFE_S}, got {seconds}")));
        }
    };
    let principal = body.principal.map(|text| uuid::<Principal>("principal", &text)).transpose()?;
    if principal == Some(Principal::ROOT) {
        return Err(refused("principal", "the root user has the root key only".to_owned()));
    }
    Ok(KeyWish { label: body.name, rights, reach: reach(body.collections)?, life, principal })
}

fn reach(collections: Option<Vec<ReachedBody>>) -> Verb<Reach> {
    let Some(named) = collections else { return Ok(Reach::All) };
    if named.is_empty() || named.len() > MAX_REACH {
        let message = format!(
            "collections: {} of them, expected 1 to {MAX_REACH}, or none given for all; {NOTHING}",
            named.len()
        );
        return Err(VerbError::argument(message).with("path", "collections"));
    }
    let name = |one: ReachedBody| CollectionName {
        surface: one.surface.unwrap_or(lacuna_model::catalog::Surface::Native),
        database: one.database.unwrap_or_default(),
        name: one.name,
    };
    let mut names: Vec<CollectionName> = named.into_iter().map(name).collect();
    names.sort_unstable();
    names.dedup();
    Ok(Reach::Only(names))
}

fn uuid<T: FromStr<Err = lacuna_model::uuid::BadUuid>>(field: &str, text: &str) -> Verb<T> {
    text.parse()
        .map_err(|error| VerbError::argument(format!("{field}: {error}; {NOTHING}")).with("path", field))
}
