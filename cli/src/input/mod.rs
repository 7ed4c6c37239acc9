//! Records from files: JSON lines, CSV, arrays of numpy.

mod csv_file;
mod jsonl;
mod npy;
mod record;

use std::io::Read;
use std::path::Path;

use anyhow::bail;
use clap::ValueEnum;

pub(crate) use record::{InputRecord, Placed};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileFormat {
    /// One JSON object a line: {"id", "vector"?, "document"?, "metadata"?}.
    Jsonl,
    /// A header line with at least the column `id`.
    Csv,
    /// A two-dimensional array of numpy: a vector a row.
    Npy,
}

impl FileFormat {
    /// By the file's name.
    pub(crate) fn of(path: &Path) -> anyhow::Result<Self> {
        let extension = path.extension().and_then(|text| text.to_str()).unwrap_or("").to_lowercase();
        match extension.as_str() {
            "jsonl" | "ndjson" => Ok(Self::Jsonl),
            "csv" => Ok(Self::Csv),
            "npy" => Ok(Self::Npy),
            _ => bail!(
                "{}: can't tell the format by the name; expected .jsonl, .ndjson, .csv or .npy, or give --format. \
                 Nothing was written.",
                path.display()
            ),
        }
    }
}

/// Records of a file, in order.
pub(crate) type Records = Box<dyn Iterator<Item = anyhow::Result<Placed>> + Send>;

/// Reads records from `source`. `id_prefix` goes before the row number where the format has no ids (npy).
pub(crate) fn records(
    format: FileFormat,
    source: Box<dyn Read + Send>,
    id_prefix: &str,
) -> anyhow::Result<Records> {
    Ok(match format {
        FileFormat::Jsonl => Box::new(jsonl::read(source)),
        FileFormat::Csv => Box::new(csv_file::read(source)?),
        FileFormat::Npy => Box::new(npy::read(source, id_prefix)?),
    })
}
