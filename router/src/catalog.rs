//! What names stand for, under a lease of the meta group (protocol PN5).
//!
//! A cached name is used for 3 s from the *sending* of the last confirmed read: its own, or the feed of
//! changes that is read each second. After that it is asked for; without an answer the request gets 503.
//! Absence is never cached.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use lacuna_model::access::{Key, SecretHash};
use lacuna_model::catalog::{ClusterInfo, CollectionRef, Resolved};
use lacuna_model::error::ErrorCode;
use lacuna_model::meta::{Changed, MetaBody, MetaCommand, MetaOutcome, MetaQuery, MetaReply};
use lacuna_model::{Account, NamespaceName, NodeId};
use lacuna_proto::call::NodeReply;
use lacuna_proto::peer_clock::boottime_ns;
use parking_lot::RwLock;
use tokio::sync::Semaphore;

use crate::client::{Ask, Doubt, Unanswered, ask};
use crate::deadline::Deadline;
use crate::error::{Verb, VerbError};
use crate::peers::{Group, Peers};

/// How long a confirmed read may be used, ns from its sending.
pub(crate) const LEASE_NS: u64 = 3_000_000_000;
/// Most names kept, and most keys; beyond it the cache starts anew.
const MAX_NAMES: usize = 100_000;
/// Keys that are asked for at the same time: whoever tries secrets keeps the meta group from no other work.
const KEYS_ASKED: usize = 16;

/// May a cached answer be used?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fresh {
    /// One under the lease.
    Leased,
    /// No: ask.
    Asked,
}

struct Cached<T> {
    value: Arc<T>,
    sent_ns: u64,
}

type NameKey = (CollectionRef, NamespaceName);

#[derive(Default)]
struct State {
    /// Version of the catalog that all of the cache is at least as new as.
    version: u64,
    /// Sending of the last confirmed read of changes, ns.
    confirmed_ns: u64,
    cluster: Option<Cached<ClusterInfo>>,
    names: HashMap<NameKey, Cached<Resolved>>,
    keys: HashMap<SecretHash, Cached<Key>>,
    /// Accounts known to exist; they never go.
    accounts: HashSet<Account>,
}

impl State {
    fn leased<'a, T>(&self, cached: &'a Cached<T>, now_ns: u64) -> Option<&'a Arc<T>> {
        let sent = cached.sent_ns.max(self.confirmed_ns);
        (now_ns < sent.saturating_add(LEASE_NS)).then_some(&cached.value)
    }

    /// Keeps a name, unless changes read meanwhile are newer than it.
    fn keep(&mut self, key: NameKey, resolved: Arc<Resolved>, version: u64, sent_ns: u64) {
        if version < self.version || resolved.incarnation.is_none() {
            return;
        }
        if self.names.len() >= MAX_NAMES {
            self.names.clear();
        }
        self.names.insert(key, Cached { value: resolved, sent_ns });
    }

    fn drop_changed(&mut self, changed: &Changed) {
        match changed {
            Changed::Collection(id) => self.names.retain(|_, cached| cached.value.collection.id != *id),
            Changed::Namespace(id, name) => self
                .names
                .retain(|(_, namespace), cached| namespace != name || cached.value.collection.id != *id),
            Changed::Cluster => self.cluster = None,
            Changed::Key(id) => self.keys.retain(|_, cached| cached.value.id != *id),
        }
    }

    fn confirm(&mut self, changes: Option<Vec<Changed>>, version: u64, sent_ns: u64) {
        if let Some(changes) = changes {
            for changed in &changes {
                self.drop_changed(changed);
            }
        } else {
            self.names.clear();
            self.keys.clear();
            self.cluster = None;
        }
        self.version = self.version.max(version);
        self.confirmed_ns = self.confirmed_ns.max(sent_ns);
    }
}

/// The router's view of the catalog.
pub(crate) struct Catalog {
    peers: Arc<Peers>,
    state: RwLock<State>,
    key_turns: Semaphore,
}

impl Catalog {
    pub(crate) fn new(peers: Arc<Peers>) -> Self {
        Self { peers, state: RwLock::new(State::default()), key_turns: Semaphore::new(KEYS_ASKED) }
    }

