// <anlan-replay>: other limits, dead-bands, delays or priorities for a few alarms, tried on the node's own past. Nothing is changed by it.
// The address carries the alarms, so that a question can be passed on: /replay?alarm=LT-301.H

import { kindWords, symbol } from "./alarms.js";
import { esc, label, t, unitOf } from "./config.js";
import { effectOf, WHATS } from "./effect.js";
import { number, span as spanWords, stamp } from "./format.js";
import { api, link } from "./link.js";
import { rowsOption } from "./replay_chart.js";
import { penColour } from "./trend_chart.js";
import { loadPens, searchPoints } from "./trend_load.js";
import { instantOf, wallOf } from "./replay_times.js";

const RANGES = [
  [3600, "1 h"],
  [28_800, "8 h"],
  [86_400, "24 h"],
  [604_800, "7 d"],
];
const LIMITS = new Set(["HH", "H", "L", "LL"]);
const FIELDS = [
  ["limit", "Limit", (alarm) => LIMITS.has(alarm.kind)],
  ["dead_band", "Dead band", (alarm) => LIMITS.has(alarm.kind)],
  ["on_delay", "On-delay, s", () => true],
  ["off_delay", "Off-delay, s", () => true],
  ["priority", "Priority", (alarm) => alarm.kind !== "VIEW"],
];
const SHOWN = 200;

class Replay extends HTMLElement {
  connectedCallback() {
    this.chosen = new Map();
    /** Those that are shown, or about to be once their settings are known: none is shown twice. */
    this.asked = new Set();
    this.innerHTML = frame();
    this.form = this.querySelector("form");
    this.result = this.querySelector(".result");
    this.range(86_400);
    this.wire();
    for (const id of new URLSearchParams(location.search).getAll("alarm")) this.add(id);
  }

  disconnectedCallback() {
    this.observer?.disconnect();
    this.chart?.dispose();
  }

