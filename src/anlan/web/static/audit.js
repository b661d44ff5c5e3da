// <anlan-audit>: the audit record, newest first, filtered; an entry opens to what was before and after and to its proof. Above it the newest
// signed head, the last check and what each witness says. What is not known is said to be unknown.
// The address carries the filter, so that a question can be passed on: /audit?action=alarm.shelve&who=gas

import { proofOf } from "./audit_proof.js";
import { esc, label, t } from "./config.js";
import { span, stamp } from "./format.js";
import { api } from "./link.js";
import { instantOf, wallOf } from "./replay_times.js";

/** Beyond every number: the newest entries come first. */
const NEWEST = "4611686018427387904";
const PAGE = 100;
const AGAIN = 10_000;
const FIELDS = ["who", "action", "subject", "text", "start", "end"];

class Audit extends HTMLElement {
  async connectedCallback() {
    this.innerHTML = frame();
    this.form = this.querySelector("form");
    this.body = this.querySelector("tbody");
    this.readAddress();
    this.wire();
    this.timer = setInterval(() => document.visibilityState === "visible" && this.heads(), AGAIN);
    this.heads();
    this.anew();
    const { items, refused } = await api.get("/api/v1/audit/actions");
    if (refused || !this.isConnected) return;
    const choice = this.form.elements.action;
    const chosen = choice.value || new URLSearchParams(location.search).get("action") || "";
    choice.insertAdjacentHTML("beforeend", items.map(({ action, name }) => `<option value="${esc(action)}">${esc(label(name) || action)}</option>`).join(""));
    choice.value = chosen;
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  wire() {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.anew();
    });
    this.form.elements.action.addEventListener("change", () => this.anew());
    this.form.querySelector(".clear").addEventListener("click", () => {
      for (const name of FIELDS) this.form.elements[name].value = "";
      this.anew();
    });
    this.querySelector(".more").addEventListener("click", () => this.read(this.oldest, false));
    this.body.addEventListener("click", ({ target }) => {
      const row = target.closest("tr[data-n]");
      if (row && !getSelection().toString()) this.toggle(row);
    });
    this.querySelector(".audit-state").addEventListener("click", ({ target }) => {
      const n = target.closest("[data-show]")?.dataset.show;
      if (n) this.read(String(Number(n) + 1), true);
    });
  }

  readAddress() {
    const given = new URLSearchParams(location.search);
    for (const name of FIELDS) {
      const value = given.get(name) ?? "";
      if (name === "action" && value) this.form.elements.action.insertAdjacentHTML("beforeend", `<option value="${esc(value)}" hidden>${esc(value)}</option>`);
      this.form.elements[name].value = name === "start" || name === "end" ? (Number(value) ? wallOf(Number(value)) : "") : value;
    }
  }

  /** The filter as the API wants it; null when a time is none. */
  query() {
    const asked = {};
    for (const name of FIELDS) {
      const value = this.form.elements[name].value.trim();
      if (!value) continue;
      if ((name === "start" || name === "end") && Number.isNaN(Date.parse(value.replace(" ", "T")))) return null;
      asked[name] = name === "start" || name === "end" ? instantOf(value) : value;
    }
    return asked;
  }

  anew() {
    return this.read(NEWEST, true);
  }

  async read(before, whole) {
    const asked = this.query();
    const note = this.form.querySelector(".form-error");
    note.textContent = asked ? "" : t("This is no time: 2026-01-31 08:00 was expected.");
    if (!asked) return;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    history.replaceState(history.state, "", Object.keys(asked).length ? `?${new URLSearchParams(asked)}` : location.pathname);
    const answer = await api.get(`/api/v1/audit?${new URLSearchParams({ ...asked, before, limit: PAGE })}`);
    if (turn !== this.turn) return;
    note.textContent = answer.refused ?? "";
    if (answer.refused) return;
    const lines = answer.items.map(line).join("");
    whole ? (this.body.innerHTML = lines) : this.body.insertAdjacentHTML("beforeend", lines);
    this.oldest = answer.next;
    this.querySelector(".more").hidden = answer.next === null;
    this.querySelector(".empty").hidden = this.body.children.length > 0;
  }

  async heads() {
    const [answer, others] = await Promise.all([api.get("/api/v1/audit/heads?limit=1"), api.get("/api/v1/witness")]);
    const place = this.querySelector(".audit-state");
    const shown = answer.refused ? `<p class="form-error">${esc(answer.refused)}</p>` : state(answer, others);
    if (shown === this.shown) return;
    const focused = place.contains(document.activeElement);
    place.innerHTML = this.shown = shown;
    if (focused) place.querySelector("[data-show]")?.focus();
  }

  /** An entry opens below its row and closes again. */
  async toggle(row) {
    const opened = row.nextElementSibling?.classList.contains("entry") ? row.nextElementSibling : null;
    row.querySelector("button").setAttribute("aria-expanded", opened ? "false" : "true");
    if (opened) return opened.remove();
    row.insertAdjacentHTML("afterend", `<tr class="entry"><td colspan="8"></td></tr>`);
    const place = row.nextElementSibling.firstElementChild;
    const leaf = await api.get(`/api/v1/audit/${row.dataset.n}`);
    place.innerHTML = leaf.refused ? `<p class="form-error">${esc(leaf.refused)}</p>` : entry(leaf);
    if (leaf.proof) place.querySelector(".recomputed").textContent = await proofOf(leaf);
  }
}

