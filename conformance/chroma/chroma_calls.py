"""What the Chroma tests share: plain calls to a collection, and collections with something in them."""

DATABASE = "/api/v2/tenants/default_tenant/databases/default_database"


def path(collection, verb: str, database: str = DATABASE) -> str:
    """The route of a verb on a collection (or on a UUID)."""
    return f"{database}/collections/{getattr(collection, 'id', collection)}/{verb}"


def post(http, collection, verb: str, body, database: str = DATABASE):
    """A verb with a JSON body, as no client would send it."""
    return http.post(path(collection, verb, database), json=body)


def delete(http, collection, body) -> int:
    """A delete that must succeed; how many went."""
    answer = post(http, collection, "delete", body)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"deleted"}
    return answer.json()["deleted"]


def refused(answer, status: int, error: str) -> str:
    """The answer is this refusal, in the shape that the client reads; its message."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["error"] == error, body
    assert isinstance(body["message"], str) and body["message"]
    return body["message"]


def make(client, fresh, stem="t", **options):
    """An empty collection without an embedding function."""
    return client.create_collection(fresh(stem), embedding_function=None, **options)


def filled(client, fresh, count=6, **options):
    """A collection of `count` records r0, r1, …: metadata {n, even, kind}, documents, vectors (n, 1)."""
    collection = make(client, fresh, **options)
    numbers = range(count)
    collection.add(
        ids=[f"r{n}" for n in numbers],
        embeddings=[[float(n), 1.0] for n in numbers],
        metadatas=[{"n": n, "even": n % 2 == 0, "kind": "abc"[n % 3]} for n in numbers],
        documents=[f"text {n} {'even' if n % 2 == 0 else 'odd'}" for n in numbers],
    )
    return collection


def ids(collection) -> list[str]:
    """All of its ids, in the order of their insertion."""
    return collection.get(include=[])["ids"]
