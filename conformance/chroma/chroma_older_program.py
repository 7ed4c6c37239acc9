"""Run by an older client's own Python: the calls of that version on a collection NAME at URL with KEY, and what it saw as JSON."""

import asyncio
import json
import sys
from urllib.parse import urlsplit

import chromadb

url, name, key = sys.argv[1:]
server = urlsplit(url)
client = chromadb.HttpClient(host=server.hostname, port=server.port, headers={"X-Chroma-Token": key})
seen = {"version": chromadb.__version__}

collection = client.create_collection(name, metadata={"hnsw:space": "cosine", "of": "tests"})
seen["metadata"] = collection.metadata
seen["space"] = client.get_collection(name)._model.get_configuration().get_parameter("hnsw_configuration").value.get_parameter("space").value
same = client.get_or_create_collection(name)
seen["same"] = same.id == collection.id
collection.add(
    ids=["a", "b", "c", "d"],
    embeddings=[[1, 0], [0, 2], [3, 4], [-1, 0]],
    metadatas=[{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}],
    documents=["one", "two", "three", "four"],
)
seen["count"] = collection.count()
seen["get"] = collection.get(where={"n": {"$gte": 3}})["ids"]
seen["peek"] = collection.peek(2)["ids"]
found = collection.query(query_embeddings=[[1, 0]], n_results=4)
seen["query"] = found["ids"][0]
seen["distances"] = [round(distance, 5) for distance in found["distances"][0]]
collection.upsert(ids=["a", "e"], embeddings=[[1, 1], [2, 2]], metadatas=[{"m": 9}, {"n": 5}], documents=["uno", "five"])
collection.update(ids=["b", "zz"], metadatas=[{"n": 22}, {"n": 0}])
seen["merged"] = collection.get(ids=["a", "b"])["metadatas"]
seen["deletes"] = [collection.delete(ids=["a", "zz"]), collection.delete(where={"n": 22}), collection.delete(ids=["c", "d"], where={"n": 3}), collection.delete(where_document={"$contains": "fi"})]
seen["left"] = collection.get()["ids"]
collection.modify(name=f"{name}-2", metadata={"changed": True})
seen["modified"] = client.get_collection(f"{name}-2").metadata
listed = [one if isinstance(one, str) else one.name for one in client.list_collections()]
seen["listed"] = f"{name}-2" in listed and name not in listed
client.delete_collection(f"{name}-2")
try:
    collection.count()
except Exception as error:
    seen["gone"] = type(error).__name__


async def as_cognee_does():
    """The calls of Cognee's community adapter, in its order."""
    client = await chromadb.AsyncHttpClient(host=url, headers={"Authorization": f"Bearer {key}"})

    async def named():
        assert f"{name}_text" in [one if isinstance(one, str) else one.name for one in await client.list_collections()]
        return await client.get_collection(f"{name}_text")

    await client.create_collection(f"{name}_text", metadata={"hnsw:space": "cosine"})
    ids = ["7d1ba2c1-6e24-4d34-9e4b-0a0a54b6cfe1", "0f0d1a2b-0000-4000-8000-000000000001"]
    await (await named()).upsert(ids=ids, embeddings=[[1.0, 0.0], [0.0, 1.0]], documents=["x", "y"], metadatas=[{"tags__list": '["a"]', "none": "None"}, {"n": 1}])
    got = await (await named()).get(ids=ids[:1], include=["metadatas"])
    query = await (await named()).query(query_embeddings=[[1.0, 0.0]], n_results=2, include=["metadatas", "distances"])
    await (await named()).delete(ids=[ids[0], "11111111-1111-4111-8111-111111111111"])
    left = await (await named()).count()
    for one in await client.list_collections():
        title = one if isinstance(one, str) else one.name
        if title.startswith(name):
            await client.delete_collection(title)
    return [got["metadatas"][0]["tags__list"], query["ids"][0] == ids, left]


seen["cognee"] = asyncio.run(as_cognee_does())
print(json.dumps(seen))
