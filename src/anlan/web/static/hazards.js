// <anlan-hazards>: the register of major hazards. Left every unit with what is signed and when it is due again; right the chosen one: what is signed
// beside what is computed today, q/Q by substance, R on its scale, the tanks as they are now, each step of the identification, the signatures.

import { esc, label, t } from "./config.js";
import { number, stamp } from "./format.js";
import { api, link } from "./link.js";
import { ask, SIGNED } from "./point_forms.js";
import { BAD, qualityWords, severity } from "./quality.js";
import { withKey } from "./security_key.js";

const PATH = "/api/v1/risk/hazards";
const KINDS = () => ({ production: t("production unit"), storage: t("storage unit"), warehouse: t("warehouse") });
const STATES = () => ({ in_force: t("in force"), waiting: t("waits for the second person"), rejected: t("rejected"), replaced: t("replaced") });
const BORDERS = [10, 50, 100];
const FILLS = ["--trend-1", "--trend-2", "--trend-3", "--trend-4", "--trend-5", "--trend-6", "--trend-7", "--trend-8"];

/** A page that stands open for days still counts down, and shows what others sign. [ms] */
const AGAIN = 60_000;
const MASSES = ["mass_t", "fill", "at", "at_iso", "above_design"];
const steady = (told) => JSON.stringify(told, (key, value) => (MASSES.includes(key) ? undefined : value));

class Hazards extends HTMLElement {
  connectedCallback() {
    this.chosen = new URLSearchParams(location.search).get("unit");
    this.watched = new Map();
    this.innerHTML = `<div class="form-error" role="alert"></div><section class="panel list"></section><section class="one" aria-live="polite"></section>`;
    const choose = (event) => this.choose(event.target.closest("tr[data-unit]")?.dataset.unit);
    this.querySelector(".list").addEventListener("click", choose);
    this.querySelector(".list").addEventListener("keydown", (event) => event.key === "Enter" && choose(event));
    this.querySelector(".one").addEventListener("click", ({ target }) => this.act(target.closest("button[data-act]")?.dataset.act));
    this.load();
    this.again = setInterval(() => this.load(), AGAIN);
  }

  disconnectedCallback() {
    clearInterval(this.again);
    this.unwatch();
  }

  async load() {
    const answer = await api.get(PATH);
    this.querySelector(".form-error").textContent = answer.refused ?? "";
    if (answer.refused) return;
    const same = this.told && steady(this.told) === steady(answer);
    this.told = answer;
    if (same) return;
    if (!answer.units.some((unit) => unit.id === this.chosen)) this.chosen = answer.units[0]?.id;
    this.show();
  }

  get unit() {
    return this.told.units.find((unit) => unit.id === this.chosen);
  }

  choose(id) {
    if (!id || id === this.chosen) return;
    this.chosen = id;
    history.replaceState(history.state, "", `?unit=${encodeURIComponent(id)}`);
    this.show();
    this.querySelector(`tr[data-unit="${CSS.escape(id)}"]`)?.focus();
  }

  show() {
    this.querySelector(".list").innerHTML = register(this.told, this.chosen);
    this.querySelector(".one").innerHTML = this.unit ? detail(this.unit, this.told) : "";
    this.watch();
  }

  // ---- the tanks now: pushed, as every live value

  watch() {
    this.unwatch();
    for (const tank of this.unit?.tanks ?? []) {
      const take = (reading) => this.filled(tank, reading);
      this.watched.set(tank.point, take);
      link.watch(tank.point, take);
    }
  }

  unwatch() {
    for (const [point, take] of this.watched) link.unwatch(point, take);
    this.watched.clear();
  }

  filled(tank, reading) {
    const place = this.querySelector(`[data-tank="${CSS.escape(tank.point)}"]`);
    if (!place || !reading) return;
    const known = severity(reading.quality) !== BAD && reading.value !== null;
    const now = { ...tank, mass_t: known ? reading.value : null, words: qualityWords(reading.quality) };
    now.fill = known && tank.design_t ? reading.value / tank.design_t : null;
    place.outerHTML = vessel(now);
  }

  // ---- steps

  async act(what) {
    const unit = this.unit;
    if (what === "sign") await this.sign(unit);
    if (what === "approve" || what === "reject") await this.decide(unit, what);
  }