    fn meta_nodes(&self) -> Vec<NodeId> {
        self.peers.nodes().iter().map(|node| node.id).collect()
    }

    /// Asks the meta group.
    pub(crate) async fn read(&self, query: &MetaQuery, deadline: Deadline) -> Result<MetaReply, Unanswered> {
        let nodes = self.meta_nodes();
        match ask(&self.peers, (Group::Meta, &nodes), Ask::MetaRead(query), deadline).await? {
            NodeReply::MetaRead(reply) => Ok(reply),
            other => Err(odd_answer(&other)),
        }
    }

    /// Changes the catalog; with the entry's index.
    pub(crate) async fn write(
        &self,
        command: &MetaCommand,
        deadline: Deadline,
    ) -> Result<(MetaOutcome, u64), Unanswered> {
        let nodes = self.meta_nodes();
        match ask(&self.peers, (Group::Meta, &nodes), Ask::MetaWrite(command), deadline).await? {
            NodeReply::MetaWritten { outcome, index, .. } => Ok((outcome, index)),
            other => Err(odd_answer(&other)),
        }
    }

    /// Nodes, slot table and placement.
    pub(crate) async fn cluster(&self, fresh: Fresh, deadline: Deadline) -> Verb<Arc<ClusterInfo>> {
        if fresh == Fresh::Leased {
            let state = self.state.read();
            if let Some(cluster) = state.cluster.as_ref().and_then(|c| state.leased(c, boottime_ns())) {
                return Ok(Arc::clone(cluster));
            }
        }
        let sent_ns = boottime_ns();
        let reply = self.read(&MetaQuery::Cluster, deadline).await.map_err(|e| meta_unavailable(&e))?;
        let MetaBody::Cluster(Some(cluster)) = reply.body else {
            return Err(VerbError::new(
                ErrorCode::Unavailable,
                "the cluster isn't set up yet (lacuna cluster init); nothing was changed",
            ));
        };
        let cluster = Arc::new(*cluster);
        self.peers.learn(&cluster.nodes);
        let mut state = self.state.write();
        if reply.version >= state.version {
            state.cluster = Some(Cached { value: Arc::clone(&cluster), sent_ns });
        }
        Ok(cluster)
    }

    /// What a name stands for; `None`: there is no such collection.
    pub(crate) async fn resolve(
        &self,
        collection: &CollectionRef,
        namespace: &NamespaceName,
        fresh: Fresh,
        deadline: Deadline,
    ) -> Verb<Option<Arc<Resolved>>> {
        let key = (collection.clone(), namespace.clone());
        if fresh == Fresh::Leased {
            let state = self.state.read();
            if let Some(resolved) = state.names.get(&key).and_then(|c| state.leased(c, boottime_ns())) {
                return Ok(Some(Arc::clone(resolved)));
            }
        }
        let sent_ns = boottime_ns();
        let query = MetaQuery::Resolve { collection: collection.clone(), namespace: namespace.clone() };
        let reply = self.read(&query, deadline).await.map_err(|e| meta_unavailable(&e))?;
        let MetaBody::Resolved(resolved) = reply.body else { return Err(odd_body(&reply.body)) };
        let Some(resolved) = resolved.map(|resolved| Arc::new(*resolved)) else { return Ok(None) };
        self.state.write().keep(key, Arc::clone(&resolved), reply.version, sent_ns);
        Ok(Some(resolved))
    }

