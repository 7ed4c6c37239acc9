//! Users, tenants, roles, and what they may do.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use lacuna_model::access::{Reach, Right, Rights};
use lacuna_model::error::ErrorCode;
use lacuna_model::memory::command::{MemoryChange, MemoryOutcome};
use lacuna_model::memory::query::{MemoryAsk, MemoryBody};
use lacuna_model::memory::rights::Permission;
use lacuna_model::{DatasetId, Principal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app::Router;
use crate::error::{Verb, VerbError};
use crate::surface::answer;
use crate::surface::cognee::bodies::{SelectBody, UserBody};
use crate::surface::cognee::datasets::{name, uuid};
use crate::surface::cognee::failure::FailureView;
use crate::surface::cognee::views::DatasetView;
use crate::surface::request::{Listed, Plain, Posted};
use crate::verb::keys::KeyWish;
use crate::verb::memory::{ERROR_NAME, odd};

/// Query strings of this file.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Names {
    permission_name: Option<String>,
    role_name: Option<String>,
    tenant_name: Option<String>,
    role_id: Option<String>,
    tenant_id: Option<String>,
}

type Asked = Result<Query<Names>, axum::extract::rejection::QueryRejection>;

fn read(query: Asked) -> Verb<Names> {
    match query {
        Ok(Query(names)) => Ok(names),
        Err(error) => Err(VerbError::argument(format!("{}; nothing was changed", error.body_text()))),
    }
}

fn needed(field: &str, given: Option<String>) -> Verb<String> {
    given.ok_or_else(|| VerbError::argument(format!("{field}: it is missing; nothing was changed")))
}

/// An unknown permission is refused as one that nobody has.
fn permission(given: Option<String>) -> Verb<Permission> {
    let text = needed("permission_name", given)?;
    Permission::named(&text).ok_or_else(|| {
        let message =
            format!("permission_name: {text:?}, expected read, write, delete or share; nothing was changed");
        VerbError::new(ErrorCode::Forbidden, message).with(ERROR_NAME, "PermissionNotFoundError")
    })
}

fn message(text: &str) -> Response {
    answer::json(StatusCode::OK, &json!({ "message": text }))
}

/// A user.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UserView {
    /// Its id.
    pub id: String,
    /// Its email.
    pub email: String,
    /// Its key, told this once.
    pub api_key: String,
    /// Its current tenant.
    pub tenant_id: Option<String>,
}

/// Makes a user with a key. For root.
#[utoipa::path(post, path = "/api/v1/users", tag = "permissions", request_body = UserBody,
    responses((status = 201, body = UserView), (status = "default", body = FailureView)))]
pub(crate) async fn make_user(State(router): State<Router>, posted: Posted<UserBody>) -> Verb<Response> {
    posted.call.caller.need_root()?;
    let email = name("email", &posted.body.email)?;
    if posted.call.caller.is_open() {
        let message = "keys are off, so a user's key would protect nothing; start the server with a root key; nothing was changed";
        return Err(VerbError::new(ErrorCode::Forbidden, message));
    }
    let change = MemoryChange::MakeUser { id: Principal(rand::random()), email };
    let MemoryOutcome::User(user) = router.change_memory(&posted.call, change).await? else {
        return Err(odd());
    };
    let wish = KeyWish {
        label: user.email.clone(),
        rights: [Right::Read, Right::Write, Right::Delete].into_iter().collect::<Rights>(),
        reach: Reach::All,
        life: None,
        principal: Some(user.id),
    };
    let (_, secret) = router.create_key(&posted.call, wish).await?;
    let view = UserView {
        id: user.id.to_string(),
        email: user.email,
        api_key: secret.reveal().to_owned(),
        tenant_id: None,
    };
    Ok(answer::json(StatusCode::CREATED, &view))
}

/// Gives a principal a permission on all of these datasets, or on none.
#[utoipa::path(post, path = "/api/v1/permissions/datasets/{principal}", tag = "permissions", request_body = [String],
    params(("principal" = String, Path, description = "User, role or tenant"), ("permission_name" = String, Query, description = "read, write, delete or share")),
    responses((status = 200, body = Object), (status = "default", body = FailureView)))]
pub(crate) async fn grant(
    State(router): State<Router>,
    Path(principal): Path<String>,
    query: Asked,
    posted: Listed<String>,
) -> Verb<Response> {
    let (to, permission, datasets) = shared(&principal, query, &posted.items)?;
    router.change_memory(&posted.call, MemoryChange::Grant { to, permission, datasets }).await?;
    Ok(message("Permission assigned to principal"))
}

