// <anlan-trend>: many points over time. The address carries the view, so that a colleague who gets the link sees the same.
//
// Live: the window ends now and slides. Zooming or panning stops that; "Live" starts it again. Short spans are drawn from raw readings,
// long ones from min–max buckets as wide as a pixel or two; the status line says which.

import { esc, label, t, unitOf } from "./config.js";
import { number, stamp, span as spanWords } from "./format.js";
import { api, link } from "./link.js";
import { notForPage } from "./shell.js";
import { extent, isWithin, valueAt } from "./trend_data.js";
import { savePicture, saveReadings } from "./trend_export.js";
import { append, loadPens, searchPoints } from "./trend_load.js";
import { fromChart, option, penColour } from "./trend_chart.js";
import { figureOf, liveValue } from "./values.js";

const RANGES = [
  [900, "15 min"],
  [3600, "1 h"],
  [28_800, "8 h"],
  [86_400, "24 h"],
  [604_800, "7 d"],
];
const AT_MOST = 16;

class Trend extends HTMLElement {
  async connectedCallback() {
    this.compact = this.hasAttribute("compact");
    this.readAddress();
    this.pens = [];
    this.innerHTML = this.compact ? `<div class="chart"></div><div class="status dim"></div>` : frame();
    this.chartPlace = this.querySelector(".chart");
    if (!this.compact) this.wire();
    const { echarts } = await import("nicegui-echart");
    if (!this.isConnected) return;
    const scale = this.enlarge();
    this.chart = echarts.init(this.chartPlace, null, { renderer: "canvas", devicePixelRatio: devicePixelRatio * scale });
    this.listen();
    await this.reload();
  }

  /** On a wall everything in the chart is so much larger; drawn in as many pixels, not stretched. */
  enlarge() {
    const scale = this.getAttribute("scale") === "wall" ? Math.max(1, innerHeight / 560) : 1;
    this.chartPlace.style.setProperty("--scale", scale);
    return scale;
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    clearTimeout(this.later);
    this.observer?.disconnect();
    removeEventListener("keydown", this.onKey);
    this.turn = (this.turn ?? 0) + 1; // what is still being fetched comes too late
    this.chart?.dispose();
    this.chart = null;
    this.watch([]);
  }

  readAddress() {
    const given = new URLSearchParams(this.compact ? "" : location.search);
    this.points = (given.get("points") ?? this.getAttribute("points") ?? "").split(",").filter(Boolean).slice(0, AT_MOST);
    this.width = Number(given.get("span") ?? this.getAttribute("span") ?? 900) * 1000;
    const [start, end] = [Date.parse(given.get("start")), Date.parse(given.get("end"))];
    this.live = !(start < end);
    [this.start, this.end] = this.live ? this.nowWindow() : [start, end];
  }

  writeAddress() {
    if (this.compact) return;
    const view = this.live
      ? { span: Math.round(this.width / 1000) }
      : { start: new Date(Math.round(this.start)).toISOString(), end: new Date(Math.round(this.end)).toISOString() };
    const query = new URLSearchParams({ points: this.points.join(","), ...view });
    history.replaceState(history.state, "", `?${query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":")}`);
  }

  nowWindow() {
    const now = link.now() / 1000;
    return [now - this.width, now];
  }

  listen() {
    this.observer = new ResizeObserver(() => {
      this.chart.resize();
      this.draw();
    });
    this.observer.observe(this.chartPlace);
    this.chart.on("datazoom", () => this.zoomed());
    this.chart.on("updateAxisPointer", ({ axesInfo }) => this.cursor(axesInfo?.[0]?.value));
    this.chart.getZr().on("globalout", () => this.cursor(undefined));
    this.timer = setInterval(() => this.slide(), 1000);
  }

  wire() {
    for (const button of this.querySelectorAll("[data-span]")) button.addEventListener("click", () => this.range(Number(button.dataset.span) * 1000));
    this.querySelector(".live").addEventListener("click", () => this.goLive());
    this.querySelector(".pens").addEventListener("click", (event) => {
      const id = event.target.closest("[data-remove]")?.dataset.remove;
      if (id) this.choose(this.points.filter((point) => point !== id));
    });
    this.querySelector(".export").addEventListener("click", ({ target }) => this.export(target.closest("[data-export]")?.dataset.export));
    this.wireSearch();
    this.onKey = (event) => this.key(event);
    addEventListener("keydown", this.onKey);
  }

