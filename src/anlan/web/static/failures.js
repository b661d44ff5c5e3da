// <anlan-failures>: failure rates by class and mode. What the source says and what this plant's own counts made of it, both as intervals on one
// scale; the items of the chosen class in service, and what was entered about them.

import { esc, label, t } from "./config.js";
import { number, stamp, zoneOffset } from "./format.js";
import { api } from "./link.js";
import { ask } from "./point_forms.js";
import { figure } from "./studies.js";

const SORTS = { "in-service": "put in service", retired: "retired", failure: "failure", test: "proof test", demand: "demand" };
const TAKEN = { prior: "nothing counted here", joined: "joined", plant: "this plant alone", weakened: "source weakened" };
const CONFLICTS = { worse: "this plant does worse", better: "this plant does better" };
const TOLD = { person: "entered", calibration: "from calibrations", stroke: "from demands on final elements" };
const SOURCES = { calibration: "Calibrations could not be read.", stroke: "The demand log could not be read." };

class Failures extends HTMLElement {
  connectedCallback() {
    this.chosen = new URLSearchParams(location.search).get("class");
    this.innerHTML = `<div class="form-error" role="alert"></div><section class="panel list"><div class="wide-table"></div></section><section class="panel one" aria-live="polite"></section>`;
    this.querySelector(".list").addEventListener("click", ({ target }) => this.choose(target.closest("tr[data-class]")?.dataset.class));
    this.querySelector(".list").addEventListener("keydown", (event) => event.key === "Enter" && this.choose(event.target.closest("tr[data-class]")?.dataset.class));
    this.querySelector(".one").addEventListener("click", ({ target }) => this.act(target.closest("button[data-act]")?.dataset));
    this.load();
  }

  async load() {
    const answer = await api.get("/api/v1/risk/failures");
    this.querySelector(".form-error").textContent = answer.refused ?? answer.missing?.map((one) => t(SOURCES[one])).join(" ") ?? "";
    if (answer.refused) return;
    this.answer = answer;
    this.chosen ??= (answer.items.find((row) => row.history.items.length) ?? answer.items[0]).equipment;
    this.entries = await api.get(`/api/v1/risk/failures/entries?equipment=${encodeURIComponent(this.chosen)}`);
    this.showList();
    this.showOne();
  }

  choose(equipment) {
    if (!equipment || equipment === this.chosen) return;
    this.chosen = equipment;
    history.replaceState(history.state, "", `?class=${encodeURIComponent(equipment)}`);
    return this.load();
  }

