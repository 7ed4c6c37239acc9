//! Bodies of requests and answers about keys and accounts.

use lacuna_model::Stamp;
use lacuna_model::access::{AccountInfo, CollectionName, Key, Reach, Right};
use lacuna_model::catalog::Surface;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Makes a key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKeyBody {
    /// What people call it: 1 to 128 bytes.
    pub name: String,
    /// What it may do: any of read, write, delete, admin. None implies another.
    pub rights: Vec<Right>,
    /// The collections it reaches, whether they exist or not; missing: all, also those to come.
    #[serde(default)]
    pub collections: Option<Vec<ReachedBody>>,
    /// Seconds until it is no good any more; missing: until it is revoked.
    #[serde(default)]
    pub expires_in_s: Option<u64>,
    /// The user it belongs to, a UUID; missing: a new one's if the root key asks, else the asking key's.
    #[serde(default)]
    pub principal: Option<String>,
}

/// A collection by its names.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReachedBody {
    /// native (if missing), chroma, pinecone, moorcheh or cognee.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub surface: Option<Surface>,
    /// Chroma: `tenant/database`; else missing.
    #[serde(default)]
    pub database: Option<String>,
    /// Its name.
    pub name: String,
}

/// Gives a key another secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateKeyBody {
    /// Seconds that the old secret stays good, at most 30 days; missing or 0: it ends now.
    #[serde(default)]
    pub grace_s: Option<u64>,
}

/// Makes an account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAccountBody {
    /// 1 to 64 letters, digits, `-`, `_` or `.`.
    pub name: String,
}

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// Its id: no secret.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The account it belongs to.
    pub account: String,
    /// The user it belongs to.
    pub principal: String,
    /// What it may do.
    pub rights: Vec<Right>,
    /// The collections it reaches; null: all.
    pub collections: Option<Vec<ReachedView>>,
    /// When it was made, ms since the Unix epoch.
    pub created_ms: u64,
    /// From when on it is no good.
    pub expires_ms: Option<u64>,
    /// When its secret was last replaced.
    pub rotated_ms: Option<u64>,
    /// Until when the secret before is good.
    pub previous_until_ms: Option<u64>,
    /// When it was revoked.
    pub revoked_ms: Option<u64>,
}

/// A collection that a key reaches.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReachedView {
    /// The surface it is made through.
    #[schema(value_type = String)]
    pub surface: Surface,
    /// Tenant and database, or empty.
    pub database: String,
    /// Its name.
    pub name: String,
}

/// A key made or rotated.
#[derive(Serialize, ToSchema)]
pub struct MadeKeyView {
    /// The key.
    pub key: KeyView,
    /// Its secret, told this once.
    pub secret: String,
}

/// The account's keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeysView {
    /// Oldest first.
    pub keys: Vec<KeyView>,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    /// Its name.
    pub name: String,
    /// When it was made, ms since the Unix epoch; of `default`: 0.
    pub created_ms: u64,
}

/// All accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountsView {
    /// By name.
    pub accounts: Vec<AccountView>,
}

impl From<&Key> for KeyView {
    fn from(key: &Key) -> Self {
        let ms = |stamp: Stamp| stamp.0 / 1_000;
        Self {
            id: key.id.to_string(),
            name: key.label.clone(),
            account: key.account.0.clone(),
            principal: key.principal.to_string(),
            rights: key.rights.iter().collect(),
            collections: match &key.reach {
                Reach::All => None,
                Reach::Only(names) => Some(names.iter().map(ReachedView::from).collect()),
            },
            created_ms: ms(key.created),
            expires_ms: key.expires.map(ms),
            rotated_ms: key.rotated.map(ms),
            previous_until_ms: key.previous.map(|previous| ms(previous.until)),
            revoked_ms: key.revoked.map(ms),
        }
    }
}

impl From<&CollectionName> for ReachedView {
    fn from(named: &CollectionName) -> Self {
        Self { surface: named.surface, database: named.database.clone(), name: named.name.clone() }
    }
}

impl From<&AccountInfo> for AccountView {
    fn from(account: &AccountInfo) -> Self {
        Self { name: account.name.0.clone(), created_ms: account.created.0 / 1_000 }
    }
}
