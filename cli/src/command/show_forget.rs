//! What a forget did, or would do, for people.

use serde::Deserialize;

use crate::exit::Ending;

/// Is it done, or only thought of?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tense {
    Did,
    Would,
}

/// Records that lost a reference.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Fates {
    released: u64,
    deleted: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Kinds {
    vector: Fates,
    node: Fates,
    edge: Fates,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct RawFiles {
    deleted: u64,
    retained_shared: u64,
    external: u64,
}

/// Result of a forget, as the server tells it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ForgetAnswer {
    status: String,
    scope: String,
    already_forgotten: bool,
    receipt_id: Option<String>,
    items_forgotten: u64,
    released: u64,
    deleted: u64,
    references_removed: u64,
    by_kind: Kinds,
    raw_files: RawFiles,
    data_records_reset: Option<u64>,
    datasets_removed: Option<u64>,
    datasets_skipped: Option<Vec<String>>,
    #[serde(default)]
    pending_shards: Vec<u32>,
}

impl ForgetAnswer {
    /// Was it forgotten before?
    pub(crate) fn is_repeat(&self) -> bool {
        self.already_forgotten
    }

    /// How the command ends by this result.
    pub(crate) fn ending(&self) -> Ending {
        if self.status == "success" && self.pending_shards.is_empty() {
            Ending::Complete
        } else {
            Ending::Partial
        }
    }
}

/// The result as lines.
pub(crate) fn lines(result: &ForgetAnswer, tense: Tense) -> Vec<String> {
    let mut lines = vec![headline(result, tense)];
    if result.references_removed > 0 || result.released + result.deleted > 0 {
        lines.push(format!(
            "  records: {} deleted, {} released (others need them), {} references removed",
            result.deleted, result.released, result.references_removed
        ));
        let kinds = result.by_kind;
        for (name, kind) in [("vectors", kinds.vector), ("nodes", kinds.node), ("edges", kinds.edge)] {
            if kind.deleted + kind.released > 0 {
                lines.push(format!("    {name}: {} deleted, {} released", kind.deleted, kind.released));
            }
        }
    }
    let raw = result.raw_files;
    if raw.deleted + raw.retained_shared + raw.external > 0 {
        lines.push(format!(
            "  raw files: {} deleted, {} kept for other items, {} external (left alone)",
            raw.deleted, raw.retained_shared, raw.external
        ));
    }
    let skipped = result.datasets_skipped.as_deref().unwrap_or_default();
    if !skipped.is_empty() {
        lines.push(format!("  skipped, for you may read but not delete them: {}", skipped.join(", ")));
    }
    if !result.pending_shards.is_empty() {
        let shards: Vec<String> = result.pending_shards.iter().map(u32::to_string).collect();
        lines.push(format!(
            "  not yet counted: shards {}, which follow by themselves; nothing of it is shown any more",
            shards.join(", ")
        ));
    }
    if let Some(receipt) = &result.receipt_id {
        lines.push(format!("receipt {receipt}"));
    }
    lines
}

fn headline(result: &ForgetAnswer, tense: Tense) -> String {
    if result.already_forgotten {
        return "already forgotten; this changed nothing".to_owned();
    }
    let verb = match (tense, result.pending_shards.is_empty()) {
        (Tense::Would, _) => "would forget",
        (Tense::Did, true) => "forgotten:",
        (Tense::Did, false) => "forgotten in part:",
    };
    let items = |count: u64| format!("{count} {}", if count == 1 { "item" } else { "items" });
    match result.scope.as_str() {
        "item_memory" | "dataset_memory" => {
            let reset = items(result.data_records_reset.unwrap_or(0));
            format!("{verb} the records of {reset}; the rows and the raw files stay")
        }
        "dataset" => format!("{verb} the dataset and {}", items(result.items_forgotten)),
        "everything" => {
            let datasets = result.datasets_removed.unwrap_or(0);
            let noun = if datasets == 1 { "dataset" } else { "datasets" };
            format!("{verb} {datasets} {noun} and {}", items(result.items_forgotten))
        }
        _ => format!("{verb} {}", items(result.items_forgotten)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn result(more: &serde_json::Value) -> ForgetAnswer {
        let none = json!({"released": 0, "deleted": 0});
        let mut body = json!({
            "status": "success", "scope": "item", "already_forgotten": false, "items_forgotten": 1,
            "released": 1, "deleted": 4, "references_removed": 5,
            "by_kind": {"vector": {"released": 1, "deleted": 4}, "node": none, "edge": none},
            "raw_files": {"deleted": 0, "retained_shared": 0, "external": 0},
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn a_partial_result_names_shards_and_receipt_and_is_no_success() {
        let partial = result(&json!({"status": "partial", "pending_shards": [2, 5], "receipt_id": "r-1"}));
        assert_eq!(partial.ending(), Ending::Partial);
        let text = lines(&partial, Tense::Did).join("\n");
        for word in ["in part", "4 deleted, 1 released", "shards 2, 5", "receipt r-1"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert_eq!(result(&json!({"receipt_id": "r"})).ending(), Ending::Complete);
    }

    #[test]
    fn each_scope_says_what_goes_and_what_stays() {
        let said = |more: &serde_json::Value| lines(&result(more), Tense::Would).join("\n");
        assert!(said(&json!({})).starts_with("would forget 1 item\n"));
        let dataset = said(&json!({"scope": "dataset", "items_forgotten": 3}));
        assert!(dataset.starts_with("would forget the dataset and 3 items"), "{dataset}");
        let memory = said(&json!({"scope": "item_memory", "items_forgotten": 0, "data_records_reset": 1}));
        assert!(memory.starts_with("would forget the records of 1 item; the rows"), "{memory}");
        let everything =
            said(&json!({"scope": "everything", "datasets_removed": 2, "datasets_skipped": ["a", "b"]}));
        assert!(everything.contains("2 datasets and 1 item") && everything.contains("a, b"), "{everything}");
        let again =
            said(&json!({"already_forgotten": true, "released": 0, "deleted": 0, "references_removed": 0}));
        assert_eq!(again, "already forgotten; this changed nothing");
    }
}
