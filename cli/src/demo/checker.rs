//! Judges what was seen against what should be. Pure: values in, findings out.

use std::collections::{BTreeMap, BTreeSet};

use lacuna_model::merge::{DeleteAnswer, DeleteStatus, ShardStatus};

use super::naive::Taken;

/// Something that did not hold, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding(pub(super) String);

/// What a collection was seen to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// The answer to a count.
    pub(super) count: Option<u64>,
    /// Every id that a full listing returned, in its order.
    pub(super) ids: Vec<String>,
}

/// Compares contents with the ids that should be there.
pub(super) fn contents<'a>(expected: impl Iterator<Item = &'a str>, seen: &Contents) -> Vec<Finding> {
    let expected: BTreeSet<&str> = expected.collect();
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for id in &seen.ids {
        *times.entry(id.as_str()).or_default() += 1;
    }
    let mut findings = Vec::new();
    let returned: Vec<&str> = times.keys().filter(|id| !expected.contains(*id)).copied().collect();
    let missing: Vec<&str> = expected.iter().filter(|id| !times.contains_key(*id)).copied().collect();
    let repeated: Vec<&str> = times.iter().filter(|(_, times)| **times > 1).map(|(id, _)| *id).collect();
    for (ids, what) in [
        (returned, "that should be gone came back"),
        (missing, "that should be there are missing"),
        (repeated, "were listed more than once"),
    ] {
        if !ids.is_empty() {
            findings.push(Finding(format!("{} records {what}: {}", ids.len(), some_of(&ids))));
        }
    }
    if seen.count != Some(expected.len() as u64) {
        findings.push(Finding(format!(
            "the count is {}, it should be {}",
            known(seen.count),
            expected.len()
        )));
    }
    findings
}

/// Compares a finished delete with what it should have taken, total and shards together.
pub(super) fn complete(expected: Taken, answer: &DeleteAnswer) -> Vec<Finding> {
    let mut findings = Vec::new();
    if answer.status != DeleteStatus::Complete {
        findings.push(Finding(format!("the delete is {:?}, it should be complete", answer.status)));
    }
    for shard in answer.shards.iter().filter(|shard| shard.status != ShardStatus::Applied) {
        findings.push(Finding(format!("shard {} is {:?}, it should be applied", shard.shard, shard.status)));
    }
    same(&mut findings, "deleted", answer.deleted, expected.deleted);
    if let Some(absent) = expected.absent {
        same(&mut findings, "absent", answer.absent, absent);
    }
    let over_shards: Option<u64> = answer.shards.iter().map(|shard| shard.deleted).sum();
    same(&mut findings, "deleted, added up over the shards,", over_shards, expected.deleted);
    findings
}

/// Judges a partial answer: exactly these shards are pending, with counts that are not known, and so the total
/// isn't either.
pub(super) fn partial(expected_pending: &BTreeSet<u32>, answer: &DeleteAnswer) -> Vec<Finding> {
    let mut findings = Vec::new();
    if answer.status != DeleteStatus::Partial {
        findings.push(Finding(format!("the answer says {:?}, it should say partial", answer.status)));
    }
    let pending: BTreeSet<u32> = answer
        .shards
        .iter()
        .filter(|shard| shard.status == ShardStatus::Pending)
        .map(|shard| shard.shard.0)
        .collect();
    if pending != *expected_pending {
        findings
            .push(Finding(format!("pending are shards {pending:?}, they should be {expected_pending:?}")));
    }
    for shard in &answer.shards {
        match (shard.status, shard.deleted) {
            (ShardStatus::Applied, Some(_)) | (ShardStatus::Pending, None) => {}
            (ShardStatus::Applied, None) => {
                findings.push(Finding(format!("shard {} is applied but doesn't say how many", shard.shard)));
            }
            (ShardStatus::Pending, Some(count)) => {
                findings
                    .push(Finding(format!("shard {} is pending but claims {count} deleted", shard.shard)));
            }
            (ShardStatus::Refused | ShardStatus::Unknown, _) => {
                findings.push(Finding(format!(
                    "shard {} is {:?}, it should be pending",
                    shard.shard, shard.status
                )));
            }
        }
    }
    if let Some(total) = answer.deleted {
        findings.push(Finding(format!("the total is claimed to be {total} while shards are pending")));
    }
    findings
}

/// A search's recall must reach a share, and no hit may be a record that should be gone.
pub(super) fn search(least: f64, recall: f64, gone: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if recall < least {
        findings.push(Finding(format!("recall is {recall:.4}, it should be at least {least}")));
    }
    if !gone.is_empty() {
        let ids: Vec<&str> = gone.iter().map(String::as_str).collect();
        findings.push(Finding(format!(
            "{} hits are records that should be gone: {}",
            ids.len(),
            some_of(&ids)
        )));
    }
    findings
}

/// An HTTP status must be this one.
pub(super) fn status(expected: u16, seen: u16) -> Vec<Finding> {
    if seen == expected { Vec::new() } else { vec![Finding(format!("HTTP {seen}, it should be {expected}"))] }
}

fn same(findings: &mut Vec<Finding>, what: &str, seen: Option<u64>, expected: u64) {
    if seen != Some(expected) {
        findings.push(Finding(format!("{what} is {}, it should be {expected}", known(seen))));
    }
}