  wireSearch() {
    const [input, list] = [this.querySelector(".search input"), this.querySelector(".search ul")];
    input.addEventListener("input", () => this.search(input.value.trim(), list));
    input.addEventListener("focus", () => this.search(input.value.trim(), list));
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") list.querySelector("button")?.click();
      if (event.key === "Escape") input.blur();
    });
    input.addEventListener("blur", () => setTimeout(() => (list.innerHTML = ""), 200));
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const id = event.target.closest("[data-add]")?.dataset.add;
      if (!id) return;
      input.value = "";
      list.innerHTML = "";
      this.choose([...this.points, id]);
    });
  }

  /** Points by id, Chinese or English name, as one types; those shown already are left out. */
  async search(text, list) {
    const turn = (this.searched = (this.searched ?? 0) + 1);
    const answer = await searchPoints(text);
    // A slower answer to what was typed before must not replace this one.
    if (answer.refused || turn !== this.searched) return;
    const found = answer.items.filter((point) => !this.points.includes(point.id)).slice(0, 12);
    list.innerHTML = found
      .map((point) => `<li><button type="button" data-add="${esc(point.id)}"><b>${esc(point.id)}</b> ${esc(label(point.name))} <span class="dim">${esc(unitOf({ ...point, states: null }))}</span></button></li>`)
      .join("");
  }

  key(event) {
    if (notForPage(event)) return;
    const width = this.end - this.start;
    const act = {
      ArrowLeft: () => this.show(this.start - width / 4, this.end - width / 4),
      ArrowRight: () => this.show(this.start + width / 4, this.end + width / 4),
      "+": () => this.show(this.start + width / 4, this.end - width / 4),
      "-": () => this.show(this.start - width / 2, this.end + width / 2),
      l: () => this.goLive(),
    }[event.key];
    const range = RANGES[Number(event.key) - 1];
    if (!act && !range) return;
    event.preventDefault();
    act ? act() : this.range(range[0] * 1000);
  }

  export(what) {
    if (!what) return;
    if (what === "png") return savePicture(this.chart, this.pens, this.start, this.end);
    saveReadings(this.points, this.start, this.end, what);
  }

  choose(points) {
    this.points = points.slice(0, AT_MOST);
    this.reload();
  }

  range(width) {
    this.width = width;
    this.goLive();
  }

  goLive() {
    this.live = true;
    [this.start, this.end] = this.nowWindow();
    this.reload();
  }

  /** Look at a window of the past; never into the future. */
  show(start, end) {
    const now = link.now() / 1000;
    const ahead = Math.max(0, end - now);
    this.live = false;
    [this.start, this.end] = [start - ahead, end - ahead];
    this.width = this.end - this.start;
    this.reload();
  }

  zoomed() {
    const axis = this.chart.getOption().dataZoom[0];
    if (!Number.isFinite(axis.startValue) || this.drawing) return;
    const [start, end] = [fromChart(axis.startValue), fromChart(axis.endValue)];
    if (Math.abs(start - this.start) + Math.abs(end - this.end) < 1) return;
    clearTimeout(this.later);
    this.later = setTimeout(() => this.show(start, Math.max(end, start + 2000)), 180);
  }

  /** Fetch the window at a resolution that fits its width, then draw. A newer request overtakes an older one. */
  async reload() {
    this.writeAddress();
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const pixels = Math.max(200, this.chartPlace.clientWidth - 120);
    const loaded = this.points.length ? await loadPens(this.points, this.start, this.end, pixels) : { pens: [] };
    if (turn !== this.turn || !this.chart) return;
    this.refused = loaded.refused ?? "";
    this.raw = loaded.raw;
    this.bucket = loaded.bucket;
    this.pens = loaded.pens.map((pen, i) => ({ ...pen, colour: penColour(i) }));
    this.watch(this.pens);
    this.list();
    this.draw();
  }

  watch(pens) {
    for (const [id, take] of this.watched ?? []) link.unwatch(id, take);
    this.watched = pens.map((pen) => {
      const take = (reading) => append(pen, reading);
      link.watch(pen.id, take);
      return [pen.id, take];
    });
  }

  slide() {
    if (!this.live || !this.chart) return;
    [this.start, this.end] = this.nowWindow();
    // Long windows move by less than a pixel a second: their buckets are asked for anew when one is full.
    if (!this.raw && this.pens.length && this.end - (this.loadedAt ?? 0) > Math.max(5000, this.bucket)) {
      this.loadedAt = this.end;
      return this.reload();
    }
    this.draw();
  }

  draw() {
    this.toggleAttribute("empty", !this.points.length);
    for (const button of this.querySelectorAll("[data-export]")) button.disabled = !this.pens.length;
    this.querySelector(".status").innerHTML = this.statusLine();
    for (const button of this.querySelectorAll("[data-span]"))
      button.classList.toggle("on", this.live && Number(button.dataset.span) * 1000 === this.width);
    this.querySelector("button.live")?.classList.toggle("on", this.live);
    this.drawing = true;
    const size = { height: this.chartPlace.clientHeight, compact: this.compact };
    this.chart.setOption(option(this.pens, this.start, this.end, size), { notMerge: true });
    this.drawing = false;
    this.cursor(this.cursorAt);
  }

  statusLine() {
    if (this.refused) return `<span class="form-error">${esc(this.refused)}</span>`;
    const kind = this.raw ? t("raw readings") : t("least to greatest of each {span}", { span: spanWords((this.bucket ?? 0) * 1000) });
    const window = `${stamp(this.start * 1000)} – ${stamp(this.end * 1000)}`;
    return this.points.length ? `${esc(window)} · ${esc(kind)} · ${this.live ? t("live") : t("stands still")} ${this.signs()}` : "";
  }

  /** What dashes and hatches mean; in a small chart only where there are any. */
  signs() {
    const [unsure, bad] = ["uncertain", "bad"].map((name) => this.pens.some((pen) => pen.data[name].some(([from, to]) => to >= this.start && from <= this.end)));
    const sign = (name, words, there) => (there || !this.compact ? `<span class="trend-sign"><i class="${name}"></i>${t(words)}</span>` : "");
    return sign("uncertain", "uncertain", unsure) + sign("bad", "bad", bad);
  }

  /** The legend: each pen's value under the cursor, or now; least and greatest of the window. */
  list() {
    const place = this.querySelector(".pens tbody");
    if (!place) return;
    place.innerHTML = this.pens.map(penLine).join("");
  }

  cursor(at) {
    this.cursorAt = at;
    if (this.compact) return;
    this.pens.forEach((pen, i) => {
      const row = this.querySelectorAll(".pens tbody tr")[i];
      if (!row) return;
      const bounds = extent(pen.data);
      const read = at === undefined ? null : valueAt(pen.data.line, fromChart(at));
      const unsure = at !== undefined && isWithin(pen.data.uncertain, fromChart(at));
      row.querySelector(".at").innerHTML = at === undefined ? "" : esc(figureOf(read, pen.decimals, pen.states)) + (unsure ? ` <span class="mark uncertain">${t("uncertain")}</span>` : "");
      row.querySelector(".least").textContent = bounds && !pen.states ? number(bounds[0], pen.decimals) : "";
      row.querySelector(".most").textContent = bounds && !pen.states ? number(bounds[1], pen.decimals) : "";
    });
  }
}