  async sign(unit) {
    const computed = unit.computed;
    const occasions = this.told.clock.occasions.filter((one) => (one.id === "closed") === unit.gone).map((one) => [one.id, label(one.name)]);
    const usual = unit.gone ? "closed" : !unit.legal ? "first" : unit.legal.overdue ? "three-years" : "quantity";
    const answer = await ask({
      title: t("Sign the identification of {unit}", { unit: unit.id }),
      about: `S ${esc(computed.s_text)} · R ${esc(computed.r_text)} · ${levelWords(computed)}`,
      say: t("Sign"),
      fields: [
        { name: "occasion", words: t("Occasion"), kind: "choice", choices: occasions, value: usual },
        { name: "basis", words: t("Report, meeting or letter it rests on") },
        { name: "assessed_on", words: t("Day of the assessment, as 2026-01-31"), value: this.told.today },
        ...SIGNED(),
      ],
      note: t("It becomes what the law goes by. Is it less grave than the one in force, it waits for a second person."),
      send: (given) => withKey((body) => api.post(`${PATH}/${encodeURIComponent(unit.id)}/identifications`, { digest: unit.digest, ...body }), given),
      done: t("Recorded."),
    });
    if (answer) await this.load();
  }

  async decide(unit, decision) {
    const answer = await ask({
      title: decision === "approve" ? t("Approve as the second person") : t("Reject the identification"),
      about: `${esc(unit.id)} · ${t("number {n}", { n: unit.waiting.number })}`,
      say: decision === "approve" ? t("Approve") : t("Reject"),
      fields: [{ name: "comment", words: t("Comment") }, ...SIGNED()],
      send: (given) => withKey((body) => api.post(`${PATH}/${encodeURIComponent(unit.id)}/identifications/${unit.waiting.number}/decision`, { decision, ...body }), given),
      done: t("Recorded."),
    });
    if (answer) await this.load();
  }
}

// ---- the register

const levelName = (level) => (level ? t("level {level}", { level }) : t("S < 1: no major hazard"));

function levelWords(content) {
  if (content.major === null) return t("not decided: not all is known");
  if (!content.major) return t("S < 1: no major hazard");
  const words = content.level ? levelName(content.level) : t("level {level} or graver", { level: content.level_at_least });
  return content.provisional ? `${words} <span class="unchecked">${t("not checked against the original")}</span>` : words;
}

function register(told, chosen) {
  if (!told.units.length) return `<p class="empty">${t("The plant folder tells no major hazards (section hazards of plant.yaml).")}</p>`;
  const head = [t("Hazard unit"), "S", "R", t("As signed"), t("Computed today"), t("Next assessment")];
  const people = told.residents ? `${t("{n} people within 500 m", { n: told.residents.people })} · ${esc(label(told.residents.source))} · ${esc(told.residents.counted_on)}` : t("people within 500 m: unknown");
  return `<header><h2>${t("Register")}</h2><span class="dim">${esc(told.edition)} · ${people}</span><span class="spacer"></span><a class="button quiet" target="_blank" href="/api/v1/print/risk/hazards">${t("Print")}</a></header>
    <div class="wide-table"><table class="sheet"><thead><tr>${head.map((words, at) => `<th${at === 1 || at === 2 ? ` class="number"` : ""}>${words}</th>`).join("")}</tr></thead>
    <tbody>${told.units.map((unit) => line(unit, unit.id === chosen)).join("")}</tbody></table></div>
    <footer class="dim">${t("What is signed is what the law goes by; what is computed today, and what is in the tanks now, stand beside it.")} ${esc(label(told.valid_for))}</footer>`;
}

function line(unit, chosen) {
  const legal = unit.legal;
  const signed = legal ? (legal.content.level ? `<b class="level">${levelName(legal.content.level)}</b>` : levelWords(legal.content)) : `<span class="todo">${t("no identification signed")}</span>`;
  const faults = unit.faults.map((one) => `<div class="todo">${esc(label(one))}</div>`).join("");
  return `<tr data-unit="${esc(unit.id)}" tabindex="0" aria-selected="${chosen}"><td><b>${esc(label(unit.name))}</b><div class="dim">${esc(unit.id)} · ${KINDS()[unit.kind]}</div>${faults}</td>
    <td class="number">${esc(unit.computed.s_complete ? unit.computed.s_text : `≥ ${unit.computed.s_text}`)}</td><td class="number">${unit.computed.major === false ? "–" : esc(unit.computed.r_text)}</td>
    <td>${signed}</td><td>${levelWords(unit.computed)}</td><td>${legal ? due(legal) : "–"}</td></tr>`;
}