fn known(count: Option<u64>) -> String {
    count.map_or_else(|| "not known".to_owned(), |count| count.to_string())
}

fn some_of(ids: &[&str]) -> String {
    let shown = ids[..ids.len().min(5)].join(", ");
    if ids.len() > 5 { format!("{shown}, …") } else { shown }
}

#[cfg(test)]
mod tests {
    use lacuna_model::ShardId;
    use lacuna_model::merge::{DeleteKind, Erasure, ShardAnswer};
    use lacuna_model::op_id::OpId;

    use super::*;

    const IDS: [&str; 3] = ["a", "b", "c"];

    fn seen(count: u64, ids: &[&str]) -> Contents {
        Contents { count: Some(count), ids: ids.iter().map(|id| (*id).to_owned()).collect() }
    }

    fn judged(seen: &Contents) -> Vec<String> {
        contents(IDS.into_iter(), seen).into_iter().map(|finding| finding.0).collect()
    }

    fn answer(parts: &[(ShardStatus, Option<u64>)]) -> DeleteAnswer {
        let shards: Vec<ShardAnswer> = (0u32..)
            .zip(parts)
            .map(|(shard, (status, deleted))| ShardAnswer {
                deleted: *deleted,
                ..ShardAnswer::open(ShardId(shard), *status, None)
            })
            .collect();
        let complete = parts.iter().all(|(status, _)| *status == ShardStatus::Applied);
        DeleteAnswer {
            op_id: OpId::new("x").unwrap(),
            kind: DeleteKind::DeleteWhere,
            status: if complete { DeleteStatus::Complete } else { DeleteStatus::Partial },
            requested: None,
            matched: None,
            deleted: parts.iter().map(|(_, deleted)| *deleted).sum(),
            updated: None,
            absent: None,
            held: None,
            released: None,
            remaining: None,
            shards,
            erasure: Erasure { level: "E1".to_owned(), target: None },
            note: None,
        }
    }

    #[test]
    fn what_is_right_gives_no_finding() {
        assert!(judged(&seen(3, &IDS)).is_empty());
        let applied = answer(&[(ShardStatus::Applied, Some(2)), (ShardStatus::Applied, Some(1))]);
        assert!(complete(Taken { deleted: 3, absent: None }, &applied).is_empty());
        let open = answer(&[(ShardStatus::Applied, Some(2)), (ShardStatus::Pending, None)]);
        assert!(partial(&BTreeSet::from([1]), &open).is_empty());
        assert!(search(0.95, 0.95, &[]).is_empty());
        assert!(status(207, 207).is_empty());
    }

    #[test]
    fn a_count_off_by_one_is_found() {
        for count in [2, 4] {
            let findings = judged(&seen(count, &IDS));
            assert_eq!(findings, [format!("the count is {count}, it should be 3")]);
        }
        let unknown = Contents { count: None, ..seen(3, &IDS) };
        assert_eq!(judged(&unknown), ["the count is not known, it should be 3"]);
    }

    #[test]
    fn a_returned_record_is_found_by_name() {
        let findings = judged(&seen(3, &["a", "b", "c", "ghost"]));
        assert_eq!(findings, ["1 records that should be gone came back: ghost"]);
        let findings = search(0.95, 1.0, &["ghost".to_owned()]);
        assert!(findings[0].0.contains("ghost"));
    }

    #[test]
    fn a_missing_record_is_found_by_name() {
        assert_eq!(judged(&seen(3, &["a", "c"])), ["1 records that should be there are missing: b"]);
    }

    #[test]
    fn a_record_listed_twice_is_found() {
        assert_eq!(judged(&seen(3, &["a", "b", "b", "c"])), ["1 records were listed more than once: b"]);
    }

    #[test]
    fn a_delete_off_by_one_is_found_in_the_total_and_in_the_shards() {
        let off = answer(&[(ShardStatus::Applied, Some(2)), (ShardStatus::Applied, Some(2))]);
        assert_eq!(complete(Taken { deleted: 3, absent: None }, &off).len(), 2);
        let mut hidden = answer(&[(ShardStatus::Applied, Some(2)), (ShardStatus::Applied, Some(1))]);
        hidden.shards[0].deleted = Some(1);
        assert_eq!(complete(Taken { deleted: 3, absent: None }, &hidden).len(), 1);
        let absent = answer(&[(ShardStatus::Applied, Some(3))]);
        assert_eq!(complete(Taken { deleted: 3, absent: Some(1) }, &absent).len(), 1);
    }

    #[test]
    fn a_partial_answer_that_hides_or_invents_is_found() {
        let pending = BTreeSet::from([1]);
        let whole = answer(&[(ShardStatus::Applied, Some(2)), (ShardStatus::Applied, Some(1))]);
        assert!(!partial(&pending, &whole).is_empty());
        let guessed = answer(&[(ShardStatus::Applied, Some(2)), (ShardStatus::Pending, Some(0))]);
        assert_eq!(partial(&pending, &guessed).len(), 2, "the shard's guess and the total's");
        let other = answer(&[(ShardStatus::Pending, None), (ShardStatus::Applied, Some(1))]);
        assert_eq!(partial(&pending, &other).len(), 1);
    }

    #[test]
    fn a_low_recall_and_another_status_are_found() {
        assert_eq!(search(0.95, 0.94, &[]).len(), 1);
        assert_eq!(status(200, 207).len(), 1);
    }
}
