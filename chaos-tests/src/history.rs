//! What clients asked and what they were told, one JSON line per call.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// One finished call of one client; a client's calls follow each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Who asked.
    pub client: u32,
    /// Its how-manieth call.
    pub seq: u64,
    /// When it began, ns since the run began.
    pub begin_ns: u64,
    /// When its answer came, or was given up.
    pub end_ns: u64,
    /// What was asked.
    pub call: Call,
    /// What was told.
    pub end: End,
}

/// What a client asks. Values are unique (client and sequence), so each read names the write it saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Writes every id with this value, as a member of this group.
    Upsert {
        /// Ids written.
        ids: Vec<String>,
        /// Their group, which where-deletes select.
        group: u64,
        /// Their value.
        value: u64,
    },
    /// Deletes by id.
    DeleteIds {
        /// Ids deleted.
        ids: Vec<String>,
    },
    /// Deletes the client's records of a group, by filter.
    DeleteWhere {
        /// The group.
        group: u64,
    },
    /// Reads by id.
    Get {
        /// Ids read.
        ids: Vec<String>,
    },
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Written.
    Written,
    /// A complete delete and its count.
    Deleted {
        /// Records deleted.
        deleted: u64,
    },
    /// What was there: id to value; an id that is missing isn't there.
    Seen(BTreeMap<String, u64>),
    /// Certainly nothing happened, nor will.
    Refused,
    /// No answer, or one that doesn't know.
    Unknown,
}

/// A history being written.
pub struct Recorder {
    file: Mutex<BufWriter<File>>,
}

impl Recorder {
    /// Begins a file.
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self { file: Mutex::new(BufWriter::new(File::create(path).context("history file")?)) })
    }

    /// Adds an event.
    pub fn add(&self, event: &Event) -> Result<()> {
        let mut file = self.file.lock().map_err(|_| anyhow::anyhow!("a recorder's thread panicked"))?;
        serde_json::to_writer(&mut *file, event)?;
        file.write_all(b"\n")?;
        file.flush()?;
        Ok(())
    }
}

/// Reads a history back.
pub fn read(path: &Path) -> Result<Vec<Event>> {
    BufReader::new(File::open(path)?).lines().map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}