/** Three years as a bar that empties. */
function due(legal) {
  const left = Math.max(0, Math.min(1, legal.days_left / 1096));
  const words = legal.overdue ? t("overdue by {n} d", { n: -legal.days_left }) : t("{n} d left", { n: legal.days_left });
  return `<div class="clock${legal.overdue ? " over" : ""}"><span>${esc(legal.due)}</span><span class="dim">${words}</span><i><b style="width:${(100 * left).toFixed(1)}%"></b></i></div>`;
}

// ---- one unit

function detail(unit, told) {
  const may = unit.may.sign;
  const waits = unit.waiting && may ? `<button class="button main" data-act="approve">${t("Approve")}</button><button class="button" data-act="reject">${t("Reject")}</button>` : "";
  const sign = may && !unit.waiting && unit.computed.complete ? `<button class="button main" data-act="sign">${t("Sign what is computed today")}</button>` : "";
  const faults = unit.faults.map((one) => `<li>${esc(label(one))}</li>`).join("");
  return `<section class="panel head"><header><h2>${esc(label(unit.name))}</h2><span class="dim">${esc(unit.id)} · ${KINDS()[unit.kind]} · ${esc(unit.places.join(", "))}</span><span class="spacer"></span>${waits}${sign}</header>
      <div class="body">${faults ? `<ul class="faults">${faults}</ul>` : ""}${sides(unit)}</div></section>
    <section class="panel"><header><h2>${t("Share of q/Q by substance")}</h2></header><div class="body">${shares(unit.computed)}</div></section>
    <section class="panel"><header><h2>${t("R on its scale")}</h2><span class="dim">R = α Σ β q/Q</span></header><div class="body">${scale(unit)}</div></section>
    ${unit.tanks.length ? `<section class="panel"><header><h2>${t("In the tanks now")}</h2><span class="dim">${t("beside the design maximum; changes no level")}</span></header><div class="body tanks">${unit.tanks.map((tank) => vessel({ ...tank, words: label(tank.why_unknown ?? tank.doubt ?? { zh: "", en: "" }) })).join("")}</div></section>` : ""}
    <section class="panel${unit.tanks.length ? "" : " wide"}"><header><h2>${t("Named persons and filing")}</h2></header><div class="body">${persons(unit.computed)}${unit.computed.major === false ? "" : filingList(unit.computed.filing?.papers ?? {}, told.filing_list)}</div></section>
    <section class="panel wide"><header><h2>${t("How it is computed")}</h2><span class="dim">${esc(told.edition)}</span></header><div class="body">${steps(unit.computed)}</div></section>
    <section class="panel wide"><header><h2>${t("Signed identifications")}</h2><span class="dim">${clockWords(told.clock)}</span></header><div class="body">${past(unit.history)}</div></section>`;
}

function sides(unit) {
  const side = (words, content, more) => `<div><h3>${words}</h3><p class="figure">${content.major === false ? levelWords(content) : `<b>${levelWords(content)}</b>`}</p><p>S <b>${esc(content.s_text)}</b> · R <b>${content.major === false ? "–" : esc(content.r_text)}</b> · α ${content.alpha ?? "–"}</p><p class="dim">${more}</p></div>`;
  const legal = unit.legal;
  const signed = legal ? side(t("As signed"), legal.content, `${esc(label(legal.by))} · ${esc(legal.assessed_on)} · ${esc(legal.basis)}`) : `<div><h3>${t("As signed")}</h3><p class="figure todo">${t("no identification signed")}</p></div>`;
  const differs = unit.differences.length ? `<ul class="differences">${unit.differences.map((one) => `<li>${esc(label(one))}</li>`).join("")}</ul>` : "";
  return `<div class="sides">${signed}${side(t("Computed today"), unit.computed, unit.computed.complete ? t("complete: it can be signed") : t("not complete: it can't be signed"))}</div>${differs}`;
}

