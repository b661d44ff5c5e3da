// <anlan-performance>: how the alarm system performs at each post, beside the guide values of the standards. Figures are shown, none is judged.
//
// The address carries window and post, so that a colleague who gets the link sees the same. A window up to now is asked for anew each minute.

import { kindWords, symbol } from "./alarms.js";
import { esc, label, t } from "./config.js";
import { number, shortStamp, span, stamp, zoneOffset } from "./format.js";
import { api, link } from "./link.js";
import { actorsOption, figurePercent, periodsOption, prioritiesOption, waitsOption } from "./performance_charts.js";

const WINDOWS = [
  ["10min", "10 min"],
  ["hour", "1 h"],
  ["shift", "this shift"],
  ["day", "24 h"],
  ["7d", "7 d"],
  ["30d", "30 d"],
];
const TILES = ["rate.per_hour", "rate.peak_10_min", "flood.share", "standing.average", "stale.most_in_a_day", "chattering.count", "acknowledge.median", "respond.in_time"];
const AGAIN = 60_000;
const STRIP = 92;

class Performance extends HTMLElement {
  async connectedCallback() {
    this.readAddress();
    this.innerHTML = frame();
    this.wire();
    const { echarts } = await import("nicegui-echart");
    if (!this.isConnected) return;
    this.charts = Object.fromEntries([...this.querySelectorAll("[data-chart]")].map((place) => [place.dataset.chart, echarts.init(place, null, { renderer: "canvas" })]));
    this.charts.actors.on("click", ({ data }) => data?.way && location.assign(data.way));
    this.observer = new ResizeObserver(() => this.resize());
    for (const place of this.querySelectorAll("[data-chart]")) this.observer.observe(place);
    this.timer = setInterval(() => !this.from && document.visibilityState === "visible" && this.load(), AGAIN);
    await this.load();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    this.observer?.disconnect();
    for (const chart of Object.values(this.charts ?? {})) chart.dispose();
  }

  readAddress() {
    const given = new URLSearchParams(location.search);
    this.window = WINDOWS.some(([name]) => name === given.get("window")) ? given.get("window") : "day";
    this.post = given.get("post");
    [this.from, this.to] = [Date.parse(given.get("from")), Date.parse(given.get("to"))];
    if (!(this.from < this.to)) this.from = this.to = 0;
  }

  writeAddress() {
    const view = this.from ? { from: iso(this.from), to: iso(this.to) } : { window: this.window };
    const query = new URLSearchParams({ ...view, ...(this.post === null ? {} : { post: this.post }) });
    history.replaceState(history.state, "", `?${query.toString().replaceAll("%3A", ":")}`);
  }

  wire() {
    for (const button of this.querySelectorAll("[data-window]"))
      button.addEventListener("click", () => {
        [this.window, this.from, this.to, this.typed] = [button.dataset.window, 0, 0, false];
        this.load();
      });
    this.querySelector("select").addEventListener("change", ({ target }) => {
      this.post = target.value === "*" ? null : target.value;
      this.show();
    });
    // What a person is typing is not written over by an answer that comes meanwhile, nor is what was said of it wiped away.
    this.querySelector("form").addEventListener("input", () => (this.typed = true));
    this.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      const [from, to] = [...event.target.querySelectorAll("input")].map((field) => siteMillis(field.value));
      if (!(from < to)) return this.say(t("The beginning must lie before the end."));
      [this.from, this.to, this.typed] = [from, to, false];
      this.load();
    });
  }

  async load() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.toggleAttribute("busy", true);
    const asked = this.from ? `from=${this.from * 1000}&to=${this.to * 1000}` : `window=${this.window}`;
    const answer = await api.get(`/api/v1/alarms/performance?${asked}`);
    if (turn !== this.turn || !this.charts) return;
    this.toggleAttribute("busy", false);
    if (answer.refused || !this.typed) this.say(answer.refused ?? "");
    if (answer.refused) return;
    this.report = answer;
    this.show();
  }

  say(text) {
    this.querySelector(".form-error").textContent = text;
  }

  /** The post that is looked at; one of which nothing is known is all of them. */
  chosen() {
    return this.report.posts.find((one) => one.post === this.post) ?? this.report.whole;
  }

  show() {
    if (!this.report) return;
    this.writeAddress();
    const [report, one] = [this.report, this.chosen()];
    this.tools(report, one);
    this.querySelector(".tiles").innerHTML = TILES.map((id) => tile(report, one, id)).join("");
    this.querySelector(".chattering .body").innerHTML = chatteringTable(one);
    this.querySelector(".floods .body").innerHTML = floodTable(one, report.to);
    this.querySelector(".measures .body").innerHTML = measureTable(report, one);
    this.draw(report, one);
  }

  tools(report, one) {
    for (const button of this.querySelectorAll("[data-window]")) button.classList.toggle("on", !this.from && button.dataset.window === this.window);
    const choices = [["*", t("all posts")], ...report.posts.map((post) => [post.post, postName(post)])];
    this.querySelector("select").innerHTML = choices.map(([id, name]) => `<option value="${esc(id)}"${id === (one.post ?? "*") ? " selected" : ""}>${esc(name)}</option>`).join("");
    const [from, to] = this.querySelectorAll("form input");
    if (!this.typed && document.activeElement !== from && document.activeElement !== to) [from.value, to.value] = [report.from, report.to].map(siteField);
    const of = t("{count} alarms of {alarms} different ones", { count: one.figures["rate.count"] ?? "—", alarms: one.alarms });
    const since = report.measured_from > report.from ? ` · ${t("recorded since {time}", { time: stamp(report.measured_from) })}` : "";
    this.querySelector(".status").textContent = `${stamp(report.from)} – ${stamp(report.to)} · ${of}${since}`;
  }

  draw(report, one) {
    const strips = one.post === null ? report.posts.filter((post) => post.figures["rate.count"] || report.posts.length < 5) : [one];
    const shown = strips.length ? strips : report.posts.slice(0, 1);
    this.querySelector('[data-chart="periods"]').style.height = `${Math.max(2, shown.length) * STRIP + 34}px`;
    const scheme = report.targets.filter((target) => target.measure.startsWith("priority."));
    const options = {
      periods: periodsOption(shown, report, postName),
      priorities: prioritiesOption(one, scheme),
      actors: actorsOption(one, (actor) => way(actor)),
      waits: waitsOption(one.acknowledge, one.respond),
    };
    for (const [name, chart] of Object.entries(this.charts)) {
      chart.resize();
      chart.setOption(options[name], { notMerge: true });
    }
    for (const name of ["actors", "waits", "priorities"]) {
      const known = name === "waits" ? one.acknowledge.count + one.respond.count : one.figures["rate.count"];
      this.querySelector(`[data-chart="${name}"]`).parentElement.toggleAttribute("empty", !known);
    }
  }

  resize() {
    for (const chart of Object.values(this.charts ?? {})) chart.resize();
  }
}

