// <anlan-alarms>: the live list, worst first, and the operator's whole loop by keyboard:
// ↑ ↓ choose · Home the worst · S silence · A acknowledge · R reset · M mark as seen · Enter the story · 1 … 4 the views ·
// H shelve · O take out of service · B bring back. One alarm at a time: there is no "acknowledge all".

import { acknowledgeWithComment } from "./alarm_comment.js";
import { AlarmGroups } from "./alarm_groups.js";
import { bringBack, putAside } from "./alarm_aside.js";
import { AlarmViews, asideCells } from "./alarm_views.js";
import { ACTIVE, HIDDEN, LATCHED, UNACKNOWLEDGED, alarms, kindWords, stateWords, symbol, worstFirst } from "./alarms.js";
import { esc, label, t } from "./config.js";
import { clock, shortStamp } from "./format.js";
import { link } from "./link.js";
import { figure, isMeasured, versus } from "./sentences.js";
import { notForPage, silence, toast } from "./shell.js";
import { sound } from "./sound.js";
import { AlarmStory } from "./story.js";
import { liveValue } from "./values.js";

const KEYS = {
  ArrowDown: "next", ArrowUp: "previous", Home: "worst", a: "acknowledge", s: "silence", r: "reset", m: "seen", Enter: "open", Escape: "close",
  h: "shelve", o: "remove-from-service", b: "back", 1: "view-0", 2: "view-1", 3: "view-2", 4: "view-3",
};
const SHOWN_AT_MOST = 400;

const ASIDE = {
  shelve: (row) => putAside(row, "shelve"),
  "remove-from-service": (row) => putAside(row, "remove-from-service"),
  back: bringBack,
};

class AlarmList extends HTMLElement {
  connectedCallback() {
    this.chosen = new URLSearchParams(location.search).get("alarm");
    this.filter = "";
    this.lines = new Map();
    this.innerHTML = frame();
    this.body = this.querySelector("tbody");
    this.views = new AlarmViews(this, () => this.show());
    this.story = new AlarmStory(this.querySelector(".story"), (kind) => this.step(kind));
    this.groups = new AlarmGroups(this.querySelector(".tools"), (id) => (id ? this.choose(id) : this.show()));
    this.wire();
    this.update = () => this.schedule();
    alarms.addEventListener("change", this.update);
    this.show();
  }

  disconnectedCallback() {
    alarms.removeEventListener("change", this.update);
    removeEventListener("keydown", this.onKey);
    this.story.leave();
    this.views.leave();
  }

  wire() {
    for (const button of this.querySelectorAll("[data-step]")) button.addEventListener("click", () => this.step(button.dataset.step));
    this.querySelector(".test").addEventListener("click", () => this.testSound());
    this.querySelector("input[type=search]").addEventListener("input", (event) => {
      this.filter = event.target.value.trim().toLowerCase();
      this.show();
    });
    this.body.addEventListener("click", (event) => this.choose(event.target.closest("tr")?.dataset.alarm, true));
    this.onKey = (event) => this.key(event);
    addEventListener("keydown", this.onKey);
  }