  wire() {
    const [input, list] = [this.querySelector(".search input"), this.querySelector(".search ul")];
    const search = () => this.search(input.value.trim(), list);
    for (const event of ["input", "focus"]) input.addEventListener(event, search);
    input.addEventListener("blur", () => setTimeout(() => (list.innerHTML = ""), 200));
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      list.querySelector("button")?.click();
    });
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const id = event.target.closest("[data-add]")?.dataset.add;
      if (!id) return;
      input.value = list.innerHTML = "";
      this.add(id);
    });
    this.querySelector(".rules").addEventListener("click", (event) => {
      const id = event.target.closest("[data-remove]")?.dataset.remove;
      if (id) this.remove(id);
    });
    this.querySelector(".rules").addEventListener("input", ({ target }) => target.closest("label").classList.toggle("changed", target.value.trim() !== ""));
    for (const button of this.querySelectorAll("[data-span]")) button.addEventListener("click", () => this.range(Number(button.dataset.span)));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.tryIt();
    });
  }

  range(seconds) {
    const end = link.now();
    this.form.elements.start.value = wallOf(end - seconds * 1e6);
    this.form.elements.end.value = wallOf(end);
  }

  async search(text, list) {
    const turn = (this.searched = (this.searched ?? 0) + 1);
    const answer = await searchPoints(text);
    if (answer.refused || turn !== this.searched) return;
    const found = answer.items.flatMap((point) => point.alarms.map((alarm) => ({ ...alarm, name: point.name }))).filter((alarm) => !this.asked.has(alarm.id));
    list.innerHTML = found
      .slice(0, 12)
      .map((alarm) => `<li><button type="button" data-add="${esc(alarm.id)}"><b>${esc(alarm.id)}</b> ${esc(label(alarm.name))} <span class="dim">${esc(kindWords(alarm.kind))}</span></button></li>`)
      .join("");
  }

  /** What is set now stands in the fields as a hint; what is typed is tried. */
  async add(id) {
    if (this.asked.has(id)) return;
    this.asked.add(id);
    const alarm = await this.settings(id);
    if (alarm.refused) {
      this.asked.delete(id);
      return this.say(alarm.refused);
    }
    this.chosen.set(id, alarm);
    this.querySelector(".rules").insertAdjacentHTML("beforeend", ruleFields(alarm));
    this.writeAddress();
  }

  async settings(id) {
    const facts = await api.get(`/api/v1/alarms/${encodeURIComponent(id)}`);
    if (facts.refused) return facts;
    const meta = facts.point ? await api.get(`/api/v1/points/${encodeURIComponent(facts.point)}`) : { alarms: [] };
    const set = meta.alarms?.find((alarm) => alarm.id === id) ?? {};
    return { ...facts, limit: set.limit ?? null };
  }

  remove(id) {
    this.chosen.delete(id);
    this.asked.delete(id);
    this.querySelector(`.rule[data-alarm="${CSS.escape(id)}"]`).remove();
    this.writeAddress();
  }

  writeAddress() {
    const query = new URLSearchParams([...this.chosen.keys()].map((id) => ["alarm", id]));
    history.replaceState(history.state, "", query.size ? `?${query}` : location.pathname);
  }

  changes() {
    return [...this.querySelectorAll(".rule")]
      .map((rule) => {
        const typed = [...rule.querySelectorAll("input")].filter((input) => input.value.trim() !== "");
        return { id: rule.dataset.alarm, ...Object.fromEntries(typed.map((input) => [input.name, Number(input.value)])) };
      })
      .filter((change) => Object.keys(change).length > 1);
  }

  say(text) {
    this.querySelector(".form-error").textContent = text;
  }

  async tryIt() {
    const changes = this.changes();
    const [start, end] = [instantOf(this.form.elements.start.value), instantOf(this.form.elements.end.value)];
    if (!changes.length) return this.say(t("Choose an alarm and type what is to be tried."));
    if (!(start < end)) return this.say(t("The span ends before it begins."));
    this.say("");
    const button = this.form.querySelector("[type=submit]");
    button.disabled = true;
    const answer = await api.post("/api/v1/replay/what-if", { start, end, changes, alarms: [...this.chosen.keys()] });
    button.disabled = false;
    if (answer.refused) return this.say(answer.refused);
    this.show(answer, changes);
  }

  async show(answer, changes) {
    this.result.innerHTML = told(answer);
    this.result.querySelector(".in-force").addEventListener("submit", (event) => {
      event.preventDefault();
      this.bringIntoForce(changes, answer.trial);
    });
    const points = [...new Set(changes.map((change) => this.chosen.get(change.id)?.point).filter(Boolean))].slice(0, 4);
    if (points.length && answer.effect) await this.draw(answer, points, changes);
  }

  /** Each changed rule as a new version of the plant, with its reason and the trial, whose result the node attaches. */
  async bringIntoForce(changes, trial) {
    const form = this.result.querySelector(".in-force");
    const [reason, said] = [form.elements.reason.value.trim(), form.querySelector(".form-error")];
    if (!reason) return (said.textContent = t("Say why: the reason is kept with the version."));
    form.querySelector("button").disabled = true;
    const lines = [];
    for (const { id, ...change } of changes) {
      const path = `/api/v1/alarms/${encodeURIComponent(id)}/rule`;
      const rule = await api.get(path);
      const answer = rule.refused ? rule : await api.patch(path, { change, base: rule.version, reason, trial });
      lines.push(answer.refused ? t("{alarm} stays as it was: {why}", { alarm: id, why: answer.refused }) : t("{alarm} is in force as version {n}.", { alarm: id, n: answer.version }));
    }
    form.querySelector("button").disabled = false;
    said.textContent = lines.join(" ");
  }

  async draw(answer, points, changes) {
    const place = this.result.querySelector(".chart");
    const { echarts } = await import("nicegui-echart");
    const [start, end] = [answer.start / 1000, (answer.cut_at ?? answer.end) / 1000];
    const loaded = await loadPens(points, start, end, Math.max(300, place.clientWidth - 120));
    // Another result may be shown by now: its picture is its own.
    if (!place.isConnected || loaded.refused) return;
    this.chart?.dispose();
    this.observer?.disconnect();
    this.chart = echarts.init(place, null, { renderer: "canvas" });
    const pens = loaded.pens.map((pen, i) => ({ ...pen, marks: [], colour: penColour(i), limits: limitsOf(pen, this.chosen, changes) }));
    const paint = () => this.chart.setOption(rowsOption(pens, answer, start, end, place.clientHeight), { notMerge: true });
    paint();
    this.observer = new ResizeObserver(() => {
      this.chart.resize();
      paint();
    });
    this.observer.observe(place);
  }
}