const postName = (one) => (one.post === null ? t("all posts") : label(one.post_name) || one.post || t("no post"));

/** Where an alarm is explained: its point, with its limits and its trend; the sources for one of a whole source. */
const way = (alarm) => (alarm.point ? `/points/${encodeURIComponent(alarm.point)}` : "/sources");

function figure(value, form) {
  if (value === null || value === undefined) return "—";
  if (form === "seconds") return span(value * 1e6);
  return { count: number(value, 0), number: number(value, value <= 0 || value >= 10 ? 1 : value < 0.1 ? 4 : 2), percent: figurePercent(value) }[form];
}

/** What the standards say beside the figure: never a verdict, and marked where the standard itself was not read. */
function guides(report, id, { definitions = false } = {}) {
  return report.targets.filter((one) => one.measure === id && (definitions || one.level.en !== "definition"));
}

const guideText = (one) => `${one.comparison} ${one.low === null ? "" : `${one.low}–`}${one.value} ${label(one.unit)}`.trim();

const standard = (one) => [one.standard + (one.edition ? `-${one.edition}` : ""), one.clause].filter(Boolean).join(" · ");

function tile(report, one, id) {
  const measure = report.measures.find((found) => found.id === id);
  const given = guides(report, id);
  const guide = given.length ? `${t("guide value of a post")} ${given.slice(0, 2).map(guideText).join(" / ")}` : measure.id === "respond.in_time" ? t("by each alarm's own time to respond") : "";
  const mark = given.some((found) => !found.verified) ? ` <em>${t("not read in the standard's own text")}</em>` : "";
  const heading = `${label(measure.part)} · ${label(measure.name)}`;
  return `<div class="panel tile" data-measure="${id}"><span class="dim">${esc(heading)}</span><b>${esc(figure(one.figures[id], measure.form))}</b><small class="dim">${esc(guide)}${mark}</small></div>`;
}

function chatteringTable(one) {
  if (!one.chattering.length) return `<div class="none dim">${t("No alarm came more often than three times a minute.")}</div>`;
  const heads = ["", t("Alarm"), t("Name"), "Ψ", t("times"), t("shortest"), ""];
  const rows = one.chattering.map((alarm) => `<tr><td>${alarm.priority ? symbol(alarm.priority) : ""}</td><td class="strong nowrap">${tag(alarm)}</td><td>${named(alarm)}</td><td class="number">${number(alarm.index, 3)}/s</td><td class="number">${alarm.count}</td><td class="number">${t("{n} s", { n: alarm.shortest })}</td><td>${journalLink(alarm)}</td></tr>`);
  return table(heads, rows, [3, 4, 5]);
}

