"""Run by an older client's own Python: makes an index at BASE, uses every delete call of that version, and prints what it saw as JSON."""

import json
import sys

import pinecone
from pinecone import Pinecone, ServerlessSpec

base, name, key = sys.argv[1:4]
seen = {"version": pinecone.__version__}


def raised(call) -> str | None:
    """The name of the exception that a call raises."""
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return None


client = Pinecone(api_key=key, host=f"{base}/pinecone")
client.create_index(name=name, dimension=3, metric="dotproduct", spec=ServerlessSpec(cloud="aws", region="us-east-1"))
seen["listed"] = name in [one.name for one in client.list_indexes()]
seen["host"] = client.describe_index(name).host
index = client.Index(name)
vectors = [{"id": f"r {n}", "values": [float(n), 1.0, 0.0], "metadata": {"n": n, "even": n % 2 == 0}} for n in range(10)]
seen["upserted"] = index.upsert(vectors=vectors, namespace="n1").upserted_count
index.upsert(vectors=vectors)
found = index.query(vector=[1.0, 0.0, 0.0], top_k=3, namespace="n1", include_metadata=True, filter={"even": {"$eq": True}})
seen["queried"] = [match.id for match in found.matches]
seen["values"] = list(found.matches[0].values)
seen["fetched"] = sorted(index.fetch(ids=["r 1", "no"], namespace="n1").vectors)
index.update(id="r 1", set_metadata={"x": "y"}, namespace="n1")
seen["updated"] = index.fetch(ids=["r 1"], namespace="n1").vectors["r 1"].metadata["x"]


def count(namespace: str) -> int:
    namespaces = index.describe_index_stats().namespaces
    return namespaces[namespace].vector_count if namespace in namespaces else -1


index.delete(ids=["r 1", "no", "r 1"], namespace="n1")
seen["after_ids"] = count("n1")
index.delete(filter={"even": True}, namespace="n1")
seen["after_filter"] = count("n1")
index.delete(ids=["r 3"], delete_all=False, namespace="n1") if pinecone.__version__ < "9" else index.delete(ids=["r 3"], namespace="n1")
seen["after_false"] = count("n1")
index.delete(delete_all=True, namespace="n1")
seen["after_all"] = count("n1")
seen["missing"] = raised(lambda: index.delete(ids=["r 1"], namespace="n1"))
index.delete(ids=["r 1"])
seen["default"] = count("__default__")
seen["all_and_ids"] = raised(lambda: index.delete(ids=["r 1"], delete_all=True))
seen["ids_and_filter"] = raised(lambda: index.delete(ids=["r 2"], filter={"even": True}))
seen["empty_filter"] = raised(lambda: index.delete(filter={}))
seen["nothing"] = raised(index.delete)
seen["still"] = count("__default__")
if hasattr(index, "delete_namespace"):
    index.upsert(vectors=vectors[:2], namespace="a b")
    index.delete_namespace(namespace="a b")
    seen["namespace_gone"] = count("a b")
client.delete_index(name)
seen["gone"] = name not in [one.name for one in client.list_indexes()]
print(json.dumps(seen))
