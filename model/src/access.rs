//! Words for access: accounts, keys, what a key may do, and to which collections it reaches.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalog::{Home, Surface};
use crate::ids::{Account, Stamp};
use crate::uuid::{KeyId, Principal};

/// How every secret that Lacuna makes begins.
pub const SECRET_PREFIX: &str = "lacuna_";
/// Random bytes of a secret.
pub const SECRET_BYTES: usize = 32;

/// One thing that a key may do. None of them implies another.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Get, list, query, count.
    Read,
    /// Upsert and update records.
    Write,
    /// Delete records: by ids, by filter, all of a namespace; and preview that.
    Delete,
    /// Make, change and drop collections, make namespaces, and, with a reach over all collections, keys.
    Admin,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Delete, Self::Admin];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Admin => "admin",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Write => 2,
            Self::Delete => 4,
            Self::Admin => 8,
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rights(u8);

impl Rights {
    /// Every right.
    pub const ALL: Self = Self(15);

    /// Is this one among them?
    pub const fn has(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// Are all of these among them?
    pub const fn covers(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }

    /// None at all?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The rights, in their order.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |right| self.has(*right))
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        Self(rights.into_iter().fold(0, |set, right| set | right.bit()))
    }
}

/// A collection as a key names it: one that is dropped and made anew under its name is the same to the key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CollectionName {
    /// The surface it is made through.
    pub surface: Surface,
    /// Tenant and database, `/`-joined, where the surface has them; else empty.
    pub database: String,
    /// Its name.
    pub name: String,
}

/// Which collections of its account a key reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// All, also those to come.
    All,
    /// Those with these names, whether they exist or not; ascending.
    Only(Vec<CollectionName>),
}

impl Reach {
    /// Does it reach this name? (The account is seen to before.)
    pub fn holds(&self, home: &Home, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names
                .iter()
                .any(|one| one.surface == home.surface && one.database == home.database && one.name == name),
        }
    }

    /// Does it reach whatever the other one does?
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(_), Self::All) => false,
            (Self::Only(mine), Self::Only(theirs)) => theirs.iter().all(|name| mine.contains(name)),
        }
    }
}

/// SHA-256 of a secret. Secrets are 256 random bits, so no salt and no slow hash is needed: there is nothing to
/// guess (docs/adr/0012). Printed in part only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Of a secret's text.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Equal? In a time that doesn't depend on where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// A secret in the clear, on its way to the one who asked for it. Kept nowhere; never printed by `{:?}`.
pub struct Secret(String);

impl Secret {
    /// From random bytes of the operating system.
    pub fn new([high, low]: [[u8; SECRET_BYTES / 2]; 2]) -> Self {
        let (high, low) = (u128::from_be_bytes(high), u128::from_be_bytes(low));
        Self(format!("{SECRET_PREFIX}{high:032x}{low:032x}"))
    }

    /// Its hash.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }

    /// Its text: for the answer to its making, and for nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Could a key have this secret? What couldn't isn't asked for.
pub fn is_secret(text: &str) -> bool {
    text.strip_prefix(SECRET_PREFIX).is_some_and(|rest| {
        rest.len() == 2 * SECRET_BYTES && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountInfo {
    /// Its name.
    pub name: Account,
    /// When it was made; the default one: 0.
    pub created: Stamp,
}

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its id: no secret.
    pub id: KeyId,
    /// The account it belongs to.
    pub account: Account,
    /// The user it belongs to.
    pub principal: Principal,
    /// What people call it.
    pub label: String,
    /// Of its secret.
    pub hash: SecretHash,
    /// What it may do.
    pub rights: Rights,
    /// To which collections.
    pub reach: Reach,
    /// When it was made.
    pub created: Stamp,
    /// From when on it is no good.
    pub expires: Option<Stamp>,
    /// When its secret was last replaced.
    pub rotated: Option<Stamp>,
    /// The secret before, while it is still good.
    pub previous: Option<Previous>,
    /// When it was revoked.
    pub revoked: Option<Stamp>,
}

/// A replaced secret in its time of grace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Of the secret.
    pub hash: SecretHash,
    /// From when on it is no good.
    pub until: Stamp,
}

/// Why a secret is no longer good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The key was revoked.
    Revoked,
    /// The key has expired.
    Expired,
    /// The secret was replaced, and its time of grace is over.
    Replaced,
}

impl Key {
    /// Is it good with the secret of this hash, at this stamp?
    pub fn check(&self, hash: &SecretHash, now: Stamp) -> Result<(), Ended> {
        if self.revoked.is_some() {
            return Err(Ended::Revoked);
        }
        if self.expires.is_some_and(|expires| expires <= now) {
            return Err(Ended::Expired);
        }
        let current = self.hash.matches(hash);
        let in_grace =
            self.previous.is_some_and(|previous| previous.hash.matches(hash) && now < previous.until);
        if current || in_grace { Ok(()) } else { Err(Ended::Replaced) }
    }
}

/// Why a change to accounts or keys did nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum AccessRefusal {
    /// No such account.
    #[error("no such account")]
    NoAccount,
    /// The account's name is taken.
    #[error("there is an account of this name already")]
    AccountExists,
    /// The account has no such key.
    #[error("no such key")]
    NoKey,
    /// The key is revoked or has expired, or its id or secret is another one's.
    #[error("the key is revoked or has expired")]
    KeyEnded,
    /// So many there may be.
    #[error("there are {0} of them already, the most there may be")]
    TooMany(usize),
}

