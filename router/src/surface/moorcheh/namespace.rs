//! A namespace here is a collection of its own; what its name stands for, and what is kept with it.

use lacuna_model::catalog::{Collection, CollectionRef, Home, Surface};
use lacuna_model::error::ErrorCode;
use lacuna_model::record::Kind;
use lacuna_model::{Account, NamespaceName};
use serde::{Deserialize, Serialize};

use crate::app::Router;
use crate::catalog::Fresh;
use crate::core::Target;
use crate::error::{Verb, VerbError};
use crate::surface::moorcheh::failure::{Code, refused};
use crate::verb::Call;

/// Longest name, characters.
const MAX_NAME: usize = 128;

/// What is kept with a namespace.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Extra {
    /// Tells this making from another one of the same name, should its answer be lost.
    pub(super) made: String,
    /// What embeds its texts; `None` in one of vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) embedder: Option<String>,
}

/// A namespace that is there.
pub(super) struct Namespace {
    pub(super) name: String,
    /// The collection by its id: whatever the name means by then, this is the one that was judged.
    pub(super) target: Target,
    pub(super) collection: Collection,
}

/// The type that a route is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// Either.
    Any,
    /// This one; and the route (or way) for the other.
    Only(Kind, &'static str),
}

/// May it be a namespace's name?
pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

pub(super) fn home(account: &Account) -> Home {
    Home { account: account.clone(), surface: Surface::Moorcheh, database: String::new() }
}

/// What the name means, whatever that is by then.
pub(super) fn by_name(account: &Account, name: &str) -> Target {
    let collection = CollectionRef::Name(home(account), name.to_owned());
    Target { account: account.clone(), collection, namespace: NamespaceName::default() }
}

pub(super) fn not_found(name: &str) -> VerbError {
    refused(Code::NamespaceNotFound, &format!("there is no namespace '{name}'"))
}

/// A type's name.
pub(super) fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        // Sparse ones are made by no route here.
        Kind::Vector | Kind::Sparse => "vector",
    }
}

impl Namespace {
    pub(super) fn of(collection: Collection) -> Self {
        let account = collection.home.account.clone();
        let target = Target {
            collection: CollectionRef::Id(account.clone(), collection.id),
            account,
            namespace: NamespaceName::default(),
        };
        Self { name: collection.name.clone(), target, collection }
    }

    pub(super) fn kind(&self) -> Kind {
        self.collection.schema.kind
    }

    /// Components of its vectors.
    pub(super) fn dimension(&self) -> usize {
        self.collection.schema.dimension.unwrap_or(0) as usize
    }

    fn check(&self, wanted: Wanted) -> Verb<()> {
        match wanted {
            Wanted::Only(kind, other) if kind != self.kind() => {
                let (name, is) = (&self.name, type_name(self.kind()));
                let other = other.replace("{ns}", name);
                Err(refused(
                    Code::WrongNamespaceType,
                    &format!("namespace '{name}' is of type '{is}'; use {other}"),
                ))
            }
            Wanted::Only(..) | Wanted::Any => Ok(()),
        }
    }

    /// Texts are only compared with those of the same embedder.
    pub(super) fn check_embedder(&self, running: &str) -> Verb<()> {
        let extra: Extra = serde_json::from_str(&self.collection.extra).unwrap_or_default();
        let made = extra.embedder.unwrap_or_default();
        if made == running {
            return Ok(());
        }
        let words = format!(
            "the texts of namespace '{}' are embedded by '{made}', but this server runs '{running}': their vectors \
             can't be compared. Run the first one again, or upload the texts into a new namespace. Reading and \
             deleting by id work",
            self.name
        );
        Err(refused(Code::Unsupported, &words))
    }
}

/// Looks a name up: first under the catalog's lease; if what it stood for turns out to be gone, once more anew.
pub(super) struct Lookup(Fresh);

impl Lookup {
    pub(super) fn new() -> Self {
        Self::at(Fresh::Leased)
    }

    pub(super) fn at(fresh: Fresh) -> Self {
        Self(fresh)
    }

    pub(super) async fn up(
        &mut self,
        (router, call): (&Router, &Call),
        name: &str,
        wanted: Wanted,
    ) -> Verb<Namespace> {
        loop {
            let found = Self::find((router, call), name, self.0).await?;
            match found.check(wanted) {
                // The lease may be older than a namespace of that name and another type.
                Err(_) if self.0 == Fresh::Leased => self.0 = Fresh::Asked,
                checked => return checked.map(|()| found),
            }
        }
    }

    async fn find((router, call): (&Router, &Call), name: &str, fresh: Fresh) -> Verb<Namespace> {
        if !is_name(name) {
            return Err(not_found(name));
        }
        let target = by_name(&call.caller.account, name);
        let found = router.known_collection(call, &target.collection, fresh).await;
        found
            .map(Namespace::of)
            .map_err(|error| if error.code == ErrorCode::NotFound { not_found(name) } else { error })
    }

    /// Did the work fail because the namespace is gone, and may the name mean another one now?
    pub(super) fn again(&mut self, error: &VerbError) -> bool {
        let again = error.code == ErrorCode::NotFound && self.0 == Fresh::Leased;
        self.0 = Fresh::Asked;
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_the_contracts_alphabet() {
        for name in ["a", "A-b_9", &"x".repeat(128)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "a b", "a/b", "ä", "a.b", &"x".repeat(129)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
