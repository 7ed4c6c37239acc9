//! Settings that are secrets: told to those who need them, shown to nobody.

use std::fmt;
use std::path::Path;

use anyhow::{Context, bail};
use lacuna_model::access::SecretHash;
use serde::{Deserialize, Serialize, Serializer};

use super::Settings;

/// Shortest root key, bytes.
const MIN_ROOT_KEY: usize = 16;

/// A secret as a setting; empty: none is given. It is shown as `set` or as nothing.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// How a secret is shown that is given.
    pub(crate) const SET: &'static str = "set";

    /// The secret, if there is one.
    pub(crate) fn given(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|text| !text.is_empty())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "unset" } else { Self::SET })
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { Self::SET })
    }
}

/// A secret given in so many words, or in a file; at most one of the two.
fn secret(given: &Secret, file: &Path, (name, file_name): (&str, &str)) -> anyhow::Result<Option<String>> {
    match (given.given(), file.as_os_str().is_empty()) {
        (Some(_), false) => {
            bail!("{name} and {file_name} are both given; give one. Nothing was started or changed.")
        }
        (Some(secret), true) => Ok(Some(secret.trim().to_owned())),
        (None, true) => Ok(None),
        (None, false) => {
            let text = std::fs::read_to_string(file).with_context(|| {
                format!("{file_name}: {} can't be read. Nothing was started or changed.", file.display())
            })?;
            let secret = text.trim();
            if secret.is_empty() {
                bail!("{file_name}: {} is empty. Nothing was started or changed.", file.display());
            }
            Ok(Some(secret.to_owned()))
        }
    }
}

/// The root key's hash; `None`: keys are off.
pub(crate) fn root_key(settings: &Settings) -> anyhow::Result<Option<SecretHash>> {
    let names = ("root_key", "root_key_file");
    let Some(key) = secret(&settings.root_key, &settings.root_key_file, names)? else { return Ok(None) };
    if key.len() < MIN_ROOT_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!(
            "the root key must have {MIN_ROOT_KEY} or more printable ASCII characters without spaces, better 64 random \
             ones (openssl rand -hex 32), got {} bytes. Nothing was started.",
            key.len()
        );
    }
    Ok(Some(SecretHash::of(&key)))
}

/// The key that data verbs send.
pub(crate) fn client_key(settings: &Settings) -> anyhow::Result<Option<String>> {
    secret(&settings.key, &settings.key_file, ("key", "key_file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_as_set_and_taken_from_one_place_only() {
        let secret_of = |text: &str| Secret(text.to_owned());
        let (none, some) = (secret_of(""), secret_of("hush"));
        assert_eq!((format!("{none:?}"), format!("{some:?}")), ("unset".to_owned(), "set".to_owned()));
        assert_eq!(serde_json::to_value(&some).unwrap(), "set");
        let file = tempfile::NamedTempFile::new().unwrap();
        let names = ("key", "key_file");
        assert_eq!(secret(&none, Path::new(""), names).unwrap(), None);
        assert_eq!(secret(&some, Path::new(""), names).unwrap().as_deref(), Some("hush"));
        assert!(secret(&none, file.path(), names).unwrap_err().to_string().contains("is empty"));
        std::fs::write(file.path(), "in the file\n").unwrap();
        assert_eq!(secret(&none, file.path(), names).unwrap().as_deref(), Some("in the file"));
        let both = secret(&some, file.path(), names).unwrap_err().to_string();
        assert!(both.contains("both given") && !both.contains("hush"), "{both}");
    }
}
