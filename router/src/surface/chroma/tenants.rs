//! Tenants and databases.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lacuna_model::Uuid;
use lacuna_model::catalog::Database;
use lacuna_model::error::ErrorCode;
use lacuna_model::ids::DatabaseId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::chroma::collections::{Paged, part};
use crate::surface::chroma::delete::unfinished;
use crate::surface::chroma::errors::{ChromaFailure, NOTHING};
use crate::surface::chroma::names::{DatabaseAt, TenantAt, check_length, check_name};
use crate::surface::chroma::sent::Sent;
use crate::surface::request::Plain;
use crate::verb::Call;

/// What a database's UUID begins with (version 8, free form), before its number. The default one's is nil.
const PATTERN: [u8; 8] = [b'l', b'a', b'c', b'u', b'n', b'a', 0x80, 0x01];

/// Makes a tenant or a database.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NameBody {
    /// Its name.
    pub(super) name: String,
}

/// Changes a tenant.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct TenantBody {
    /// A name in somebody's cloud; nothing is kept of it here.
    #[serde(default)]
    pub(super) resource_name: Option<String>,
}

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TenantView {
    /// Its name.
    pub(super) name: String,
    /// Always null.
    pub(super) resource_name: Option<String>,
}

/// A database.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DatabaseView {
    /// A UUID; the default one's is nil.
    pub(super) id: String,
    /// Its name in its tenant.
    pub(super) name: String,
    /// Its tenant.
    pub(super) tenant: String,
}

impl From<Database> for DatabaseView {
    fn from(database: Database) -> Self {
        let mut bytes = [0; 16];
        if database.id != DatabaseId(0) {
            bytes[..8].copy_from_slice(&PATTERN);
            bytes[8..].copy_from_slice(&database.id.0.to_be_bytes());
            bytes[8] |= 0x80;
        }
        let id = Uuid(u128::from_be_bytes(bytes)).to_string();
        Self { id, name: database.named.name, tenant: database.named.tenant }
    }
}

impl DatabaseAt {
    /// That it isn't there.
    pub(super) fn unknown(&self) -> String {
        format!("Database [{}] not found. Are you sure it exists?", self.name)
    }

    /// What a verb answered, with a database that isn't there in Chroma's words.
    fn said<T>(&self, answer: Verb<T>) -> Verb<T> {
        answer.map_err(|error| match error.code {
            ErrorCode::NotFound => VerbError::new(ErrorCode::NotFound, self.unknown()),
            _ => error,
        })
    }
}

fn no_tenant(tenant: &str) -> VerbError {
    VerbError::new(ErrorCode::NotFound, format!("Tenant [{tenant}] not found; {NOTHING}"))
}

fn done() -> Response {
    answer::json(StatusCode::OK, &json!({}))
}

/// Makes a tenant.
#[utoipa::path(post, path = "/api/v2/tenants", tag = "chroma: tenants", request_body = NameBody,
    responses((status = 200, body = Object), (status = "default", body = ChromaFailure)))]
pub(crate) async fn create_tenant(State(router): State<Router>, sent: Sent<NameBody>) -> Verb<Response> {
    check_length("tenant", &sent.body.name)?;
    router.create_tenant(&sent.call, &sent.body.name).await?;
    Ok(done())
}

/// A tenant.
#[utoipa::path(get, path = "/api/v2/tenants/{tenant}", tag = "chroma: tenants", params(("tenant" = String, Path)),
    responses((status = 200, body = TenantView), (status = "default", body = ChromaFailure)))]
pub(crate) async fn get_tenant(
    State(router): State<Router>,
    TenantAt(tenant): TenantAt,
    Plain(call): Plain,
) -> Verb<Response> {
    known(&router, &call, &tenant).await?;
    Ok(answer::json(StatusCode::OK, &TenantView { name: tenant, resource_name: None }))
}

/// Changes a tenant: there is nothing to change here.
#[utoipa::path(patch, path = "/api/v2/tenants/{tenant}", tag = "chroma: tenants", params(("tenant" = String, Path)),
    request_body = TenantBody,
    responses((status = 200, body = Object), (status = "default", body = ChromaFailure)))]
