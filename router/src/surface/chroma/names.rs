//! Names in paths: tenants, databases, and collections by name or by UUID.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use lacuna_model::catalog::{CollectionRef, DatabaseName, Home, Resolved, Surface};
use lacuna_model::error::ErrorCode;
use lacuna_model::uuid::BadUuid;
use lacuna_model::{CollectionId, NamespaceName, Uuid};

use crate::app::Router;
use crate::catalog::Fresh;
use crate::core::Target;
use crate::error::{Verb, VerbError};
use crate::surface::chroma::errors::{NOTHING, no_collection};
use crate::verb::Call;
use crate::verb::caller::Caller;

/// Shortest and longest name, bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=512;
/// What a collection's UUID begins with; then come the version (8: free form), the id's high byte, the
/// variant, and the id's other bytes.
const PATTERN: [u8; 6] = *b"lacuna";
const VERSION: u8 = 0x80;
const VARIANT: u8 = 0x80;

/// `…/tenants/{tenant}`.
pub(super) struct TenantAt(pub(super) String);

/// `…/databases/{database}`.
pub(super) struct DatabaseAt {
    pub(super) tenant: String,
    pub(super) name: String,
    /// Where its collections' names are unique.
    pub(super) home: Home,
}

/// `…/collections/{collection}`: a name or a UUID, whichever the route takes.
pub(super) struct CollectionAt {
    pub(super) database: DatabaseAt,
    pub(super) text: String,
}

/// A collection that a call works on.
pub(super) struct Found {
    pub(super) target: Target,
    pub(super) resolved: Arc<Resolved>,
    uuid: String,
}

impl FromRequestParts<Router> for TenantAt {
    type Rejection = VerbError;

    async fn from_request_parts(parts: &mut Parts, router: &Router) -> Verb<Self> {
        let [tenant] = names(parts, router, ["tenant"]).await?;
        Ok(Self(tenant))
    }
}

impl FromRequestParts<Router> for DatabaseAt {
    type Rejection = VerbError;

    async fn from_request_parts(parts: &mut Parts, router: &Router) -> Verb<Self> {
        let [tenant, name] = names(parts, router, ["tenant", "database"]).await?;
        let account = Caller::from_request_parts(parts, router).await?.account;
        let named = DatabaseName { account, tenant, name };
        let home = named.home(Surface::Chroma);
        Ok(Self { tenant: named.tenant, name: named.name, home })
    }
}

impl FromRequestParts<Router> for CollectionAt {
    type Rejection = VerbError;

    async fn from_request_parts(parts: &mut Parts, router: &Router) -> Verb<Self> {
        let [text] = names(parts, router, ["collection"]).await?;
        Ok(Self { database: DatabaseAt::from_request_parts(parts, router).await?, text })
    }
}

/// Parts of the path, decoded.
async fn names<const N: usize>(parts: &mut Parts, router: &Router, wanted: [&str; N]) -> Verb<[String; N]> {
    let given = RawPathParams::from_request_parts(parts, router).await;
    let given = given.map_err(|error| VerbError::argument(format!("the path: {error}; {NOTHING}")))?;
    Ok(wanted.map(|name| {
        let found = given.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.to_owned()).unwrap_or_default()
    }))
}

impl DatabaseAt {
    /// A collection by its name.
    pub(super) fn named(&self, name: &str) -> CollectionRef {
        CollectionRef::Name(self.home.clone(), name.to_owned())
    }
}

impl CollectionAt {
    /// The collection with the UUID in the path, if it is in the database in the path.
    pub(super) async fn find(self, router: &Router, call: &Call) -> Verb<Found> {
        self.look(router, call, Fresh::Leased).await
    }

    /// The same, as it is now.
    pub(super) async fn find_anew(self, router: &Router, call: &Call) -> Verb<Found> {
        self.look(router, call, Fresh::Asked).await
    }

    async fn look(self, router: &Router, call: &Call, fresh: Fresh) -> Verb<Found> {
        let unknown = || no_collection(&self.text);
        let account = self.database.home.account.clone();
        let id = collection_id(&self.text)?.ok_or_else(unknown)?;
        let target = Target {
            collection: CollectionRef::Id(account.clone(), id),
            account,
            namespace: NamespaceName::default(),
        };
        let resolved = router.core().find(&target, call, fresh).await;
        let resolved = resolved.map_err(|error| gone(error, &self.text))?;
        if resolved.collection.home != self.database.home {
            return Err(unknown());
        }
        Ok(Found { target, resolved, uuid: self.text })
    }
}

