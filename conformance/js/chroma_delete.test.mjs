// Every delete that the documentation of Chroma's JavaScript client shows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AdminClient, ChromaClient } from "chromadb";
import { fresh, key, url } from "./server_under_test.mjs";

const where_it_is = { host: url.hostname, port: Number(url.port), ssl: url.protocol === "https:", headers: { "x-chroma-token": key } };
const client = new ChromaClient(where_it_is);

const IDS = ["id1", "id2", "id3", "id4"];

async function stories() {
  const collection = await client.createCollection({ name: fresh("stories"), embeddingFunction: null });
  await collection.add({
    ids: IDS,
    embeddings: [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]],
    metadatas: [{ chapter: "20", page: 1 }, { chapter: "20", page: 2 }, { chapter: "21", page: 3 }, { page: 4 }],
    documents: ["a dragon sleeps", "a dragon wakes", "a knight rides", "the end"],
  });
  return collection;
}

async function left(collection) {
  const { ids } = await collection.get();
  return ids.toSorted();
}

test("delete by ids", async () => {
  const collection = await stories();
  assert.deepEqual(await collection.delete({ ids: ["id1", "id2"] }), { deleted: 2 });
  assert.deepEqual(await left(collection), ["id3", "id4"]);
  assert.equal(await collection.count(), 2);
});

test("delete by ids, one of which never was, counts what was removed", async () => {
  const collection = await stories();
  assert.deepEqual(await collection.delete({ ids: ["id1", "never-was"] }), { deleted: 1 });
  assert.deepEqual(await left(collection), ["id2", "id3", "id4"]);
});

test("delete by ids and where takes both into account", async () => {
  const collection = await stories();
  assert.deepEqual(await collection.delete({ ids: ["id1", "id2", "id3"], where: { chapter: "20" } }), { deleted: 2 });
  assert.deepEqual(await left(collection), ["id3", "id4"]);
});

test("delete by where", async () => {
  const collection = await stories();
  assert.deepEqual(await collection.delete({ where: { chapter: "20" } }), { deleted: 2 });
  assert.deepEqual(await left(collection), ["id3", "id4"]);
});

test("delete by where with operators", async () => {
  const collection = await stories();
  const where = { $and: [{ page: { $gte: 2 } }, { chapter: { $in: ["20", "21"] } }] };
  assert.deepEqual(await collection.delete({ where }), { deleted: 2 });
  assert.deepEqual(await left(collection), ["id1", "id4"]);
});

test("delete by $ne takes records without the field", async () => {
  const collection = await stories();
  assert.deepEqual(await collection.delete({ where: { chapter: { $ne: "20" } } }), { deleted: 2 });
  assert.deepEqual(await left(collection), ["id1", "id2"]);
});

test("delete by whereDocument", async () => {
  const collection = await stories();
  assert.deepEqual(await collection.delete({ whereDocument: { $contains: "dragon" } }), { deleted: 2 });
  assert.deepEqual(await left(collection), ["id3", "id4"]);
});

test("delete by where and whereDocument", async () => {
  const collection = await stories();
  const deleted = await collection.delete({ where: { page: { $lt: 4 } }, whereDocument: { $not_contains: "dragon" } });
  assert.deepEqual(deleted, { deleted: 1 });
  assert.deepEqual(await left(collection), ["id1", "id2", "id4"]);
});

test("delete with a limit takes no more than that", async () => {
  const collection = await stories();
  assert.deepEqual(await collection.delete({ where: { chapter: "20" }, limit: 1 }), { deleted: 1 });
  const rest = await left(collection);
  assert.equal(rest.length, 3);
  assert.ok(rest.includes("id3") && rest.includes("id4"), `a record that doesn't match went: ${rest}`);
});

test("delete without a selector deletes nothing", async () => {
  const collection = await stories();
  await assert.rejects(collection.delete({}));
  await assert.rejects(collection.delete({ ids: [] }));
  await assert.rejects(collection.delete({ where: {} }));
  assert.deepEqual(await left(collection), IDS);
});

test("what was deleted is in no query, and comes back only when it is added", async () => {
  const collection = await stories();
  await collection.delete({ ids: ["id1"] });
  const { ids } = await collection.query({ queryEmbeddings: [[1, 0, 0]], nResults: 10 });
  assert.deepEqual(ids[0].toSorted(), ["id2", "id3", "id4"]);
  await collection.upsert({ ids: ["id1"], embeddings: [[1, 0, 0]] });
  const again = await collection.get({ ids: ["id1"] });
  assert.deepEqual(again.metadatas, [null]);
  assert.deepEqual(again.documents, [null]);
});

test("deleteCollection, and the same name made anew is empty", async () => {
  const collection = await stories();
  await client.deleteCollection({ name: collection.name });
  await assert.rejects(client.getCollection({ name: collection.name, embeddingFunction: null }));
  await assert.rejects(collection.delete({ ids: ["id1"] }));
  await assert.rejects(client.deleteCollection({ name: collection.name }));
  const anew = await client.createCollection({ name: collection.name, embeddingFunction: null });
  assert.equal(await anew.count(), 0);
  assert.notEqual(anew.id, collection.id);
});

test("deleteDatabase takes its collections, and no other database's", async () => {
  const admin = new AdminClient(where_it_is);
  const name = fresh("stories");
  const databases = [fresh("first"), fresh("second")];
  const collections = [];
  for (const database of databases) {
    await admin.createDatabase({ name: database, tenant: "default_tenant" });
    const its = new ChromaClient({ ...where_it_is, tenant: "default_tenant", database });
    const collection = await its.createCollection({ name, embeddingFunction: null });
    await collection.add({ ids: ["a"], embeddings: [[1, 2]] });
    collections.push(collection);
  }
  await admin.deleteDatabase({ name: databases[0], tenant: "default_tenant" });
  await assert.rejects(collections[0].count());
  assert.equal(await collections[1].count(), 1);
});
