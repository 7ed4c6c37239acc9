//! `lacuna key`.

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::every_command::Common;
use super::target::{Target, print_json};
use crate::exit::Ending;

/// Make, list, rotate and revoke keys of an account.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A key's secret is shown once, when it is made or rotated; Lacuna keeps only its hash. An answer to a rotation without
grace and to a revocation takes 3 s: then the old secret is no good through any router.

Examples:
  lacuna key create ingest --right read --right write
  lacuna key create cleaner --right delete --collection papers --expires-in 30d
  lacuna key create vectors --right read --collection chroma:default_tenant/default_database/docs
  lacuna key list
  lacuna key rotate 123e4567-e89b-12d3-a456-426614174000 --grace 1h
  lacuna key revoke 123e4567-e89b-12d3-a456-426614174000")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Right {
    Read,
    Write,
    Delete,
    Admin,
}

impl Right {
    fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Admin => "admin",
        }
    }
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key; its secret is shown this once.
    Create {
        /// What you call it.
        name: String,
        /// What it may do; none implies another. Give it several times.
        #[arg(long = "right", short, value_enum, required = true)]
        rights: Vec<Right>,
        /// A collection it reaches: NAME, or SURFACE:[DATABASE/]NAME. Give it several times; without it: all.
        #[arg(long = "collection", short, value_name = "COLLECTION")]
        collections: Vec<String>,
        /// How long it is good: 90s, 30m, 12h, 30d; without it: until it is revoked.
        #[arg(long, value_name = "TIME")]
        expires_in: Option<String>,
        /// The user it belongs to, a UUID.
        #[arg(long, value_name = "UUID")]
        principal: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// List the account's keys, without their secrets.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Give a key another secret; it is shown this once.
    Rotate {
        /// The key's id.
        id: String,
        /// How long the old secret stays good: 90s, 30m, 12h, 30d; without it: no longer.
        #[arg(long, value_name = "TIME")]
        grace: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Revoke a key.
    Revoke {
        /// The key's id.
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

pub(super) async fn run(args: Args, common: &Common) -> anyhow::Result<Ending> {
    match args.verb {
        Verb::Create { name, rights, collections, expires_in, principal, target } => {
            let rights: Vec<&str> = rights.into_iter().map(Right::as_str).collect();
            let mut body = json!({"name": name, "rights": rights});
            if !collections.is_empty() {
                let named: Vec<Value> =
                    collections.iter().map(|text| reached(text)).collect::<Result<_, _>>()?;
                body["collections"] = named.into();
            }
            if let Some(time) = expires_in {
                body["expires_in_s"] = seconds(&time)?.into();
            }
            if let Some(principal) = principal {
                body["principal"] = principal.into();
            }
            let answer = target.client(common)?.post(&["v1", "keys"], &body).await?;
            made(&answer.body, &target, "made");
        }
        Verb::List { target } => {
            let answer = target.client(common)?.get(&["v1", "keys"]).await?;
            if target.json {
                print_json(&answer.body);
            } else {
                list(&answer.body);
            }
        }
        Verb::Rotate { id, grace, target } => {
            let grace = grace.as_deref().map(seconds).transpose()?.unwrap_or(0);
            let body = json!({"grace_s": grace});
            let answer = target.client(common)?.post(&["v1", "keys", &id, "rotate"], &body).await?;
            made(&answer.body, &target, "rotated");
        }
        Verb::Revoke { id, target } => {
            let answer = target.client(common)?.delete(&["v1", "keys", &id]).await?;
            if target.json {
                print_json(&answer.body);
            } else {
                println!("key {} is revoked: it is no good through any router", words(&answer.body));
            }
        }
    }
    Ok(Ending::Complete)
}

fn made(body: &Value, target: &Target, what: &str) {
    if target.json {
        print_json(body);
        return;
    }
    let rights = text_list(&body["key"]["rights"]);
    println!("key {} {what}: {rights}", words(&body["key"]));
    println!("secret: {}", body["secret"].as_str().unwrap_or_default());
    println!("It is shown this once and kept nowhere.");
}

fn words(key: &Value) -> String {
    format!("{} ({:?})", key["id"].as_str().unwrap_or_default(), key["name"].as_str().unwrap_or_default())
}

fn text_list(list: &Value) -> String {
    let texts: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    texts.join(",")
}

fn list(body: &Value) {
    println!("{:<36} {:<20} {:<24} {:<8} collections", "id", "name", "rights", "state");
    for key in body["keys"].as_array().into_iter().flatten() {
        let collections = match key["collections"].as_array() {
            None => "all".to_owned(),
            Some(named) => named.iter().map(place).collect::<Vec<_>>().join(" "),
        };
        println!(
            "{:<36} {:<20} {:<24} {:<8} {collections}",
            key["id"].as_str().unwrap_or_default(),
            key["name"].as_str().unwrap_or_default(),
            text_list(&key["rights"]),
            if key["revoked_ms"].is_null() { "" } else { "revoked" },
        );
    }
}

fn place(named: &Value) -> String {
    let text = |field: &str| named[field].as_str().unwrap_or_default();
    match (text("surface"), text("database")) {
        ("native", _) => text("name").to_owned(),
        (surface, "") => format!("{surface}:{}", text("name")),
        (surface, database) => format!("{surface}:{database}/{}", text("name")),
    }
}

/// Reads `NAME`, `SURFACE:NAME`, `SURFACE:DATABASE/NAME`.
fn reached(text: &str) -> anyhow::Result<Value> {
    let (surface, rest) = text.split_once(':').unwrap_or(("native", text));
    let (database, name) = rest.rsplit_once('/').unwrap_or(("", rest));
    if name.is_empty() || surface.is_empty() {
        bail!("{text:?} is no collection; expected NAME or SURFACE:[DATABASE/]NAME. Nothing was changed.");
    }
    let mut one = Map::from_iter([("name".to_owned(), name.into()), ("surface".to_owned(), surface.into())]);
    if !database.is_empty() {
        one.insert("database".to_owned(), database.into());
    }
    Ok(Value::Object(one))
}

/// Reads `90s`, `30m`, `12h`, `30d`.
fn seconds(text: &str) -> anyhow::Result<u64> {
    let expected = || format!("{text:?} is no time; expected 90s, 30m, 12h or 30d. Nothing was changed.");
    let unit = text.chars().next_back().with_context(expected)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => bail!(expected()),
    };
    let number: u64 = text[..text.len() - 1].parse().ok().with_context(expected)?;
    number.checked_mul(factor).with_context(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_collections_are_read_or_refused_with_what_was_expected() {
        assert_eq!((seconds("90s").unwrap(), seconds("12h").unwrap()), (90, 43_200));
        for bad in ["", "s", "12", "1w", "-1s", "999999999999999999999d", "99999999999999999d"] {
            assert!(seconds(bad).unwrap_err().to_string().contains("30d"), "{bad}");
        }
        assert_eq!(reached("papers").unwrap(), json!({"surface": "native", "name": "papers"}));
        let chroma = json!({"surface": "chroma", "database": "t/d", "name": "docs"});
        assert_eq!(reached("chroma:t/d/docs").unwrap(), chroma);
        assert!(reached("chroma:").is_err() && reached("").is_err());
    }
}