impl Found {
    /// What a verb answered, with a collection that has gone meanwhile named as the client named it.
    pub(super) fn said<T>(&self, answer: Verb<T>) -> Verb<T> {
        answer.map_err(|error| gone(error, &self.uuid))
    }
}

/// A collection that isn't there, named as the client named it.
pub(super) fn gone(error: VerbError, shown: &str) -> VerbError {
    if error.code == ErrorCode::NotFound { no_collection(shown) } else { error }
}

/// A collection's UUID.
pub(super) fn collection_uuid(id: CollectionId) -> String {
    let [high, low @ ..] = id.0.to_be_bytes();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&PATTERN);
    bytes[6] = VERSION;
    bytes[7] = high;
    bytes[8] = VARIANT;
    bytes[9..].copy_from_slice(&low);
    Uuid(u128::from_be_bytes(bytes)).to_string()
}

/// The collection that a UUID names; `None`: one that no collection here can have. What is no UUID is refused.
fn collection_id(text: &str) -> Verb<Option<CollectionId>> {
    let uuid: Uuid = text
        .parse()
        .map_err(|error: BadUuid| VerbError::argument(format!("a collection's id: {error}; {NOTHING}")))?;
    let bytes = uuid.0.to_be_bytes();
    let ours = bytes[..6] == PATTERN && bytes[6] == VERSION && bytes[8] == VARIANT;
    let mut id = [0; 8];
    id[0] = bytes[7];
    id[1..].copy_from_slice(&bytes[9..]);
    Ok(ours.then(|| CollectionId(u64::from_be_bytes(id))))
}

/// A name of a collection or database: 400 unless it keeps to Chroma's rule.
pub(super) fn check_name(what: &str, name: &str) -> Verb<()> {
    let wrong = if !LENGTHS.contains(&name.len()) {
        format!("{} bytes long", name.len())
    } else if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        "with other characters".to_owned()
    } else if !name.starts_with(alphanumeric) || !name.ends_with(alphanumeric) {
        "with neither letter nor digit at an end".to_owned()
    } else if name.contains("..") {
        "with two consecutive periods".to_owned()
    } else if name.parse::<Ipv4Addr>().is_ok() {
        "that is an IPv4 address".to_owned()
    } else {
        return Ok(());
    };
    Err(VerbError::argument(format!(
        "Expected a {what} name that (1) contains 3-512 characters from [a-zA-Z0-9._-], (2) starts and ends with a \
         character in [a-zA-Z0-9], (3) has no two consecutive periods and (4) is no IPv4 address; got one {wrong}: \
         \"{}\"; {NOTHING}",
        shown(name)
    ))
    .with("field", "name"))
}

/// A tenant's or database's name in a path or body: too short is refused before it is looked for.
pub(super) fn check_length(what: &str, name: &str) -> Verb<()> {
    if LENGTHS.contains(&name.len()) {
        return Ok(());
    }
    let message =
        format!("a {what}'s name must have 3 to 512 characters, got \"{}\"; {NOTHING}", shown(name));
    Err(VerbError::argument(message).with("field", "name"))
}

fn alphanumeric(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

/// A client's word, cut so that a message stays a message.
fn shown(word: &str) -> String {
    word.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_gives_back_its_collection() {
        for id in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            let text = collection_uuid(CollectionId(id));
            assert_eq!(text.len(), 36);
            assert_eq!(&text[14..15], "8", "version");
            assert_eq!(collection_id(&text).expect("a UUID"), Some(CollectionId(id)));
            assert_eq!(collection_id(&text.to_uppercase()).expect("a UUID"), Some(CollectionId(id)));
        }
        assert_eq!(collection_uuid(CollectionId(1)), "6c616375-6e61-8000-8000-000000000001");
    }

    #[test]
    fn another_uuid_names_nothing_and_what_is_none_is_refused() {
        let other = collection_id("7d1ba2c1-6e24-4d34-9e4b-0a0a54b6cfe1").expect("a UUID");
        assert_eq!(other, None);
        for text in
            ["", "docs", "6c616375-6e61-8000-8000-00000000000", "6c616375-6e61-8000-8000-00000000000g", "é"]
        {
            assert!(collection_id(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_keep_to_the_rule() {
        for good in ["abc", "a.b", "A-1_z", "1.2.3.4.5", &"x".repeat(512)] {
            assert!(check_name("collection", good).is_ok(), "{good}");
        }
        for bad in ["", "ab", "a..b", "-ab", "ab-", "a b", "a/b", "äbc", "127.0.0.1", &"x".repeat(513)] {
            assert!(check_name("collection", bad).is_err(), "{bad}");
        }
    }
}
