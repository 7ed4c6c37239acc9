//! The router as a whole: made once, shared by all surfaces, mounted as one axum app.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;

use crate::catalog::Catalog;
use crate::config::{Connector, RouterConfig};
use crate::core::Core;
use crate::embed::Embedder;
use crate::peers::Peers;
use crate::surface;
use crate::verb::last_counts::LastCounts;

/// How often each node is asked for its clock, and longest wait for the answer.
const PING_EVERY: Duration = Duration::from_secs(1);

/// A router. Cheap to clone; its background tasks end with its last clone.
#[derive(Clone)]
pub struct Router {
    core: Arc<Core>,
    metrics: Option<PrometheusHandle>,
    _tasks: Arc<Tasks>,
}

struct Tasks(Vec<tokio::task::JoinHandle<()>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Router {
    /// A router that asks these nodes; begins to ping them and to lease the catalog. Call it inside a tokio
    /// runtime.
    pub fn new(config: RouterConfig, connector: Arc<dyn Connector>) -> Self {
        let peers = Arc::new(Peers::new(connector, &config.seeds));
        let catalog = Arc::new(Catalog::new(Arc::clone(&peers)));
        let tasks = vec![
            tokio::spawn(Arc::clone(&catalog).keep_lease()),
            tokio::spawn(keep_clocks(Arc::clone(&peers))),
        ];
        let embedder = Embedder::new(&config.embedding);
        let core = Arc::new(Core { config, peers, catalog, counts: LastCounts::default(), embedder });
        Self { core, metrics: None, _tasks: Arc::new(Tasks(tasks)) }
    }

    /// Serves these metrics under `/metrics`.
    #[must_use]
    pub fn with_metrics(mut self, metrics: PrometheusHandle) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// All surfaces, health routes and documents as one app.
    pub fn app(&self) -> axum::Router {
        surface::app(self.clone())
    }

    /// The records of Pinecone's indexes alone, for a port of their own.
    pub fn records_app(&self) -> axum::Router {
        surface::records_app(self.clone())
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(crate) fn config(&self) -> &RouterConfig {
        &self.core.config
    }

    pub(crate) fn metrics(&self) -> Option<&PrometheusHandle> {
        self.metrics.as_ref()
    }
}

/// Asks each node for its clock each second (protocol PC1). A silent node delays none of the others.
async fn keep_clocks(peers: Arc<Peers>) {
    let mut ticks = tokio::time::interval(PING_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for node in peers.nodes() {
            let peers = Arc::clone(&peers);
            tokio::spawn(async move {
                if let Err(error) = peers.ping(node.id, PING_EVERY).await {
                    tracing::debug!(node = node.id.0, %error, "no answer to a ping");
                }
            });
        }
    }
}