function frame() {
  const ranges = RANGES.map(([seconds, words], i) => `<button type="button" class="button" data-span="${seconds}" title="${i + 1}">${t(words)}</button>`).join("");
  return `
    <div class="tools">
      <div class="button-row">${ranges}<button type="button" class="button live">${t("Live")} <kbd>L</kbd></button></div>
      <div class="search"><input class="field" type="search" placeholder="${t("Add a point: tag or name")}" aria-label="${t("Add a point: tag or name")}"><ul></ul></div>
      <div class="button-row export" role="group" aria-label="${t("Export")}"><span class="dim">${t("Export")}</span><button type="button" class="button" data-export="csv" title="${t("All readings of this span")}">CSV</button><button type="button" class="button" data-export="parquet" title="${t("All readings of this span")}">Parquet</button><button type="button" class="button" data-export="png" title="${t("Picture")}">PNG</button></div>
      <span class="status dim"></span>
    </div>
    <div class="panel drawing"><div class="chart" role="img" aria-label="${t("Trend")}"></div>
      <div class="empty"><strong>${t("No point is chosen.")}</strong><span>${t("Type a tag or a name above; up to {n} points share one cursor. The address of this page keeps the choice.", { n: AT_MOST })}</span></div></div>
    <div class="panel pens"><table class="sheet"><thead><tr><th></th><th>${t("Point")}</th><th>${t("Name")}</th><th class="number">${t("At the cursor")}</th><th class="number">${t("Now")}</th><th class="number">${t("Least")}</th><th class="number">${t("Greatest")}</th><th></th></tr></thead><tbody></tbody></table></div>`;
}

function penLine(pen) {
  const row = { point: pen.id, decimals: pen.decimals, unit: pen.unit, states: pen.states };
  return `<tr><td><i class="pen" style="background:${pen.colour}"></i></td><td class="strong nowrap">${pen.retired ? esc(pen.id) : `<a href="/points/${encodeURIComponent(pen.id)}">${esc(pen.id)}</a>`}</td><td>${esc(label(pen.name))}${notes(pen)}</td>
    <td class="number at strong"></td><td class="number">${liveValue(row)}</td><td class="number least"></td><td class="number most"></td>
    <td class="number"><button type="button" class="button quiet" data-remove="${esc(pen.id)}" aria-label="${t("Remove {point}", { point: pen.id })}">✕</button></td></tr>`;
}

/** What was otherwise in this window: another unit or name, or a point that is no more. */
function notes(pen) {
  const told = pen.retired ? [t("taken out of the plant {time}", { time: stamp(pen.retired) })] : [];
  const now = pen.units.at(-1);
  for (const was of pen.units.slice(0, -1)) {
    const facts = { time: stamp(was.until), then: label(was.unit_text), now: label(now.unit_text), id: was.id, name: label(was.name) };
    if (!was.converts) told.push(t("until {time} kept in {then}: not drawn, it does not become {now} exactly", facts));
    else if (was.unit !== now.unit) told.push(t("until {time} kept in {then}, converted", facts));
    if (was.id !== now.id || label(was.name) !== label(now.name)) told.push(t("until {time} called {id} {name}", facts));
  }
  return told.map((one) => `<br><span class="dim">${esc(one)}</span>`).join("");
}

customElements.define("anlan-trend", Trend);