  key(event) {
    const step = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!step || notForPage(event)) return;
    if (event.key === "Enter" && event.target.closest?.("a, button")) return;
    event.preventDefault();
    this.step(step);
  }

  step(kind) {
    if (kind === "next" || kind === "previous") this.move(kind === "next" ? 1 : -1);
    else if (kind === "worst") this.choose(this.body.firstElementChild?.dataset.alarm);
    else if (kind === "open") this.story.open();
    else if (kind === "close") this.story.close();
    else if (kind === "silence") silence();
    else if (kind.startsWith("view-")) this.views.nth(Number(kind.slice(5)));
    else if (ASIDE[kind]) this.aside(ASIDE[kind]);
    else this.command(kind);
  }

  /** Acknowledge or reset the chosen alarm: named with the episode and severity that stood on this screen. */
  async command(kind) {
    const row = alarms.rows.get(this.chosen);
    if (!row) return toast(t("Choose an alarm first."), true);
    const answer = kind === "acknowledge" && row.comment_required ? await acknowledgeWithComment(row) : await alarms.command(row, kind);
    if (!answer) return;
    if (answer.refused) return toast(t("Refused: {why}", { why: answer.refused }), true);
    const done = { acknowledge: t("Acknowledged: {alarm}"), reset: t("Reset: {alarm}"), seen: t("Marked as seen: {alarm}") }[kind];
    toast(done.replace("{alarm}", row.id));
    if (kind === "seen" && row.id === this.chosen) this.story.seen(row);
  }

  aside(act) {
    const row = alarms.rows.get(this.chosen);
    return row ? act(row) : toast(t("Choose an alarm first."), true);
  }

  async testSound() {
    for (const priority of [1, 2, 3, 4]) {
      await sound.once(priority);
      await new Promise((rest) => setTimeout(rest, 1300));
    }
  }

  /** The rows of this view that the filter lets through; `out`: how many it does not. */
  rows() {
    const rows = alarms.list().filter((row) => this.views.holds(row));
    const matches = (row) => `${row.id} ${label(row.name)} ${label(row.place_name)}`.toLowerCase().includes(this.filter);
    const found = this.filter ? rows.filter(matches) : rows;
    this.out = rows.length - found.length;
    return found.sort(worstFirst);
  }

  /** At most one drawing per frame, however fast changes come. */
  schedule() {
    this.due ||= requestAnimationFrame(() => {
      this.due = 0;
      this.show();
    });
  }

  show() {
    const rows = this.rows();
    // Before the alarms have come nothing is missing: the choice that the address carries must wait for them.
    const shown = this.groups.arrange(rows, this.chosen);
    if (alarms.loaded && !rows.some((row) => row.id === this.chosen)) this.chosen = shown[0]?.id ?? null;
    this.cut = shown.length > SHOWN_AT_MOST;
    this.draw(shown.slice(0, SHOWN_AT_MOST));
    this.groups.mark(this.lines);
    this.querySelector(".list .empty").hidden = rows.length > 0 || !alarms.loaded;
    if (!rows.length) this.views.none(this.out);
    this.views.count();
    this.tally(rows);
    this.enable();
    this.story.show(alarms.rows.get(this.chosen));
  }

  draw(rows) {
    const kept = new Set(rows.map((row) => row.id));
    for (const [id, line] of this.lines) if (!kept.has(id)) line.remove(), this.lines.delete(id);
    rows.forEach((row, i) => this.place(row, i));
  }

  place(row, position) {
    const line = this.lines.get(row.id) ?? this.newLine(row);
    const text = JSON.stringify([row.state, row.episode, row.noticed_at, row.acknowledged_by, row.value, row.limit, row.unrecorded, row.told, row.until]);
    if (line.text !== text) fill(line, row, text);
    line.setAttribute("aria-selected", String(row.id === this.chosen));
    if (this.body.children[position] !== line) this.body.insertBefore(line, this.body.children[position] ?? null);
  }

  newLine(row) {
    const line = document.createElement("tr");
    line.dataset.alarm = row.id;
    this.lines.set(row.id, line);
    return line;
  }

  tally(rows) {
    const open = rows.filter((row) => UNACKNOWLEDGED.has(row.state)).length;
    const cut = this.cut ? t("; the worst {n} are shown", { n: SHOWN_AT_MOST }) : "";
    const out = this.out ? t("; the filter leaves out {n}", { n: this.out }) : "";
    this.querySelector(".tally").textContent = this.views.view ? out.slice(1) : `${t("{standing} standing, {open} unacknowledged", { standing: rows.length, open })} ${this.groups.count()}${out}${cut}`;
  }

  enable() {
    const row = alarms.rows.get(this.chosen);
    const may = (kind, able) => (this.querySelector(`[data-step="${kind}"]`).disabled = !able);
    may("silence", alarms.sounding().length > 0);
    for (const kind of ["acknowledge", "reset", "seen"]) this.querySelector(`[data-step="${kind}"]`).hidden = Boolean(this.views.view);
    may("acknowledge", row && UNACKNOWLEDGED.has(row.state));
    may("reset", row && LATCHED.has(row.state));
    may("seen", row && row.state !== "NORMAL");
  }

  choose(id, open = false) {
    if (!id) return;
    this.chosen = id;
    this.show();
    if (open) this.story.open();
    this.lines.get(id)?.scrollIntoView({ block: "nearest" });
  }

  move(step) {
    const ids = [...this.body.children].map((line) => line.dataset.alarm);
    const next = ids[Math.min(ids.length - 1, Math.max(0, ids.indexOf(this.chosen) + step))];
    this.choose(next);
  }
}

