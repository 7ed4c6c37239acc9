"""Running Lacunas: one process, or a cluster of nodes and routers, each child stopped by its own pid only."""

from deployment.cluster import Cluster
from deployment.embedded import Embedded
from deployment.given import Given

# What a test of its own deployment runs on, by name.
DEPLOYMENTS = {"embedded": Embedded, "cluster": Cluster}

__all__ = ["DEPLOYMENTS", "Cluster", "Embedded", "Given"]