function frame() {
  const field = (name, words) => `<input class="field" type="search" name="${name}" placeholder="${t(words)}" aria-label="${t(words)}" autocomplete="off">`;
  const heads = ["No.", "Time", "Who", "Step", "Subject", "Reason", "From address"];
  return `<section class="panel audit-state"></section>
    <form class="journal-tools" novalidate>${field("text", "Text anywhere")}${field("who", "Account or “node”")}
      <select class="field" name="action" aria-label="${t("Step")}"><option value="">${t("Any action")}</option></select>${field("subject", "Subject: tag, alarm, person")}
      ${field("start", "From")}${field("end", "To")}<button class="button">${t("Show")}</button><button type="button" class="button quiet clear">${t("Clear")}</button><span class="form-error" role="alert"></span></form>
    <div class="panel wide-table"><table class="sheet audit"><thead><tr><th></th>${heads.map((head) => `<th>${t(head)}</th>`).join("")}</tr></thead><tbody></tbody></table>
    <div class="empty" hidden><strong>${t("No entry fits.")}</strong><span>${t("Steps of people and changes of the configuration are written here as they happen.")}</span></div></div>
    <p class="older"><button type="button" class="button more" hidden>${t("Older")}</button></p>`;
}

function line(leaf) {
  const cells = [
    `<button type="button" class="button quiet open" aria-expanded="false" aria-label="${t("Show entry {n}", { n: leaf.n })}">▸</button>`,
    `<span class="number">${leaf.n}</span>`,
    `<span class="nowrap">${esc(stamp(leaf.at))}</span>`,
    `<span class="strong">${esc(whose(leaf))}</span>${leaf.post ? ` <span class="dim">${esc(leaf.post)}</span>` : ""}`,
    `<span class="strong">${esc(label(leaf.action_name) || leaf.action)}</span>`,
    `<span class="mono">${esc(short(leaf.subject))}</span>`,
    esc(leaf.reason),
    `<span class="dim nowrap">${esc(leaf.from_where)}</span>`,
  ];
  return `<tr data-n="${leaf.n}">${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

const whose = (leaf) => label(leaf.who_name) || (leaf.who === "node" ? t("the node") : leaf.who === "" ? t("nobody known") : short(leaf.who));

/** A UUID is told apart by its last digits. */
const short = (text) => (/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(text) ? `…${text.slice(-8)}` : text);

function entry(leaf) {
  const rows = differences(leaf.before, leaf.after).map(
    ({ field, before, after, differs }) => `<tr class="${differs ? "differs" : ""}"><td class="mono">${esc(field)}</td><td class="mono">${esc(before)}</td><td class="mono">${esc(after)}</td><td>${differs ? t("changed") : ""}</td></tr>`,
  );
  const table = rows.length
    ? `<table class="sheet difference"><thead><tr><th>${t("Field")}</th><th>${t("Before")}</th><th>${t("After")}</th><th></th></tr></thead><tbody>${rows.join("")}</tbody></table>`
    : `<p class="dim">${t("Nothing was changed by it, or the change has no fields.")}</p>`;
  const under = leaf.proof ? `${t("Under the head of {n} entries signed {time}, by {steps} hashes.", { n: leaf.proof.head.size, time: stamp(leaf.proof.head.at), steps: leaf.proof.path.length })} <span class="recomputed"></span>` : t("Not under a signed head yet.");
  return `${table}<dl class="audit-facts"><dt>${t("Step")}</dt><dd class="mono">${esc(leaf.action)} ${esc(leaf.subject)}</dd><dt>${t("Who")}</dt><dd class="mono">${esc(leaf.who)}</dd>
    <dt>${t("Hash")}</dt><dd class="mono">${esc(leaf.leaf)}</dd><dt>${t("Proof")}</dt><dd>${under}</dd></dl>`;
}

/** Every field of either side by its path; those that differ first. */
export function differences(before, after) {
  const [left, right] = [flat(before), flat(after)];
  const rows = [...new Set([...left.keys(), ...right.keys()])].map((field) => {
    const [was, is] = [left.get(field) ?? "—", right.get(field) ?? "—"];
    return { field, before: was, after: is, differs: before !== null && after !== null && was !== is };
  });
  return rows.sort((a, b) => Number(b.differs) - Number(a.differs));
}

function flat(value, path = "", found = new Map()) {
  if (value !== null && typeof value === "object" && Object.keys(value).length)
    for (const [key, inner] of Object.entries(value)) flat(inner, path ? `${path}.${key}` : key, found);
  else if (path) found.set(path, typeof value === "string" ? value : JSON.stringify(value));
  return found;
}

// --- head, check, witnesses

function state(told, others) {
  const facts = [
    [t("Newest signed head"), told.newest ? t("{n} entries, {time}", { n: told.newest.size, time: stamp(told.newest.at) }) : t("not signed yet"), told.newest?.root],
    [t("Last check"), ...lastCheck(told)],
    [t("Signing key"), told.key ? `<span class="mono">${esc(told.key.log.slice(0, 16))}…</span>` : unknown(t("no key: unknown")), told.key?.log],
    [t("Witnesses"), told.witnesses.length ? told.witnesses.map((one) => witness(one, told.now)).join("<br>") : unknown(t("No witness is named: whether a tail was cut off with its heads, or all replaced, is unknown."))],
  ];
  if (others.refused || others.items.length) facts.push([t("Witness of"), others.refused ? unknown(esc(others.refused)) : others.items.map((one) => witnessed(one, told.now)).join("<br>")]);
  const shown = facts.map(([name, words, hint]) => `<div class="fact"><span class="dim">${name}</span><span${hint ? ` title="${esc(hint)}"` : ""}>${words}</span></div>`).join("");
  const difference = told.checked?.difference;
  const first = difference ? `<p class="form-error"><b>${t("First difference: entry {n}, {time}", { n: difference.n, time: difference.at ? stamp(difference.at) : t("unknown") })}</b> ${esc(difference.why)} <button type="button" class="button" data-show="${difference.n}">${t("Show entry {n}", { n: difference.n })}</button></p>` : "";
  const waiting = told.waiting ? `<p class="form-error">${t("{n} steps wait to be written", { n: told.waiting.waiting })}: ${esc(told.waiting.why)}</p>` : "";
  const faults = told.faults.filter((fault) => !difference || !fault.includes(difference.why)).map((fault) => `<p class="form-error">${esc(fault)}</p>`);
  const since = told.checked?.first_at && !difference ? `<p class="dim">${t("kept without end: nothing deletes entries; the first is of {time}", { time: stamp(told.checked.first_at) })}</p>` : "";
  return `<div class="body"><div class="facts">${shown}</div>${first}${waiting}${faults.join("")}${since}</div>`;
}

function lastCheck({ checked, checked_at: at, check_seconds: every }) {
  if (!checked || !at) return [unknown(t("not checked yet: unknown"))];
  const when = t("{time}, every {n} s", { time: stamp(at), n: Math.round(every) });
  return [checked.difference ? when : `${t("no difference found in {n} entries", { n: checked.leaves })}<br><span class="dim">${when}</span>`];
}

/** How old what it holds is counts most while it cannot be reached. */
function witness({ name, last, agrees, fault }, now) {
  const held = last ? `${t("holds this record up to entry {n}, {time}", { n: last.size, time: stamp(last.at) })} (${ago(last.at, now)})` : t("no head yet");
  const words = fault ? `${unknown(`${t("unknown")}: ${esc(fault)}`)}${last ? `<br><span class="dim">${t("Last known")}: ${held}</span>` : ""}` : agrees === false ? `<b class="differs">${t("differs from this record")}</b>` : agrees ? held : last ? `${held} · ${unknown(t("whether it agrees is unknown"))}` : unknown(t("no head yet"));
  return `<span class="mono">${esc(name)}</span> ${words}`;
}

/** Another node, whose witness this one is. */
function witnessed({ name, log, head, heard_at: heard, silent, expected, refused, refused_at: at }, now) {
  const held = head ? t("{n} entries, {time}", { n: head.size, time: stamp(head.at) }) : t("no head yet");
  const alive = silent ? unknown(t("silent for {span}", { span: span(now - heard) })) : expected ? t("heard {span} ago", { span: span(now - heard) }) : t("no token hands over for it any more");
  const wrong = refused ? `<br><b class="differs">${t("does not fit")}</b>, ${stamp(at)}: ${esc(refused.why)}` : "";
  return `<span class="strong" title="${esc(log)}">${esc(name)}</span> <span class="mono dim">${esc(log.slice(0, 16))}…</span> ${held} · ${alive}${wrong}`;
}

const ago = (at, now) => t("{span} old", { span: span(Math.max(0, now - at)) });
const unknown = (words) => `<span class="unknown">${words}</span>`;

customElements.define("anlan-audit", Audit);