    /// The key with this secret, good or not; `None`: there is none. Under the lease this waits for nothing.
    pub(crate) async fn key(&self, hash: &SecretHash, deadline: Deadline) -> Verb<Option<Arc<Key>>> {
        if let Some(key) = self.leased_key(hash) {
            return Ok(Some(key));
        }
        let Ok(_turn) = tokio::time::timeout(deadline.left(), self.key_turns.acquire()).await else {
            let message = "the key can't be looked up in time; nothing was changed and nothing will be";
            return Err(VerbError::new(ErrorCode::Unavailable, message));
        };
        if let Some(key) = self.leased_key(hash) {
            return Ok(Some(key));
        }
        let sent_ns = boottime_ns();
        let reply = self.read(&MetaQuery::Key(*hash), deadline).await.map_err(|e| meta_unavailable(&e))?;
        let MetaBody::Key(key) = reply.body else { return Err(odd_body(&reply.body)) };
        let Some(key) = key.map(|key| Arc::new(*key)) else { return Ok(None) };
        let mut state = self.state.write();
        if reply.version >= state.version {
            if state.keys.len() >= MAX_NAMES {
                state.keys.clear();
            }
            state.keys.insert(*hash, Cached { value: Arc::clone(&key), sent_ns });
        }
        Ok(Some(key))
    }

    fn leased_key(&self, hash: &SecretHash) -> Option<Arc<Key>> {
        let state = self.state.read();
        state.keys.get(hash).and_then(|cached| state.leased(cached, boottime_ns())).map(Arc::clone)
    }

    /// Is there such an account?
    pub(crate) async fn has_account(&self, name: &Account, deadline: Deadline) -> Verb<bool> {
        if *name == Account::default() || self.state.read().accounts.contains(name) {
            return Ok(true);
        }
        let query = MetaQuery::Account(name.clone());
        let reply = self.read(&query, deadline).await.map_err(|e| meta_unavailable(&e))?;
        let MetaBody::Account(found) = reply.body else { return Err(odd_body(&reply.body)) };
        if found.is_some() {
            self.state.write().accounts.insert(name.clone());
        }
        Ok(found.is_some())
    }

    /// Takes what a catalog write of ours answered, sent at `sent_ns`.
    pub(crate) fn learned(
        &self,
        (collection, namespace): (&CollectionRef, &NamespaceName),
        resolved: &Arc<Resolved>,
        (index, sent_ns): (u64, u64),
    ) {
        let key = (collection.clone(), namespace.clone());
        self.state.write().keep(key, Arc::clone(resolved), index, sent_ns);
    }

    /// One confirmed read of what changed: renews the lease.
    pub(crate) async fn renew(&self, deadline: Deadline) -> Result<(), Unanswered> {
        let version = self.state.read().version;
        let sent_ns = boottime_ns();
        let reply = self.read(&MetaQuery::Changes(version), deadline).await?;
        let MetaBody::Changes(changes) = reply.body else { return Ok(()) };
        self.state.write().confirm(changes, reply.version, sent_ns);
        Ok(())
    }

    /// Renews the lease each second, for ever.
    pub(crate) async fn keep_lease(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.renew(Deadline::within(Duration::from_secs(2))).await {
                tracing::debug!(error = error.message, "the catalog's lease was not renewed");
                continue;
            }
            // The table is read ahead of the first request that needs it.
            let _known = self.cluster(Fresh::Leased, Deadline::within(Duration::from_secs(2))).await;
        }
    }

    /// Has the slot table been read?
    pub(crate) fn knows_cluster(&self) -> bool {
        self.state.read().cluster.is_some()
    }

    /// Is the lease valid now?
    pub(crate) fn is_leased(&self) -> bool {
        let state = self.state.read();
        boottime_ns() < state.confirmed_ns.saturating_add(LEASE_NS)
    }
}

fn odd_answer(reply: &NodeReply) -> Unanswered {
    Unanswered {
        code: ErrorCode::Internal,
        message: format!("the meta group answered another question: {reply:?}"),
        doubt: Doubt::Nothing,
    }
}

/// The meta group answered with a body of another question: our fault.
pub(crate) fn odd_body(body: &MetaBody) -> VerbError {
    VerbError::new(ErrorCode::Internal, format!("the meta group answered another question: {body:?}"))
}

/// A question to the meta group wasn't answered: nothing was done.
pub(crate) fn meta_unavailable(error: &Unanswered) -> VerbError {
    let code = match error.code {
        ErrorCode::OutcomeUnknown => ErrorCode::Unavailable,
        code => code,
    };
    VerbError::new(
        code,
        format!(
            "the catalog can't be read in time ({}); nothing was changed and nothing will be",
            error.message
        ),
    )
}