pub(crate) async fn change_tenant(
    State(router): State<Router>,
    TenantAt(tenant): TenantAt,
    sent: Sent<TenantBody>,
) -> Verb<Response> {
    known(&router, &sent.call, &tenant).await?;
    match sent.body.resource_name {
        None => Ok(done()),
        Some(_) => Err(super::errors::unsupported("a tenant's resource_name")),
    }
}

async fn known(router: &Router, call: &Call, tenant: &str) -> Verb<()> {
    let all = router.tenants(call).await?;
    if all.iter().any(|known| known == tenant) { Ok(()) } else { Err(no_tenant(tenant)) }
}

/// Makes a database.
#[utoipa::path(post, path = "/api/v2/tenants/{tenant}/databases", tag = "chroma: tenants",
    params(("tenant" = String, Path)), request_body = NameBody,
    responses((status = 200, body = Object), (status = "default", body = ChromaFailure)))]
pub(crate) async fn create_database(
    State(router): State<Router>,
    TenantAt(tenant): TenantAt,
    sent: Sent<NameBody>,
) -> Verb<Response> {
    check_name("database", &sent.body.name)?;
    let made = router.create_database(&sent.call, &tenant, &sent.body.name).await;
    made.map_err(|error| if error.code == ErrorCode::NotFound { no_tenant(&tenant) } else { error })?;
    Ok(done())
}

/// Lists a tenant's databases, by name.
#[utoipa::path(get, path = "/api/v2/tenants/{tenant}/databases", tag = "chroma: tenants",
    params(("tenant" = String, Path), ("limit" = Option<usize>, Query), ("offset" = Option<usize>, Query)),
    responses((status = 200, body = Vec<DatabaseView>), (status = "default", body = ChromaFailure)))]
pub(crate) async fn list_databases(
    State(router): State<Router>,
    TenantAt(tenant): TenantAt,
    paged: Paged,
    Plain(call): Plain,
) -> Verb<Response> {
    let all = match router.databases(&call, &tenant).await {
        Err(error) if error.code == ErrorCode::NotFound => Vec::new(),
        all => all?,
    };
    let shown: Vec<DatabaseView> = part(all, paged)?.into_iter().map(DatabaseView::from).collect();
    Ok(answer::json(StatusCode::OK, &shown))
}

/// A database.
#[utoipa::path(get, path = "/api/v2/tenants/{tenant}/databases/{database}", tag = "chroma: tenants",
    params(("tenant" = String, Path), ("database" = String, Path)),
    responses((status = 200, body = DatabaseView), (status = "default", body = ChromaFailure)))]
pub(crate) async fn get_database(
    State(router): State<Router>,
    database: DatabaseAt,
    Plain(call): Plain,
) -> Verb<Response> {
    check_length("database", &database.name)?;
    let found = database.said(router.describe_database(&call, &database.tenant, &database.name).await)?;
    Ok(answer::json(StatusCode::OK, &DatabaseView::from(found)))
}

/// Deletes a database with its collections.
#[utoipa::path(delete, path = "/api/v2/tenants/{tenant}/databases/{database}", tag = "chroma: tenants",
    params(("tenant" = String, Path), ("database" = String, Path)),
    responses((status = 200, body = Object), (status = "default", body = ChromaFailure)))]
pub(crate) async fn delete_database(
    State(router): State<Router>,
    database: DatabaseAt,
    Plain(call): Plain,
) -> Verb<Response> {
    let dropped = router.drop_database(&call, &database.tenant, &database.name).await;
    let dropped = database.said(dropped)?;
    match dropped.open() {
        None => Ok(done()),
        Some((_, answer)) => {
            let what = format!(
                "the collections of database [{}] are gone from all reads; the database goes when all of their contents \
                 have gone",
                database.name
            );
            Err(unfinished(&what, answer))
        }
    }
}

#[cfg(test)]
mod tests {
    use lacuna_model::catalog::DatabaseName;
    use lacuna_model::ids::Account;

    use super::*;

    #[test]
    fn the_default_database_has_the_nil_uuid_and_no_other_has() {
        let view = |id| {
            let named =
                DatabaseName { account: Account::default(), tenant: "t".to_owned(), name: "d".to_owned() };
            DatabaseView::from(Database { id: DatabaseId(id), named }).id
        };
        assert_eq!(view(0), "00000000-0000-0000-0000-000000000000");
        assert_eq!(view(5), "6c616375-6e61-8001-8000-000000000005");
        assert_ne!(view(1), view(2));
    }
}