function frame() {
  const button = (step, word, key, main = "") =>
    `<button type="button" class="button ${main}" data-step="${step}">${t(word)} <kbd>${key}</kbd></button>`;
  return `
    <div class="views" role="tablist" aria-label="${t("Views of the list")}"></div>
    <div class="tools">
      ${button("silence", "Silence", "S")}${button("acknowledge", "Acknowledge", "A", "main")}${button("reset", "Reset", "R")}${button("seen", "Seen", "M")}
      <span class="tally" role="status"></span><span class="spacer"></span>
      <input class="field" type="search" placeholder="${t("Filter: tag, name, place")}" aria-label="${t("Filter: tag, name, place")}">
      <button type="button" class="button quiet test">${t("Test the sound")}</button>
    </div>
    <div class="list panel" tabindex="0" aria-label="${t("Standing alarms")}">
      <table class="sheet alarm-table"><thead><tr></tr></thead><tbody></tbody></table>
      <div class="empty" hidden></div>
    </div>
    <aside class="story panel" aria-live="off"></aside>`;
}

function fill(line, row, text) {
  line.text = text;
  if (HIDDEN.has(row.state)) {
    line.className = "aside";
    line.innerHTML = asideCells(row);
    return;
  }
  line.className = UNACKNOWLEDGED.has(row.state) ? "open" : ACTIVE.has(row.state) ? "standing" : "gone";
  line.innerHTML = `
    <td>${symbol(row.priority, row.state)}</td>
    <td class="state">${esc(stateWords(row.state))}${told(row)}</td>
    <td class="when">${when(row)}</td>
    <td class="tag">${esc(row.point || row.source)}</td>
    <td class="what">${esc(label(row.name))} <span class="kind">${esc(kindWords(row.kind))}</span><small>${esc(label(row.place_name) || row.place)}</small></td>
    <td class="number decided">${decided(row)}${row.unrecorded ? `<small>${t("readings not recorded")}</small>` : ""}</td>
    <td class="number live">${row.point ? liveValue(row) : ""}</td>
    <td class="optional">${esc(label(row.post_name) || row.post)}</td>
    <td class="who optional">${acknowledged(row)}</td>`;
}

/** Nobody acknowledges it: whom it was passed on to. */
const told = (row) => (row.told ? `<small class="told">${esc(t("passed on to {who}", { who: label(row.told) }))}</small>` : "");

/** When it was noticed; the data's own time below it wherever the two differ by more than a second. */
function when(row) {
  const noticed = shortStamp(row.noticed_at, link.now());
  const apart = Math.abs(row.noticed_at - row.happened_at) > 1e6;
  return esc(noticed) + (apart ? `<small>${t("data time {time}", { time: clock(row.happened_at) })}</small>` : "");
}

function decided(row) {
  if (row.kind === "VIEW") return `<span class="versus">${t("{n} safety points", { n: row.safety_points?.length ?? 0 })}</span>`;
  if (!isMeasured(row)) return esc(figure(row, row.value));
  return `${esc(figure({ ...row, unit: "", unit_text: null }, row.value))} <span class="versus">${versus(row)} ${esc(figure(row, row.limit))}</span>`;
}

function acknowledged(row) {
  if (!row.acknowledged_by) return "";
  return `${esc(row.acknowledged_by)}<small>${esc(shortStamp(row.acknowledged_at, link.now()))}</small>`;
}

customElements.define("anlan-alarms", AlarmList);