/** The limit that is set, and beside it the one that is tried. */
function limitsOf(pen, chosen, changes) {
  return changes.flatMap((change) => {
    const alarm = chosen.get(change.id);
    if (alarm?.point !== pen.id || alarm.limit === null) return [];
    const set = { kind: alarm.kind, value: alarm.limit, priority: alarm.priority };
    return change.limit === undefined ? [set] : [set, { kind: `${alarm.kind}*`, value: change.limit, priority: change.priority ?? alarm.priority }];
  });
}

function frame() {
  const ranges = RANGES.map(([seconds, words]) => `<button type="button" class="button" data-span="${seconds}">${t(words)}</button>`).join("");
  return `
    <section class="panel"><header><h2>${t("What is to be tried")}</h2></header><div class="body"><form novalidate>
      <div class="search"><input class="field" type="search" placeholder="${t("Add an alarm: tag or name")}" aria-label="${t("Add an alarm: tag or name")}"><ul></ul></div>
      <div class="rules"></div>
      <div class="span-fields"><label>${t("From")}<input class="field" name="start" autocomplete="off" required></label>
        <label>${t("To")}<input class="field" name="end" autocomplete="off" required></label></div>
      <div class="button-row">${ranges}<span class="spacer"></span><button type="submit" class="button main">${t("Try")}</button></div>
      <p class="form-error" role="alert"></p>
      <p class="dim">${t("Replayed through the same engine over this node's own history. Nothing is changed.")}</p>
    </form></div></section>
    <section class="panel result"><div class="empty"><strong>${t("Nothing has been tried yet.")}</strong><span>${t("Choose an alarm, type another limit, dead-band or delay, and see which alarms would have been different.")}</span></div></section>`;
}

function ruleFields(alarm) {
  const unit = unitOf({ ...alarm, states: null });
  const fields = FIELDS.filter(([, , has]) => has(alarm)).map(([name, words]) => {
    const shown = name === "limit" || name === "dead_band" ? `${t(words)}${unit ? `, ${esc(unit)}` : ""}` : t(words);
    return `<label>${shown}<input class="field" type="number" step="any" name="${name}" placeholder="${esc(alarm[name] ?? "")}"></label>`;
  });
  return `<section class="rule" data-alarm="${esc(alarm.id)}"><header>${symbol(alarm.priority)}<b>${esc(alarm.id)}</b><span>${esc(label(alarm.name))}</span><span class="spacer"></span>
    <button type="button" class="button quiet" data-remove="${esc(alarm.id)}" aria-label="${t("Remove {point}", { point: alarm.id })}">✕</button></header><div class="fields">${fields.join("")}</div></section>`;
}

const by = (micros) => (micros ? `${micros > 0 ? "+" : "−"}${spanWords(Math.abs(micros))}` : "");

function told(answer) {
  const picture = answer.effect ? `<div class="chart" role="img" aria-label="${t("Alarms before and after over the trend")}"></div>${list(answer.effect)}` : "";
  return `<header><h2>${t("What would have been different")}</h2></header><div class="body">${effectOf(answer)}${picture}
    <form class="in-force"><label>${t("Reason")} <input name="reason" class="field" maxlength="500"></label>
      <button type="submit" class="button">${t("Bring into force with this effect")}</button><p class="form-error" role="status"></p></form>
    <p class="dim">${t("{n} readings from {start} to {end}, rules of version {version}", { n: answer.readings, start: stamp(answer.start), end: stamp(answer.cut_at ?? answer.end), version: answer.version })}</p></div>`;
}

function list(effect) {
  if (!effect.changes.length) return `<p>${t("Nothing would have been different.")}</p>`;
  const heads = ["Time", "Alarm", "What", "Later by"];
  const rows = effect.changes.slice(0, SHOWN).map(
    (change) => `<tr><td class="nowrap">${esc(stamp(change.before ?? change.after))}</td><td><button type="button" class="button quiet" data-why="${esc(change.alarm)}" data-at="${change.before ?? change.after}">${esc(change.alarm)}</button></td>
      <td>${t(WHATS[change.what])}</td><td class="number">${esc(by(change.by))}</td></tr>`,
  );
  const left = effect.changes.length - SHOWN + (effect.changes_left ?? 0);
  const more = left > 0 ? `<p class="dim">${t("… and {n} more", { n: number(left, 0) })}</p>` : "";
  return `<div class="wide-table"><table class="sheet"><thead><tr>${heads.map((head) => `<th>${t(head)}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>${more}`;
}

customElements.define("anlan-replay", Replay);
