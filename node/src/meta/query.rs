//! Questions to the meta group, answered from its state at a read index.

use lacuna_model::catalog::{CollectionRef, Operation, Resolved};
use lacuna_model::meta::{Claim, MetaBody, MetaQuery, MetaReply};
use lacuna_model::op_id::OpId;
use lacuna_model::{Account, NamespaceName};

use super::claims::Holder;
use super::state::MetaState;

impl MetaState {
    /// Answers a question.
    pub fn query(&self, query: &MetaQuery) -> MetaReply {
        let body = match query {
            MetaQuery::Cluster => MetaBody::Cluster(self.cluster.clone().map(Box::new)),
            MetaQuery::Changes(version) => MetaBody::Changes(self.changes.since(*version)),
            MetaQuery::Resolve { collection, namespace } => {
                MetaBody::Resolved(self.resolve(collection, namespace).map(Box::new))
            }
            MetaQuery::Collections { account, home } => {
                MetaBody::Collections(self.collections.list(account, home.as_ref()))
            }
            MetaQuery::Namespaces(collection) => MetaBody::Namespaces(self.namespaces.list(*collection)),
            MetaQuery::Operation { account, op_id } => {
                MetaBody::Operation(self.operation_of(account, op_id).cloned().map(Box::new))
            }
            MetaQuery::Operations { account, limit } => {
                MetaBody::Operations(self.operations.newest(account).take(*limit).cloned().collect())
            }
            MetaQuery::Memory(query) => MetaBody::Memory(self.memory.query(query)),
            MetaQuery::Claim { account, key } => MetaBody::Claim(self.claim_of(account, key).cloned()),
            MetaQuery::Tenants(account) => MetaBody::Tenants(self.databases.tenants(account)),
            MetaQuery::Databases { account, tenant } => {
                MetaBody::Databases(self.databases.list(account, tenant))
            }
            MetaQuery::Dropping(home) => MetaBody::Dropping(self.remembered.of_home(home)),
            MetaQuery::Key(hash) => MetaBody::Key(self.access.by_hash(hash).cloned().map(Box::new)),
            MetaQuery::Keys(account) => MetaBody::Keys(self.access.keys_of(account)),
            MetaQuery::Account(name) => MetaBody::Account(self.access.account(name)),
            MetaQuery::Accounts => MetaBody::Accounts(self.access.accounts()),
            MetaQuery::Contents(incarnation) => {
                MetaBody::Contents(self.namespaces.place(*incarnation).cloned())
            }
        };
        MetaReply { version: self.version(), stamp: self.stamp, body }
    }

    fn resolve(&self, named: &CollectionRef, namespace: &NamespaceName) -> Option<Resolved> {
        let collection = self.collections.find(named)?.clone();
        let incarnation = self.namespaces.current(collection.id, namespace);
        Some(Resolved { collection, incarnation })
    }

    fn operation_of(&self, account: &Account, op_id: &OpId) -> Option<&Operation> {
        match self.keys.holder(account, op_id)? {
            Holder::Operation(number, _) => self.operations.get(*number),
            Holder::Claim(_) => None,
        }
    }

    fn claim_of(&self, account: &Account, key: &OpId) -> Option<&Claim> {
        match self.keys.holder(account, key)? {
            Holder::Claim(claim) => Some(claim),
            Holder::Operation(..) => None,
        }
    }
}
