// Dialogs that make lines: a new worksheet of a form, the deviations of a HAZOP node, a workbook whose difference is shown before it is taken over.

import { esc, label, t } from "./config.js";
import { api } from "./link.js";
import { ask } from "./point_forms.js";

/** A new sheet; the answer of the node, null if turned back. */
export async function newSheet() {
  const known = await api.get("/api/v1/risk/worksheets/forms");
  const places = await api.get("/api/v1/places");
  const among = [["", t("whole plant")], ...(places.items ?? []).map((one) => [one.path, `${"　".repeat(one.path.split("/").length - 1)}${label(one.name)}`])];
  return ask({
    title: t("New worksheet"),
    fields: [
      { name: "form", words: t("Form"), kind: "choice", choices: (known.forms ?? []).map((one) => [one.id, label(one.name)]) },
      { name: "method", words: t("Scored by"), kind: "choice", choices: (known.methods ?? []).map((one) => [one.id, `${label(one.name)}${one.unverified ? ` · ${t("not verified against the original text")}` : ""}`]) },
      { name: "title", words: t("Title") },
      { name: "place", words: t("Place"), kind: "choice", choices: among },
      { name: "team", words: t("Team"), needed: false },
      { name: "day", words: t("Date (2026-11-26)"), needed: false, value: new Date().toISOString().slice(0, 10) },
      { name: "reason", words: t("Reason for the change"), value: t("New worksheet") },
    ],
    send: (given) => api.post("/api/v1/risk/worksheets", { ...given, lines: [] }),
  });
}

/** Lines for a HAZOP node: what guide words × parameters ask of it. */
export async function wizard() {
  const known = await api.get("/api/v1/risk/worksheets/forms");
  const parameters = known.forms?.find((one) => one.id === "hazop").columns.find((one) => one.name === "parameter").choices ?? [];
  const made = await ask({
    title: t("Deviations of a node…"),
    fields: [
      { name: "node", words: t("Node") },
      { name: "parameters", words: t("Parameters"), kind: "several", choices: parameters.map((one) => [one.id, label(one.words)]), value: ["flow", "pressure", "temperature", "level"] },
    ],
    say: t("Make the lines"),
    note: t("Guide words that mean nothing for a parameter are left out. What does not apply is taken out again."),
    send: async (given) => ({ node: given.node, ...(await api.get(`/api/v1/risk/worksheets/deviations?${given.parameters.map((one) => `parameter=${encodeURIComponent(one)}`).join("&")}`)) }),
  });
  return made?.items.map((one) => ({ node: made.node, parameter: one.parameter, guide_word: one.guide_word, deviation: label(one.words) }));
}

/** A workbook: its difference first, then, with a reason, the next version. */
export async function brought(file) {
  const body = await file.arrayBuffer();
  const seen = await bytes("/api/v1/risk/workbooks/preview", body);
  if (seen.refused || !seen.accepted) {
    const mistakes = (seen.mistakes ?? []).map((one) => `<li><b>${esc(one.cell)}</b> ${esc(label(one.text))}</li>`).join("");
    await ask({ title: t("The workbook is not taken over"), about: `${esc(seen.refused ?? "")}<ul class="found">${mistakes}</ul>`, fields: [], say: t("Close"), send: async () => ({}) });
    return null;
  }
  const about = `<p>${seen.of ? t("Next version of “{title}”", { title: esc(seen.of.title) }) : t("A new worksheet")}${seen.of && seen.of.number !== seen.number ? ` · ${t("exported from version {n}, current is {m}", { n: seen.number, m: seen.of.number })}` : ""}</p>${differences(seen)}${notes(seen)}`;
  const base = seen.of ? { base: seen.of.number } : {};
  return ask({
    title: t("Take the workbook over"),
    about,
    fields: [{ name: "reason", words: t("Reason for the change") }],
    send: (given) => bytes(`/api/v1/risk/workbooks/import?${new URLSearchParams({ ...given, ...base, name: file.name })}`, body),
    done: (got) => t("Kept as version {n}.", { n: got.number }),
  });
}

const SHOWN = 40;

function differences(seen) {
  const named = new Map(seen.columns.map((one) => [one.name, label(one.words)]));
  const rows = seen.changes.slice(0, SHOWN).map((one) => `<li><b>${esc(one.line)}</b> ${esc(named.get(one.column) ?? one.column)} <del>${esc(one.before)}</del> → <ins>${esc(one.after)}</ins></li>`);
  const more = seen.changes.length > SHOWN ? `<li>… +${seen.changes.length - SHOWN}</li>` : "";
  return seen.changes.length ? `<ul class="found">${rows.join("")}${more}</ul>` : `<p>${t("Nothing differs.")}</p>`;
}

const notes = (seen) => (seen.notes.length ? `<p class="dim">${t("Not read:")} ${seen.notes.map((one) => esc(`${one.cell}: ${label(one.text)}`)).join(" · ")}</p>` : "");

async function bytes(path, body) {
  try {
    const headers = { Accept: "application/json", "Content-Type": "application/octet-stream", "Idempotency-Key": crypto.randomUUID?.() ?? `${Date.now()}` };
    const answer = await fetch(path, { method: "POST", credentials: "same-origin", headers, body });
    const told = await answer.json();
    return answer.ok ? told : { refused: told.detail || told.title };
  } catch (error) {
    console.warn(path, error);
    return { refused: t("The node does not answer.") };
  }
}
