"""Moorcheh's basic usage: text by the built-in embedder, without answer generation. The base URL is all that was changed."""

import os

from moorcheh_sdk import MoorchehClient

server = os.environ.get("LACUNA_URL", "http://127.0.0.1:8000")
api_key = os.environ.get("MOORCHEH_API_KEY", "YOUR_API_KEY")

with MoorchehClient(api_key=api_key, base_url=f"{server}/moorcheh/v1") as client:
    namespace_name = "my-first-namespace"
    client.namespaces.create(namespace_name=namespace_name, type="text")

    docs = [
        {"id": "doc1", "text": "This is the first document about Moorcheh."},
        {"id": "doc2", "text": "Oranges grow in warm countries.", "topic": "fruit"},
    ]
    upload_res = client.documents.upload(namespace_name=namespace_name, documents=docs)
    print("upload:", upload_res["status"])  # the SDK's own word, whatever the server says

    search_res = client.similarity_search.query(namespaces=[namespace_name], query="document about Moorcheh", top_k=1)
    print("nearest:", search_res["results"][0]["id"])

    delete_res = client.documents.delete(namespace_name=namespace_name, ids=["doc1", "gone"])
    print("deleted:", delete_res["actual_deletions"], "left:", delete_res["remaining_items"])

    search_res = client.similarity_search.query(namespaces=[namespace_name], query="document about Moorcheh", top_k=10)
    print("found:", [one["id"] for one in search_res["results"]])

    client.namespaces.delete(namespace_name)
    print("namespaces:", [one["namespace_name"] for one in client.namespaces.list()["namespaces"] if one["namespace_name"] == namespace_name])
