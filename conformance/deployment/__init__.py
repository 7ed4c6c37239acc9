"""Running Lacunas: one process, or a cluster of nodes and routers, each child stopped by its own pid only."""

from deployment.cluster import Cluster
from deployment.embedded import Embedded
from deployment.given import Given

__all__ = ["Cluster", "Embedded", "Given"]
