//! What a principal may do with a dataset.

use serde::{Deserialize, Serialize};

/// One permission on a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// List, search, fetch raw files.
    Read,
    /// Add and replace items.
    Write,
    /// Forget in any form.
    Delete,
    /// Grant and revoke.
    Share,
}

impl Permission {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Delete, Self::Share];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Share => "share",
        }
    }

    /// By its name on the wire.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == name)
    }

    fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Write => 2,
            Self::Delete => 4,
            Self::Share => 8,
        }
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Permissions(u8);

impl Permissions {
    /// None.
    pub const NONE: Self = Self(0);
    /// All four: what a dataset's creator begins with.
    pub const ALL: Self = Self(15);

    /// Is this one among them?
    pub fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Is none among them?
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// With one more.
    #[must_use]
    pub fn with(self, permission: Permission) -> Self {
        Self(self.0 | permission.bit())
    }

    /// Without one.
    #[must_use]
    pub fn without(self, permission: Permission) -> Self {
        Self(self.0 & !permission.bit())
    }

    /// Those of either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_permission_is_apart_from_the_others() {
        for permission in Permission::ALL {
            assert_eq!(Permission::named(permission.name()), Some(permission));
            let only = Permissions::NONE.with(permission);
            let has: Vec<_> = Permission::ALL.into_iter().filter(|other| only.has(*other)).collect();
            assert_eq!(has, [permission]);
            assert!(!Permissions::ALL.without(permission).has(permission));
            assert_eq!(Permissions::ALL.without(permission).or(only), Permissions::ALL);
        }
        assert_eq!(Permission::named("own"), None);
    }
}
