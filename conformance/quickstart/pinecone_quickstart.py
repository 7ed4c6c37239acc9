"""Pinecone's quick start, with vectors supplied. The host is all that was changed."""

import os

from pinecone import Pinecone, ServerlessSpec

server = os.environ.get("LACUNA_URL", "http://127.0.0.1:8000")
pc = Pinecone(api_key=os.environ.get("LACUNA_KEY", "YOUR_API_KEY"), host=f"{server}/pinecone")

index_name = "quickstart"
if not pc.has_index(index_name):
    pc.create_index(name=index_name, dimension=3, metric="cosine", spec=ServerlessSpec(cloud="aws", region="us-east-1"))

index = pc.Index(index_name)
index.upsert(
    vectors=[
        {"id": "rec1", "values": [0.9, 0.1, 0.0], "metadata": {"category": "history"}},
        {"id": "rec2", "values": [0.1, 0.9, 0.0], "metadata": {"category": "science"}},
        {"id": "rec3", "values": [0.0, 0.9, 0.1], "metadata": {"category": "science"}},
    ],
    namespace="example-namespace",
)
print("records:", index.describe_index_stats().namespaces["example-namespace"].vector_count)

results = index.query(namespace="example-namespace", vector=[0.8, 0.2, 0.0], top_k=1, include_metadata=True)
print("nearest:", results.matches[0].id, results.matches[0].metadata["category"])

index.delete(ids=["rec1"], namespace="example-namespace")
index.delete(filter={"category": {"$eq": "science"}}, namespace="example-namespace")
print("records:", index.describe_index_stats().total_vector_count)

index.upsert(vectors=[("rec4", [1.0, 0.0, 0.0])], namespace="example-namespace")
index.delete(delete_all=True, namespace="example-namespace")
print("records:", index.describe_index_stats().total_vector_count)

pc.delete_index(index_name)
print("indexes:", [name for name in pc.list_indexes().names() if name == index_name])
