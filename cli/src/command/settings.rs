//! `lacuna config`.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::every_command::Common;
use crate::config::secret::Secret;
use crate::config::{KEYS, Kind, Overrides};
use crate::exit::Ending;

/// Print the resulting settings and where each came from.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The weakest first: defaults, the file (--config or LACUNA_CONFIG), the environment (LACUNA_LISTEN, LACUNA_DATA_DIR, …), flags.

Examples:
  lacuna config
  LACUNA_SHARDS=8 lacuna config --config lacuna.toml --json")]
pub(crate) struct Args {
    /// As `lacuna serve` takes it.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// As `lacuna serve` takes it.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// As `lacuna serve` takes it.
    #[arg(long, value_name = "N")]
    shards: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, common: &Common) -> anyhow::Result<Ending> {
    let flags = Overrides::default()
        .set("listen", args.listen.as_deref())
        .set("data_dir", args.data_dir.as_ref().map(|path| path.to_string_lossy().into_owned()))
        .set("shards", args.shards);
    let layered = common.resolve(flags)?;
    let values = serde_json::to_value(&layered.settings)?;
    let value = |name: &str| shown(name, values.get(name).cloned().unwrap_or(Value::Null));
    if args.json {
        let all: Map<String, Value> = KEYS
            .iter()
            .map(|key| {
                (key.name.to_owned(), json!({"value": value(key.name), "source": layered.source(key.name)}))
            })
            .collect();
        println!("{:#}", Value::Object(all));
        return Ok(Ending::Complete);
    }
    for key in KEYS {
        let shown = match (key.kind, value(key.name).as_str()) {
            (Kind::Secret, Some("")) => "unset".to_owned(),
            (Kind::Secret, _) => Secret::SET.to_owned(),
            (Kind::Text | Kind::Number | Kind::Switch, _) => value(key.name).to_string(),
        };
        let setting = format!("{} = {shown}", key.name);
        println!("{setting:<42} # {} ({})", layered.source(key.name), key.help);
    }
    Ok(Ending::Complete)
}

/// A setting's value; of a secret only whether it is given.
fn shown(name: &str, value: Value) -> Value {
    let secret = KEYS.iter().any(|key| key.name == name && key.kind == Kind::Secret);
    if secret && value.as_str().is_some_and(|text| !text.is_empty()) { json!(Secret::SET) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(shown("embedding_key", json!("hush")), json!(Secret::SET));
        assert_eq!(shown("embedding_key", json!("")), json!(""), "that there is none may be seen");
        assert_eq!(shown("embedding_model", json!("small")), json!("small"));
    }
}
