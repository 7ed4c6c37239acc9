//! Records in id order, page by page.

use lacuna_model::access::Right;
use lacuna_model::filter::Filter;
use lacuna_model::read::{Include, ReadBody, ReadRequest, RecordView};

use crate::app::Router;
use crate::core::Target;
use crate::error::Verb;
use crate::verb::Call;
use crate::verb::scatter::{complete, for_all, odd, scatter};

/// Which records, and how many.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Only ids that begin so.
    pub prefix: String,
    /// Only records that match.
    pub filter: Option<Filter>,
    /// Only ids greater than this, by bytes.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
    /// What of the records is sent.
    pub include: Include,
}

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The records, by id.
    pub records: Vec<RecordView>,
    /// Where the next page begins; `None`: this was the last.
    pub next_after: Option<String>,
}

impl Router {
    /// One page of records in id order, merged over the shards.
    pub async fn list(&self, target: &Target, call: &Call, page: &Page) -> Verb<Listed> {
        let (_, scattered) = scatter(self.core(), target, (call, Right::Read), |_, incarnation, cluster| {
            let request = ReadRequest::Scan {
                incarnation,
                prefix: page.prefix.clone(),
                filter: page.filter.clone(),
                after: page.after.clone(),
                limit: page.limit,
                include: page.include,
            };
            for_all(cluster, &request)
        })
        .await?;
        let (mut all, mut more_behind) = (Vec::new(), false);
        for (_, reply) in complete(scattered)? {
            let ReadBody::Records { records, more } = reply.body else { return Err(odd(&reply.body)) };
            all.extend(records);
            more_behind |= more;
        }
        all.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let more = more_behind || all.len() > page.limit;
        all.truncate(page.limit);
        let next_after = all.last().filter(|_| more).map(|record| record.id.as_str().to_owned());
        Ok(Listed { records: all, next_after })
    }
}

#[cfg(test)]
mod tests {
    use lacuna_model::RecordId;

    #[test]
    fn ids_are_ordered_by_bytes() {
        let id = |text: &str| RecordId::new(text).expect("an id");
        assert!(id("Z") < id("a") && id("a") < id("ä") && id("a") < id("a0"));
    }
}
