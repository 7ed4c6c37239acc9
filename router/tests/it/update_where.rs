//! Updates by filter: the verb, from the recording to the counts of every shard.

use std::sync::Arc;
use std::time::Duration;

use lacuna_model::NamespaceName;
use lacuna_model::catalog::{CollectionRef, Home};
use lacuna_model::filter::{FieldTest, Filter, Look};
use lacuna_model::ids::Account;
use lacuna_model::merge::{DeleteKind, DeleteStatus};
use lacuna_model::value::{MetaValue, Scalar};
use lacuna_router::deadline::Deadline;
use lacuna_router::verb::preview::Preview;
use lacuna_router::verb::update_where::UpdateWhere;
use lacuna_router::verb::{Call, Respond, Target};
use lacuna_router::{Router, RouterConfig};

use crate::fake::{FakeConnector, Fault, On, call, nodes};
use crate::http::Client;

fn even(is: bool) -> Filter {
    Filter::field("even", FieldTest::OneOf { values: vec![Scalar::Bool(is)], look: Look::Scalar })
}

fn set_odd() -> UpdateWhere {
    let odd = Some(MetaValue::Scalar(Scalar::Bool(false)));
    UpdateWhere { filter: even(true), set: vec![("even".to_owned(), odd)] }
}

fn target() -> Target {
    Target {
        account: Account::default(),
        collection: CollectionRef::Name(Home::native(Account::default()), "c".to_owned()),
        namespace: NamespaceName::default(),
    }
}

async fn matching(router: &Router, is: bool) -> Option<u64> {
    let previewed = router.preview(&target(), &call(), &Preview::Where(even(is)), 0).await;
    previewed.expect("a preview").matched
}

#[tokio::test]
async fn an_update_by_filter_changes_what_its_preview_counts_and_is_kept_as_an_operation() {
    let client = Client::new().await;
    client.load(20).await;
    let router = Router::new(RouterConfig::new(nodes()), Arc::new(FakeConnector(Arc::clone(&client.fake))));
    assert_eq!(matching(&router, true).await, Some(10));
    let answer = router.update_where(&target(), &call(), set_odd(), Respond::Wait).await.expect("an answer");
    assert_eq!((answer.kind, answer.status), (DeleteKind::UpdateWhere, DeleteStatus::Complete));
    assert_eq!((answer.matched, answer.updated, answer.deleted), (Some(10), Some(10), Some(0)));
    assert_eq!(answer.remaining, Some(20));
    assert_eq!((matching(&router, true).await, matching(&router, false).await), (Some(0), Some(20)));
    let told = client.get(&format!("/v1/operations/{}", answer.op_id)).await;
    assert_eq!((&told.body["kind"], &told.body["updated"]), (&"update_where".into(), &10.into()), "{told:?}");
}

#[tokio::test]
async fn an_update_by_filter_with_a_shard_away_is_partial_with_unknown_counts() {
    let client = Client::new().await;
    client.load(20).await;
    let router = Router::new(RouterConfig::new(nodes()), Arc::new(FakeConnector(Arc::clone(&client.fake))));
    client.fake.fail(On::Shard(3), Fault::Stopped, usize::MAX);
    let call = Call { deadline: Deadline::within(Duration::from_millis(300)), ..call() };
    let answer = router.update_where(&target(), &call, set_odd(), Respond::Wait).await.expect("recorded");
    assert_eq!((answer.status, answer.updated), (DeleteStatus::Partial, None));
    assert!(answer.note.is_some());
}
