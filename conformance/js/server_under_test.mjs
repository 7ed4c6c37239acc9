// The server that a test speaks to, and names that nobody else has.
import { randomUUID } from "node:crypto";

export const url = new URL(process.env.LACUNA_URL ?? "http://127.0.0.1:8000");
export const key = process.env.LACUNA_KEY ?? "open";

export const fresh = (stem) => `${stem}-${randomUUID().slice(0, 8)}`;
