//! Ids that are shown as UUIDs. Made at random by a router or given by a client; inside they are 128 bits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A string is no UUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a UUID such as 123e4567-e89b-12d3-a456-426614174000, got {0:?}")]
pub struct BadUuid(pub String);

/// Writes 128 bits as a UUID: 8-4-4-4-12 hexadecimal digits in lower case.
fn write_uuid(bits: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let hex = format!("{bits:032x}");
    write!(f, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Reads a UUID: with its four hyphens, or without any; either case.
fn read_uuid(text: &str) -> Result<u128, BadUuid> {
    let bad = || BadUuid(text.chars().take(64).collect());
    let hyphens: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
    if !(hyphens.is_empty() || hyphens == [8, 13, 18, 23]) {
        return Err(bad());
    }
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(bad());
    }
    u128::from_str_radix(&digits, 16).map_err(|_| bad())
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u128);
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(self.0, f)
            }
        }
        impl FromStr for $name {
            type Err = BadUuid;
            fn from_str(text: &str) -> Result<Self, BadUuid> {
                read_uuid(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// Who may do something: a user, a role or a tenant. A key belongs to one.
    Principal
);
uuid_id!(
    /// A dataset of a memory collection.
    DatasetId
);
uuid_id!(
    /// A data item: what holds references on records.
    ItemId
);
uuid_id!(
    /// A key, told from others in lists and logs: no secret.
    KeyId
);
uuid_id!(
    /// The account of a forget, kept for good.
    ReceiptId
);
uuid_id!(
    /// A UUID by itself: what a surface shows for something that has another id inside.
    Uuid
);

impl Principal {
    /// The root user: it holds the key given at start-up (or is everybody, where keys are off) and passes every
    /// check of rights.
    pub const ROOT: Self = Self(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_read_as_it_is_written_and_nothing_else_is_one() {
        let id = DatasetId(0x123e_4567_e89b_12d3_a456_4266_1417_4000);
        assert_eq!(id.to_string(), "123e4567-e89b-12d3-a456-426614174000");
        assert_eq!("123E4567-E89B-12D3-A456-426614174000".parse(), Ok(id));
        assert_eq!("123e4567e89b12d3a456426614174000".parse(), Ok(id));
        for wrong in
            ["", "1", "123e4567-e89b-12d3-a456-42661417400g", "123e4567e89b-12d3-a456-426614174000", "-"]
        {
            assert!(wrong.parse::<DatasetId>().is_err(), "{wrong}");
        }
        assert!("+23e4567e89b12d3a456426614174000".parse::<DatasetId>().is_err());
    }
}