/// Takes a permission from a principal on all of these datasets, or on none.
#[utoipa::path(delete, path = "/api/v1/permissions/datasets/{principal}", tag = "permissions", request_body = [String],
    params(("principal" = String, Path, description = "User, role or tenant"), ("permission_name" = String, Query, description = "read, write, delete or share")),
    responses((status = 200, body = Object), (status = "default", body = FailureView)))]
pub(crate) async fn revoke(
    State(router): State<Router>,
    Path(principal): Path<String>,
    query: Asked,
    posted: Listed<String>,
) -> Verb<Response> {
    let (from, permission, datasets) = shared(&principal, query, &posted.items)?;
    router.change_memory(&posted.call, MemoryChange::Revoke { from, permission, datasets }).await?;
    Ok(message("Permission revoked from principal"))
}

/// With whom, what, and which datasets.
fn shared(principal: &str, query: Asked, ids: &[String]) -> Verb<(Principal, Permission, Vec<DatasetId>)> {
    let permission = permission(read(query)?.permission_name)?;
    let principal = uuid("principal", principal)?;
    let datasets = ids.iter().map(|id| uuid("dataset", id)).collect::<Verb<_>>()?;
    Ok((principal, permission, datasets))
}

/// Datasets on which a principal was granted a permission.
#[utoipa::path(get, path = "/api/v1/permissions/principals/{principal}/datasets", tag = "permissions",
    params(("principal" = String, Path, description = "User, role or tenant"), ("permission_name" = String, Query, description = "read, write, delete or share")),
    responses((status = 200, body = [DatasetView]), (status = "default", body = FailureView)))]
pub(crate) async fn granted(
    State(router): State<Router>,
    Path(principal): Path<String>,
    query: Asked,
    Plain(call): Plain,
) -> Verb<Response> {
    let permission = permission(read(query)?.permission_name)?;
    let ask = MemoryAsk::Datasets { of: Some(uuid("principal", &principal)?), permission };
    match router.memory(&call, ask).await? {
        MemoryBody::Datasets(found) => {
            let views: Vec<DatasetView> =
                found.iter().map(|(dataset, _)| DatasetView::from(dataset)).collect();
            Ok(answer::json(StatusCode::OK, &views))
        }
        _ => Err(odd()),
    }
}

/// Makes a role in the caller's current tenant.
#[utoipa::path(post, path = "/api/v1/permissions/roles", tag = "permissions",
    params(("role_name" = String, Query, description = "Unique in the tenant")),
    responses((status = 200, body = Object), (status = "default", body = FailureView)))]
pub(crate) async fn make_role(
    State(router): State<Router>,
    query: Asked,
    Plain(call): Plain,
) -> Verb<Response> {
    let name = name("role_name", &needed("role_name", read(query)?.role_name)?)?;
    let change = MemoryChange::MakeRole { id: Principal(rand::random()), name };
    match router.change_memory(&call, change).await? {
        MemoryOutcome::Role(role) => Ok(answer::json(
            StatusCode::OK,
            &json!({ "message": "Role created for tenant", "role_id": role.id.to_string(), "tenant_id": role.tenant.to_string() }),
        )),
        _ => Err(odd()),
    }
}

async fn done(router: &Router, call: &crate::verb::Call, change: MemoryChange, said: &str) -> Verb<Response> {
    router.change_memory(call, change).await?;
    Ok(message(said))
}

/// Ends a role, with its grants.
#[utoipa::path(delete, path = "/api/v1/permissions/roles/{role}", tag = "permissions",
    params(("role" = String, Path, description = "Its id")),
    responses((status = 200, body = Object), (status = "default", body = FailureView)))]
pub(crate) async fn drop_role(
    State(router): State<Router>,
    Path(role): Path<String>,
    Plain(call): Plain,
) -> Verb<Response> {
    done(&router, &call, MemoryChange::DropRole(uuid("role", &role)?), "Role deleted").await
}

/// Gives a user a role.
#[utoipa::path(post, path = "/api/v1/permissions/users/{user}/roles", tag = "permissions",
    params(("user" = String, Path, description = "Its id"), ("role_id" = String, Query, description = "The role")),
    responses((status = 200, body = Object), (status = "default", body = FailureView)))]
