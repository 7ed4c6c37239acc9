// Every delete that the documentation of Pinecone's JavaScript client shows.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Pinecone } from "@pinecone-database/pinecone";
import { fresh, key, url } from "./server_under_test.mjs";

const pc = new Pinecone({ apiKey: key, controllerHostUrl: `${url.origin}/pinecone` });
const name = fresh("movies");
const spec = { serverless: { cloud: "aws", region: "us-east-1" } };
let index;

before(async () => {
  const model = await pc.createIndex({ name, dimension: 3, metric: "cosine", spec, waitUntilReady: true });
  index = pc.index({ host: model.host });
});

after(async () => {
  await pc.deleteIndex(name);
});

const RECORDS = [
  { id: "record-1", values: [1, 0, 0], metadata: { genre: "classical", year: 2019 } },
  { id: "record-2", values: [0, 1, 0], metadata: { genre: "classical", year: 2020 } },
  { id: "record-3", values: [0, 0, 1], metadata: { genre: "jazz", year: 2020 } },
  { id: "record-4", values: [1, 1, 1], metadata: { year: 2021 } },
];

async function filled(stem) {
  const namespace = fresh(stem);
  await index.upsert({ records: RECORDS, namespace });
  return namespace;
}

async function left(namespace) {
  const { records } = await index.fetch({ ids: RECORDS.map((record) => record.id), namespace });
  return Object.keys(records).toSorted();
}

test("deleteOne", async () => {
  const namespace = await filled("one");
  await index.deleteOne({ id: "record-1", namespace });
  assert.deepEqual(await left(namespace), ["record-2", "record-3", "record-4"]);
  await index.deleteOne({ id: "record-1", namespace });
});

test("deleteMany by ids, one of which never was", async () => {
  const namespace = await filled("many");
  await index.deleteMany({ ids: ["record-1", "record-2", "never-was"], namespace });
  assert.deepEqual(await left(namespace), ["record-3", "record-4"]);
});

test("deleteMany by filter", async () => {
  const namespace = await filled("filter");
  await index.deleteMany({ filter: { genre: "classical" }, namespace });
  assert.deepEqual(await left(namespace), ["record-3", "record-4"]);
});

test("deleteMany by a filter with operators", async () => {
  const namespace = await filled("operators");
  await index.deleteMany({ filter: { $and: [{ genre: { $in: ["classical", "jazz"] } }, { year: { $gte: 2020 } }] }, namespace });
  assert.deepEqual(await left(namespace), ["record-1", "record-4"]);
});

test("deleteMany by an empty filter deletes nothing", async () => {
  const namespace = await filled("empty");
  await assert.rejects(index.deleteMany({ filter: {}, namespace }));
  await assert.rejects(index.deleteMany({ ids: [], namespace }));
  assert.equal((await left(namespace)).length, 4);
});

test("deleteAll of one namespace leaves the others", async () => {
  const [gone, kept] = [await filled("gone"), await filled("kept")];
  await index.deleteAll({ namespace: gone });
  assert.deepEqual(await left(gone), []);
  assert.equal((await left(kept)).length, 4);
  const { namespaces } = await index.describeIndexStats();
  assert.equal(namespaces[gone]?.recordCount ?? 0, 0);
  assert.equal(namespaces[kept].recordCount, 4);
});

test("deleteAll of the default namespace", async () => {
  await index.upsert({ records: RECORDS });
  const kept = await filled("beside");
  await index.deleteAll();
  assert.deepEqual(await left("__default__"), []);
  assert.equal((await left(kept)).length, 4);
});

test("deleteAll of a namespace that never was is not found", async () => {
  await assert.rejects(index.deleteAll({ namespace: fresh("never") }), { name: "PineconeNotFoundError" });
});

test("a deleted record is in no query and not listed", async () => {
  const namespace = await filled("query");
  await index.deleteOne({ id: "record-1", namespace });
  const { matches } = await index.query({ vector: [1, 0, 0], topK: 10, namespace });
  assert.deepEqual(matches.map((match) => match.id).toSorted(), ["record-2", "record-3", "record-4"]);
  const { vectors } = await index.listPaginated({ namespace });
  assert.deepEqual(vectors.map((vector) => vector.id), ["record-2", "record-3", "record-4"]);
});

test("deleteNamespace", async () => {
  const namespace = await filled("space");
  await index.deleteNamespace(namespace);
  assert.deepEqual(await left(namespace), []);
  await assert.rejects(index.describeNamespace(namespace));
});

test("deleteIndex, and the same name made anew is empty", async () => {
  const other = fresh("short-lived");
  const options = { name: other, dimension: 3, metric: "cosine", spec, waitUntilReady: true };
  const model = await pc.createIndex(options);
  await pc.index({ host: model.host }).upsert({ records: RECORDS });
  await pc.deleteIndex(other);
  await assert.rejects(pc.describeIndex(other));
  const anew = await pc.createIndex(options);
  const stats = await pc.index({ host: anew.host }).describeIndexStats();
  assert.equal(stats.totalRecordCount, 0);
  await pc.deleteIndex(other);
});

test("deleteIndex of a protected index is refused until the protection is taken away", async () => {
  const other = fresh("protected");
  await pc.createIndex({ name: other, dimension: 3, metric: "cosine", spec, deletionProtection: "enabled", waitUntilReady: true });
  await assert.rejects(pc.deleteIndex(other));
  await pc.configureIndex({ name: other, deletionProtection: "disabled" });
  await pc.deleteIndex(other);
  await assert.rejects(pc.describeIndex(other));
});