function shares(computed) {
  const total = computed.contents.reduce((sum, one) => sum + (one.ratio ?? 0), 0);
  const substances = new Map();
  for (const one of computed.contents) {
    const name = one.substance || one.cas;
    const known = substances.get(name) ?? { ratio: 0, q: 0, unknown: false, row: one.row };
    substances.set(name, { ...known, ratio: known.ratio + (one.ratio ?? 0), q: known.q + (one.q ?? 0), unknown: known.unknown || one.ratio === null });
  }
  const all = [...substances].sort((a, b) => b[1].ratio - a[1].ratio);
  // At least from 0 to 1, so that a small S doesn't look like a full bar.
  const widest = Math.max(1, total);
  const bars = all.map(([name, one], at) => `<i style="width:${((100 * one.ratio) / widest).toFixed(2)}%;background:var(${FILLS[at % FILLS.length]})" title="${esc(name)} ${number(one.ratio, 3)}"></i>`).join("");
  const border = `<em class="${total > 1 ? "" : "end"}" style="left:${(100 / widest).toFixed(2)}%"><small>S = 1</small></em>`;
  const rows = all.map(([name, one], at) => `<tr><td><i class="swatch" style="background:var(${FILLS[at % FILLS.length]})"></i>${esc(name)}</td><td class="number">${number(one.q, 2)} t</td><td class="number">${one.unknown ? `<span class="unknown">${t("unknown")}</span>` : number(one.ratio, 3)}</td></tr>`).join("");
  return `<div class="shares">${bars}${border}</div><table class="sheet"><thead><tr><th>${t("Substance")}</th><th class="number">q</th><th class="number">q/Q</th></tr></thead><tbody>${rows}</tbody></table>`;
}

/** Logarithmic from 1 to 1,000. */
function scale(unit) {
  const at = (r) => Math.max(0, Math.min(100, (100 * Math.log10(Math.max(r, 1))) / 3)).toFixed(2);
  const levels = [[4, 1, 10], [3, 10, 50], [2, 50, 100], [1, 100, 1000]].map(([level, from, to]) => `<span style="left:${at(from)}%;width:${(at(to) - at(from)).toFixed(2)}%">${t("level {level}", { level })}</span>`).join("");
  const borders = BORDERS.map((r) => `<em style="left:${at(r)}%"><small>${r}</small></em>`).join("");
  const now = unit.computed;
  const signed = unit.legal && unit.legal.content.level ? `<b class="signed" style="left:${at(unit.legal.content.r_low)}%" title="${t("As signed")} R ${esc(unit.legal.content.r_text)}">▲<small>${t("As signed")} ${esc(unit.legal.content.r_text)}</small></b>` : "";
  const high = now.r_high ?? 1000;
  const mark = now.major === false ? "" : now.r === null ? `<u style="left:${at(now.r_low)}%;width:${(at(high) - at(now.r_low)).toFixed(2)}%"></u>` : `<b class="computed" style="left:${at(now.r)}%" title="${t("Computed today")} R ${esc(now.r_text)}"><small>${t("Computed today")} ${esc(now.r_text)}</small>▼</b>`;
  return `<div class="scale">${levels}${borders}${mark}${signed}</div>${now.major === false ? `<p class="dim">${t("S is below 1: R is not graded.")}</p>` : ""}`;
}

/** A tank beside its design maximum, which stands at the mark; above it there is room for a tenth. */
function vessel(tank) {
  const known = tank.mass_t !== null;
  const over = known && tank.fill !== null && tank.fill > 1;
  const height = known && tank.fill !== null ? Math.min(100, tank.fill * 90) : 0;
  const share = tank.fill === null ? "" : `${number(100 * tank.fill, 1)} %`;
  const notes = [over ? `<b class="over">${t("above the design maximum")}</b>` : "", tank.beyond_table ? t("the level lies outside of its strapping table: counted as its end") : "", tank.beyond_density ? t("the temperature lies outside of the density's table: counted as its end") : "", known ? esc(tank.words) : `<span class="unknown">${t("unknown")}: ${esc(tank.words)}</span>`].filter(Boolean).join("<br>");
  const table = tank.strapping ? `${t("strapping table")} ${esc(tank.strapping.calibrated_on ?? "–")}${tank.strapping.deviation_m3 ? ` ± ${number(tank.strapping.deviation_m3, 2)} m³` : ""}` : "";
  return `<div class="vessel${over ? " over" : ""}${known && tank.fill !== null ? "" : " is-unknown"}" data-tank="${esc(tank.point)}"><div class="body-of"><i style="height:${height.toFixed(1)}%"></i><em title="${t("design maximum")}"></em></div>
    <div><b>${esc(label(tank.name) || tank.id)}</b><p class="figure">${known ? `${number(tank.mass_t, 2)} t` : "—"} <span class="dim">/ ${tank.design_t === null ? "–" : number(tank.design_t, 2)} t</span></p><p>${share}</p><p class="dim">${notes}${notes && table ? "<br>" : ""}${table}</p><a class="dim" href="/points/${encodeURIComponent(tank.point)}">${esc(tank.point)}</a></div></div>`;
}