pub(crate) async fn give_role(
    State(router): State<Router>,
    Path(user): Path<String>,
    query: Asked,
    Plain(call): Plain,
) -> Verb<Response> {
    let role = uuid("role_id", &needed("role_id", read(query)?.role_id)?)?;
    done(&router, &call, MemoryChange::GiveRole { user: uuid("user", &user)?, role }, "User added to role")
        .await
}

/// Takes a role from a user.
#[utoipa::path(delete, path = "/api/v1/permissions/users/{user}/roles", tag = "permissions",
    params(("user" = String, Path, description = "Its id"), ("role_id" = String, Query, description = "The role")),
    responses((status = 200, body = Object), (status = "default", body = FailureView)))]
pub(crate) async fn take_role(
    State(router): State<Router>,
    Path(user): Path<String>,
    query: Asked,
    Plain(call): Plain,
) -> Verb<Response> {
    let role = uuid("role_id", &needed("role_id", read(query)?.role_id)?)?;
    done(
        &router,
        &call,
        MemoryChange::TakeRole { user: uuid("user", &user)?, role },
        "User removed from role",
    )
    .await
}

/// Makes a tenant; it becomes the caller's current one.
#[utoipa::path(post, path = "/api/v1/permissions/tenants", tag = "permissions",
    params(("tenant_name" = String, Query, description = "Unique in the account")),
    responses((status = 200, body = Object), (status = "default", body = FailureView)))]
pub(crate) async fn make_tenant(
    State(router): State<Router>,
    query: Asked,
    Plain(call): Plain,
) -> Verb<Response> {
    let name = name("tenant_name", &needed("tenant_name", read(query)?.tenant_name)?)?;
    let change = MemoryChange::MakeTenant { id: Principal(rand::random()), name };
    match router.change_memory(&call, change).await? {
        MemoryOutcome::Tenant(tenant) => {
            let body: Value = json!({ "message": "Tenant created.", "tenant_id": tenant.id.to_string() });
            Ok(answer::json(StatusCode::OK, &body))
        }
        _ => Err(odd()),
    }
}

/// Adds a user to a tenant; its current tenant stays.
#[utoipa::path(post, path = "/api/v1/permissions/users/{user}/tenants", tag = "permissions",
    params(("user" = String, Path, description = "Its id"), ("tenant_id" = String, Query, description = "The tenant")),
    responses((status = 200, body = Object), (status = "default", body = FailureView)))]
pub(crate) async fn add_to_tenant(
    State(router): State<Router>,
    Path(user): Path<String>,
    query: Asked,
    Plain(call): Plain,
) -> Verb<Response> {
    let tenant = uuid("tenant_id", &needed("tenant_id", read(query)?.tenant_id)?)?;
    let change = MemoryChange::AddToTenant { user: uuid("user", &user)?, tenant };
    done(&router, &call, change, "User added to tenant").await
}

/// Takes a user out of a tenant, with its roles and grants there.
#[utoipa::path(delete, path = "/api/v1/permissions/tenants/{tenant}/users/{user}", tag = "permissions",
    params(("tenant" = String, Path, description = "Its id"), ("user" = String, Path, description = "Its id")),
    responses((status = 200, body = Object), (status = "default", body = FailureView)))]
pub(crate) async fn remove_from_tenant(
    State(router): State<Router>,
    Path((tenant, user)): Path<(String, String)>,
    Plain(call): Plain,
) -> Verb<Response> {
    let change =
        MemoryChange::RemoveFromTenant { user: uuid("user", &user)?, tenant: uuid("tenant", &tenant)? };
    done(&router, &call, change, "User removed from tenant").await
}

/// Changes the caller's current tenant.
#[utoipa::path(post, path = "/api/v1/permissions/tenants/select", tag = "permissions", request_body = SelectBody,
    responses((status = 200, body = Object), (status = "default", body = FailureView)))]
pub(crate) async fn select_tenant(
    State(router): State<Router>,
    posted: Posted<SelectBody>,
) -> Verb<Response> {
    let tenant: Option<Principal> =
        posted.body.tenant_id.as_deref().map(|id| uuid("tenant_id", id)).transpose()?;
    router.change_memory(&posted.call, MemoryChange::SelectTenant(tenant)).await?;
    let body = json!({ "message": "Tenant selected.", "tenant_id": tenant.map(|id| id.to_string()) });
    Ok(answer::json(StatusCode::OK, &body))
}