function floodTable(one, end) {
  if (!one.floods.length) return `<div class="none dim">${t("No flood: nowhere ten alarms in ten minutes.")}</div>`;
  const heads = [t("Post"), t("began"), t("lasted"), t("alarms"), t("most in 10 min")];
  const newest = [...one.floods].sort((a, b) => b.began_at - a.began_at).slice(0, 50);
  const rows = newest.map((flood) => `<tr><td>${esc(postName(flood))}</td><td class="nowrap">${esc(shortStamp(flood.began_at, link.now()))}</td><td class="number">${flood.ended_at === null ? t("still runs") : esc(span(flood.ended_at - flood.began_at))}</td><td class="number">${flood.count}</td><td class="number">${flood.peak}</td></tr>`);
  return table(heads, rows, [2, 3, 4]);
}

function measureTable(report, one) {
  const parts = [...new Set(report.measures.map((measure) => label(measure.part)))];
  const rows = parts.flatMap((part) => [`<tr class="part"><th colspan="3">${esc(part)}</th></tr>`, ...report.measures.filter((measure) => label(measure.part) === part).map((measure) => measureRow(report, one, measure))]);
  return table([t("Measure"), t("Measured"), t("Guide values, for one post")], rows, [1]);
}

function measureRow(report, one, measure) {
  const told = guides(report, measure.id).map((target) => `<span class="guide"><b>${esc(guideText(target))}</b> ${esc(label(target.level))} · ${esc(standard(target))}${target.verified ? "" : ` <em>${t("not read in the standard's own text")}</em>`}${label(target.note) ? ` <span class="dim">${esc(label(target.note))}</span>` : ""}</span>`);
  return `<tr data-measure="${measure.id}"><td>${esc(label(measure.name))}</td><td class="number strong">${esc(figure(one.figures[measure.id], measure.form))}</td><td>${told.join("")}</td></tr>`;
}

function table(heads, rows, numbers) {
  const head = heads.map((words, i) => `<th class="${numbers.includes(i) ? "number" : ""}">${esc(words)}</th>`).join("");
  return `<table class="sheet"><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

const tag = (alarm) => `<a href="${esc(way(alarm))}">${esc(alarm.id)}</a>`;
const named = (alarm) => `${esc(label(alarm.name))} <span class="dim">${alarm.kind ? esc(kindWords(alarm.kind)) : ""}</span>`;
const journalLink = (alarm) => (alarm.point ? `<a class="dim" href="/alarms/journal?point=${encodeURIComponent(alarm.point)}">${t("Journal of this alarm")}</a>` : "");

const iso = (millis) => new Date(millis).toISOString();

/** An input of date and time shows the site's wall clock, wherever the browser stands. */
const siteField = (micros) => new Date(micros / 1000 + zoneOffset(micros / 1000)).toISOString().slice(0, 16);
function siteMillis(text) {
  const wall = Date.parse(`${text}Z`);
  return wall - zoneOffset(wall - zoneOffset(wall));
}

function frame() {
  const windows = WINDOWS.map(([name, words]) => `<button type="button" class="button" data-window="${name}">${t(words)}</button>`).join("");
  const panel = (name, heading, note = "") => `<section class="panel ${name}"><header><h2>${heading}</h2><span class="dim">${note}</span></header>`;
  const chart = (name, heading, note, empty) => `${panel(name, heading, note)}<div class="drawing"><div class="chart" data-chart="${name}" role="img" aria-label="${heading}"></div><div class="none dim">${empty}</div></div></section>`;
  return `
    <div class="tools">
      <div class="button-row">${windows}</div>
      <form class="custom"><input class="field" type="datetime-local" required aria-label="${t("from")}"><span class="dim">–</span><input class="field" type="datetime-local" required aria-label="${t("to")}"><button class="button" type="submit">${t("Show")}</button></form>
      <label class="dim">${t("Post")} <select class="field"></select></label>
      <span class="status dim"></span><span class="form-error" role="alert"></span>
    </div>
    <div class="tiles"></div>
    ${chart("periods", t("Alarms in each 10 minutes"), t("shaded: flood, from the tenth alarm in 10 minutes until fewer than five"), "")}
    <div class="three">
      ${chart("priorities", t("Priorities"), t("measured, and the standards' split"), t("No alarm in this window."))}
      ${chart("actors", t("Most frequent alarms"), t("choose one to see its limits"), t("No alarm in this window."))}
      ${chart("waits", t("Time to acknowledge, and until the condition was gone"), "", t("Nothing was acknowledged in this window."))}
    </div>
    <div class="two">
      ${panel("chattering", t("Chattering alarms"), t("index Ψ of Kondaveeti et al., above 0.05/s"))}<div class="body wide-table"></div></section>
      ${panel("floods", t("Alarm floods"))}<div class="body wide-table"></div></section>
    </div>
    ${panel("measures", t("All measures"), t("figures are measured; none is judged"))}<div class="body wide-table"></div></section>`;
}

customElements.define("anlan-performance", Performance);
