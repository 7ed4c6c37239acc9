"""Chroma's getting started, with vectors supplied. The host is all that was changed."""

import os
from urllib.parse import urlsplit

import chromadb

server = urlsplit(os.environ.get("LACUNA_URL", "http://127.0.0.1:8000"))
chroma_client = chromadb.HttpClient(host=server.hostname, port=server.port)

collection = chroma_client.get_or_create_collection(name="my_collection")

collection.upsert(
    ids=["id1", "id2"],
    documents=["This is a document about pineapple", "This is a document about oranges"],
    metadatas=[{"topic": "pineapple"}, {"topic": "oranges"}],
    embeddings=[[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]],
)

results = collection.query(query_embeddings=[[0.8, 0.2, 0.0]], n_results=2)
print("nearest:", results["ids"][0], results["documents"][0][0])

print("deleted:", collection.delete(ids=["id1"]))
print("left:", collection.get(where={"topic": "oranges"})["ids"], collection.count())

print("deleted:", collection.delete(where={"topic": "oranges"}))
print("left:", collection.count())

chroma_client.delete_collection(name="my_collection")
print("collections:", [one.name for one in chroma_client.list_collections() if one.name == "my_collection"])