function steps(computed) {
  const rows = computed.contents.map(
    (one) => `<tr><td><b>${esc(label(one.name) || one.id)}</b><div class="dim">${esc(one.id)} · ${esc(one.substance)} ${esc(one.cas)}</div></td><td class="number">${esc(one.q_text)}</td><td class="number">${one.threshold ?? "–"}</td><td class="number">${esc(one.ratio_text)}</td><td class="number">${one.beta ?? "–"}${one.provisional ? ` <span class="unchecked">${t("not checked against the original")}</span>` : ""}</td><td class="dim">${[...one.steps, ...one.missing].map((step) => esc(label(step))).join("<br>")}</td></tr>`,
  );
  const missing = computed.missing.map((one) => `<li class="todo">${esc(label(one))}</li>`).join("");
  return `<div class="wide-table" tabindex="0" role="region" aria-label="${t("How it is computed")}"><table class="sheet"><thead><tr><th>${t("Content")}</th><th class="number">q (t)</th><th class="number">Q (t)</th><th class="number">q/Q</th><th class="number">β</th><th>${t("Steps")}</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>
    <ol class="steps">${computed.steps.map((one) => `<li>${esc(label(one))}</li>`).join("")}${missing}</ol>`;
}

function persons(computed) {
  const filing = computed.filing;
  const row = (words, text) => `<tr><th scope="row">${words}</th><td>${text ? esc(text) : `<span class="todo">${t("not told")}</span>`}</td></tr>`;
  const papers = filing ? row(t("Filing number"), filing.number) + row(t("Filed on"), filing.on) + row(t("Filing authority"), filing.authority) + row(t("Documents"), (filing.documents ?? []).join(", ") || "–") : row(t("Filing number"), "");
  return `<table class="sheet facts"><tbody>${row(t("Principal person"), computed.persons.principal)}${row(t("Technical person"), computed.persons.technical)}${row(t("Operating person"), computed.persons.operating)}${papers}</tbody></table>`;
}

function filingList(given, list) {
  const unchecked = list.verified ? "" : ` · <span class="unchecked">${t("not checked against the original")}</span>`;
  const rows = list.papers.map((one) => `<tr><th scope="row">${esc(label(one.name))}</th><td>${given[one.id] ? esc(given[one.id]) : `<span class="todo">${t("not told")}</span>`}</td></tr>`);
  const told = list.papers.filter((one) => given[one.id]).length;
  return `<details class="filing-list"><summary>${t("Filing list")} ${told}/${list.papers.length} <span class="dim">${esc(label(list.source))}${unchecked}</span></summary><table class="sheet facts"><tbody>${rows.join("")}</tbody></table></details>`;
}

function past(history) {
  if (!history.length) return `<p class="dim">${t("Nobody has signed an identification of this unit.")}</p>`;
  const rows = history.map((one) => {
    const decision = one.decision ? `<div>${one.decision.decision === "approve" ? t("approved by") : t("rejected by")} ${esc(label(one.decision.by))} · ${stamp(one.decision.at)} · ${esc(one.decision.comment)}</div>` : "";
    const people = one.content.persons;
    return `<tr><td class="number">${one.number}</td><td>${STATES()[one.state]}</td><td>${levelName(one.content.level)}<div class="dim">S ${esc(one.content.s_text)} · R ${esc(one.content.r_text)}</div></td><td>${esc(label(one.occasion_name))}<div class="dim">${esc(one.basis)}</div></td><td class="nowrap">${esc(one.assessed_on)} → ${esc(one.due)}</td>
      <td>${esc(label(one.by))} · ${stamp(one.at)}${decision}<div class="dim">${t("named persons")}: ${esc([people.principal, people.technical, people.operating].filter(Boolean).join(", ") || "–")}</div></td><td class="mono dim" title="SHA-256 ${esc(one.sha256)}">${esc(one.sha256.slice(0, 12))}${one.unchanged ? "" : `<div class="todo">${t("its hash differs")}</div>`}</td></tr>`;
  });
  return `<div class="wide-table" tabindex="0" role="region" aria-label="${t("Signed identifications")}"><table class="sheet"><thead><tr><th class="number">${t("No.")}</th><th>${t("State")}</th><th>${t("Level")}</th><th>${t("Occasion")}</th><th>${t("Assessed → due")}</th><th>${t("Signed by")}</th><th>SHA-256</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

const clockWords = (clock) => `${t("again after {n} years", { n: clock.years })} · ${esc(label(clock.source))}${clock.verified ? "" : ` · <span class="unchecked">${t("not checked against the original")}</span>`}`;

customElements.define("anlan-hazards", Hazards);