/// A string is no account's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an account's name must be 1 to {} letters, digits, '-', '_' or '.' (ASCII)", Account::MAX_BYTES)]
pub struct BadAccount;

impl Account {
    /// Longest name in bytes.
    pub const MAX_BYTES: usize = 64;
}

impl FromStr for Account {
    type Err = BadAccount;

    fn from_str(text: &str) -> Result<Self, BadAccount> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if text.is_empty() || text.len() > Self::MAX_BYTES || !text.bytes().all(fits) {
            return Err(BadAccount);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key {
            id: KeyId(1),
            account: Account::default(),
            principal: Principal(2),
            label: "k".to_owned(),
            hash: SecretHash::of("now"),
            rights: Rights::ALL,
            reach: Reach::All,
            created: Stamp(0),
            expires: Some(Stamp(100)),
            rotated: None,
            previous: Some(Previous { hash: SecretHash::of("before"), until: Stamp(50) }),
            revoked: None,
        }
    }

    #[test]
    fn a_secret_is_good_until_it_expires_is_replaced_or_revoked() {
        let check = |key: &Key, secret: &str, now| key.check(&SecretHash::of(secret), Stamp(now));
        assert_eq!(check(&key(), "now", 99), Ok(()));
        assert_eq!(check(&key(), "now", 100), Err(Ended::Expired));
        assert_eq!(check(&key(), "before", 49), Ok(()));
        assert_eq!(check(&key(), "before", 50), Err(Ended::Replaced));
        assert_eq!(check(&key(), "another", 1), Err(Ended::Replaced));
        assert_eq!(check(&Key { revoked: Some(Stamp(1)), ..key() }, "now", 1), Err(Ended::Revoked));
    }

    #[test]
    fn rights_are_a_set_and_none_implies_another() {
        for right in Right::ALL {
            let one: Rights = [right].into_iter().collect();
            assert_eq!(one.iter().collect::<Vec<_>>(), [right]);
            assert!(Rights::ALL.covers(one) && !one.covers(Rights::ALL));
        }
        assert!(Rights::default().is_empty() && Rights::ALL.covers(Rights::default()));
        assert_eq!(Right::ALL.into_iter().collect::<Rights>(), Rights::ALL);
    }

    #[test]
    fn a_reach_names_surface_database_and_name() {
        let named = |surface, database: &str, name: &str| CollectionName {
            surface,
            database: database.to_owned(),
            name: name.to_owned(),
        };
        let home = |surface, database: &str| Home {
            account: Account::default(),
            surface,
            database: database.to_owned(),
        };
        let only = Reach::Only(vec![named(Surface::Chroma, "t/d", "a")]);
        assert!(only.holds(&home(Surface::Chroma, "t/d"), "a"));
        assert!(!only.holds(&home(Surface::Chroma, "t/d"), "b"));
        assert!(!only.holds(&home(Surface::Chroma, "t/e"), "a"));
        assert!(!only.holds(&home(Surface::Native, "t/d"), "a"));
        assert!(Reach::All.covers(&only) && only.covers(&only) && !only.covers(&Reach::All));
        assert!(!only.covers(&Reach::Only(vec![named(Surface::Chroma, "t/d", "b")])));
    }

    #[test]
    fn a_secret_is_told_by_its_form_and_its_hash_is_sha_256() {
        let secret = Secret::new([[0xab; SECRET_BYTES / 2]; 2]);
        let text = secret.reveal();
        assert_eq!((secret.hash(), format!("{secret:?}").as_str()), (SecretHash::of(text), "Secret(…)"));
        assert!(is_secret(text) && text.starts_with("lacuna_abab"));
        for other in ["", "lacuna_", "lacuna_ab", &text[1..], &format!("{text}0"), &text.replace('b', "g")] {
            assert!(!is_secret(other), "{other}");
        }
        let known = [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea];
        assert_eq!(SecretHash::of("abc").0[..8], known, "the published value");
        assert_eq!(format!("{:?}", SecretHash::of("abc")), "SecretHash(ba78…)");
        assert!(SecretHash::of("abc").matches(&SecretHash::of("abc")));
        assert!(!SecretHash::of("abc").matches(&SecretHash::of("abd")));
    }

    #[test]
    fn an_account_has_a_plain_name() {
        assert_eq!("a-b_c.9".parse(), Ok(Account("a-b_c.9".to_owned())));
        for wrong in ["", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert_eq!(wrong.parse::<Account>(), Err(BadAccount), "{wrong}");
        }
    }
}
