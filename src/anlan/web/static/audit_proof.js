// An entry's inclusion proof, recomputed where the reader sits: SHA-256 as in RFC 9162 §2.1.3.2.

import { t } from "./config.js";

/** Whether text, hash and path lead to the head's root, in words. */
export async function proofOf(leaf) {
  if (!globalThis.crypto?.subtle) return t("Not recomputed here: the browser does that under HTTPS only.");
  return (await leads(leaf)) ? t("This browser recomputed it: it agrees.") : t("This browser recomputed it: it does not agree.");
}

async function leads({ text, leaf, proof }) {
  let found = await hash([0], new TextEncoder().encode(text));
  if (hex(found) !== leaf) return false;
  let [node, last] = [BigInt(proof.index), BigInt(proof.head.size) - 1n];
  for (const step of proof.path.map(bytes)) {
    if (last === 0n) return false;
    if (node & 1n || node === last) {
      found = await hash([1], step, found);
      while (!(node & 1n) && node) [node, last] = [node >> 1n, last >> 1n];
    } else found = await hash([1], found, step);
    [node, last] = [node >> 1n, last >> 1n];
  }
  return last === 0n && hex(found) === proof.head.root;
}

async function hash(...parts) {
  const whole = new Uint8Array(parts.flatMap((part) => [...part]));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

const hex = (data) => [...data].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const bytes = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