  showList() {
    const scales = { hour: scaleOf(this.answer.items, "hour"), demand: scaleOf(this.answer.items, "demand") };
    const head = (words, cls = "") => `<th${cls && ` class="${cls}"`}>${t(words)}</th>`;
    const focused = document.activeElement?.closest?.("tr[data-class]")?.dataset.key;
    this.querySelector(".list > div").innerHTML = `<table class="sheet"><thead><tr>${head("Class and mode")}${head("Published", "number")}${head("This plant")}${head("Used", "number")}${head("5 % … 95 %", "track")}${head("Notes")}</tr></thead>${["hour", "demand"].map((per) => this.body(per, scales[per])).join("")}</table>`;
    if (focused) this.querySelector(`tr[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  /** Rates, then probabilities on demand: each kind on a scale of its own. */
  body(per, scale) {
    const rows = this.answer.items.filter((row) => row.per === per);
    const ticks = scale.ticks.map((power) => `<span style="left:${scale.at(10 ** power)}%">${figure(10 ** power, 1).replace(/^1×/, "")}</span>`).join("");
    return `<tbody><tr class="scale"><th colspan="4" scope="rowgroup">${unit(per)}</th><td class="track"><div>${ticks}</div></td><td></td></tr>${rows.map((row) => line(row, scale.at, row.equipment === this.chosen)).join("")}</tbody>`;
  }

  rows() {
    return this.answer.items.filter((row) => row.equipment === this.chosen);
  }

  showOne() {
    const rows = this.rows();
    if (!rows.length) return;
    const may = this.answer.may.edit;
    const items = rows[0].history.items;
    this.querySelector(".one").innerHTML = `<header><h2>${esc(label(rows[0].equipment_label))}</h2><span class="dim mono">${esc(this.chosen)}</span></header><div class="body">
      ${rows.map(detail).join("")}
      <h3>${t("In service")}</h3><p>${items.length ? items.map((item) => `<span class="mode">${esc(item)}</span>`).join(" ") : rows[0].history.unnamed ? "" : `<span class="dim">${t("No item of this class is known to be in service: its hours are unknown.")}</span>`}${rows[0].history.unnamed ? ` <span class="dim">${t("{n} elsewhere in the plant", { n: rows[0].history.unnamed })}</span>` : ""}</p>
      ${may ? `<div class="button-row"><button class="button" data-act="in-service">${t("Put in service")}</button>${items.length ? `<button class="button main" data-act="test">${t("Enter a proof test")}</button><button class="button" data-act="failure">${t("Enter a failure")}</button><button class="button" data-act="demand">${t("Enter a demand")}</button><button class="button" data-act="retired">${t("Retire")}</button>` : ""}</div>` : ""}
      <h3>${t("Entries")}</h3>${entriesTable(this.entries.items ?? [], may)}</div>`;
  }

  async act(data) {
    if (!data) return;
    if (data.act === "withdraw") await ask({ title: t("Withdraw the entry"), fields: [{ name: "reason", words: t("Reason") }], send: (given) => api.post(`/api/v1/risk/failures/entries/${data.id}/withdraw`, given), done: t("Recorded.") });
    else await this.enter(data.act);
    await this.load();
  }

  enter(sort) {
    const rows = this.rows();
    const items = rows[0].history.items;
    const modes = rows.map((row) => [row.mode, label(row.mode_label)]);
    const fields = [
      sort === "in-service" ? { name: "item", words: t("Tag") } : { name: "item", words: t("Tag"), kind: "choice", choices: items.map((item) => [item, item]) },
      ...(sort === "in-service" ? [{ name: "point", words: t("Point that tells of it, if one does"), needed: false }] : []),
      ...(["failure", "test", "demand"].includes(sort) ? [{ name: "mode", words: t("Mode"), kind: "choice", choices: modes }] : []),
      ...(["test", "demand"].includes(sort) ? [{ name: "passed", words: t("Result"), kind: "choice", choices: [["yes", t("worked")], ["no", t("did not work")]] }] : []),
      { name: "at", words: t("When, as 2026-01-31 08:00"), value: stamp(this.answer.now - 60e6).slice(0, 16) },
      { name: "note", words: t("Note"), needed: false },
    ];
    const send = ({ passed, at, ...given }) => {
      const when = instantOf(at);
      if (when === null) return { refused: t("This is no time: 2026-01-31 08:00 was expected.") };
      return api.post("/api/v1/risk/failures/entries", { ...given, sort, equipment: this.chosen, at: String(when), ...(passed ? { passed: passed === "yes" } : {}) });
    };
    return ask({ title: `${label(rows[0].equipment_label)} · ${t(SORTS[sort])}`, say: t("Enter"), fields, send, done: t("Recorded.") });
  }
}

/** "2026-01-31 08:00" of the site's clock as µs UTC, null for anything else. */
function instantOf(text) {
  const found = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)$/.exec(text);
  if (!found) return null;
  const wall = Date.UTC(found[1], found[2] - 1, found[3], found[4], found[5]);
  return (wall - zoneOffset(wall - zoneOffset(wall))) * 1000;
}

const unit = (per) => (per === "hour" ? t("per hour") : t("per demand"));

function scaleOf(items, per) {
  const laws = items.filter((row) => row.per === per).flatMap((row) => [row.prior, row.used]);
  const low = Math.floor(Math.log10(Math.max(1e-10, Math.min(...laws.map((law) => law.low)))));
  const high = Math.ceil(Math.log10(Math.max(...laws.map((law) => law.high))));
  const at = (value) => Math.min(100, Math.max(0, (100 * (Math.log10(value) - low)) / (high - low)));
  return { at, ticks: Array.from({ length: high - low + 1 }, (_, n) => low + n).filter((power) => (power - low) % 2 === 0) };
}

function bar(law, at, cls, words) {
  return `<i class="${cls}" style="left:${at(law.low)}%;width:${Math.max(0.5, at(law.high) - at(law.low))}%" title="${esc(`${words}: ${figure(law.low)} … ${figure(law.high)}`)}"></i><i class="${cls} mean" style="left:${at(law.mean)}%"></i>`;
}

function line(row, at, chosen) {
  const history = row.history;
  const counted = row.taken !== "prior";
  const plant = history.items.length + history.unnamed ? `${t("{n} failures", { n: history.failures })}<br>${row.per === "hour" ? t("{n} h", { n: number(row.exposure, 0) }) : t("{n} demands", { n: row.exposure })}` : `<span class="dim">—</span>`;
  const notes = [row.checked ? "" : `<span class="unchecked">${t("text not checked")}</span>`, row.conflict ? `<span class="conflict">${t(CONFLICTS[row.conflict])}</span>` : ""].join(" ");
  return `<tr data-class="${esc(row.equipment)}" data-key="${esc(`${row.equipment} ${row.mode}`)}" tabindex="0" aria-selected="${chosen}"><td><b>${esc(label(row.equipment_label))}</b><div class="dim">${esc(label(row.mode_label))}</div></td><td class="number">${figure(row.prior.mean)}</td><td class="plant">${plant}</td><td class="number">${figure(row.used.mean)}<div class="dim">${t(TAKEN[row.taken])}</div></td>
    <td class="track"><div>${bar(row.prior, at, "source", t("Published"))}${counted ? bar(row.used, at, "used", t("Used")) : ""}</div></td><td>${notes}</td></tr>`;
}

function detail(row) {
  const told = Object.entries(row.history.told).map(([by, n]) => `${t(TOLD[by])} ${n}`).join(" · ");
  return `<div class="mode-detail"><h3>${esc(label(row.mode_label))}</h3>
    <p>${figure(row.used.mean)} ${unit(row.per)} <span class="dim">(${figure(row.used.low)} … ${figure(row.used.high)}) · ${t(TAKEN[row.taken])}</span></p>
    <p class="dim">${t("{h} h in service, {t} tests, {d} demands, {f} failures", { h: number(row.history.hours, 0), t: row.history.tests, d: row.history.demands, f: row.history.failures })}${told ? ` · ${told}` : ""}</p>
    ${row.remarks.map((one) => `<p class="remark">${esc(label(one))}</p>`).join("")}<p class="dim">${esc(row.source)} · ${esc(row.population)} · ${esc(row.prior.printed)}</p></div>`;
}

function entriesTable(items, may) {
  if (!items.length) return `<p class="dim">${t("Nothing has been entered.")}</p>`;
  const result = (one) => (one.passed === null ? "" : one.passed ? t("worked") : `<b class="failed">${t("did not work")}</b>`);
  const rows = items.map(
    (one) => `<tr class="${one.withdrawn ? "withdrawn" : ""}"><td class="nowrap">${stamp(one.at).slice(0, 16)}</td><td class="nowrap">${esc(one.item)}</td><td>${t(SORTS[one.sort])} ${result(one)}</td><td>${esc(one.note)}${one.withdrawn ? `<div>${t("withdrawn: {reason}", { reason: esc(one.withdrawn.reason) })}</div>` : ""}<div class="dim">${esc(label(one.by))}</div></td><td class="number">${may && !one.withdrawn ? `<button class="button quiet" data-act="withdraw" data-id="${one.id}">${t("Withdraw")}</button>` : ""}</td></tr>`,
  );
  return `<div class="wide-table"><table class="sheet"><thead><tr><th>${t("Time")}</th><th>${t("Tag")}</th><th>${t("What happened")}</th><th>${t("Note")}</th><th></th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

customElements.define("anlan-failures", Failures);
