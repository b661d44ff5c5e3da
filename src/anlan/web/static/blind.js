// 盲区图: what can't be seen now, on the plan and as a list. The node pushes it when something else is unseen (monitor/blind_spots.py);
// spans and countdowns run here by the node's clock. ↑ ↓ go through the list, Enter opens what is chosen.

import { config, esc, label, t } from "./config.js";
import { countdown, shortStamp, span } from "./format.js";
import { api, link } from "./link.js";
import { whenMounted } from "./mounted.js";

const MOST = 150;
const SVG = "http://www.w3.org/2000/svg";

class Blind {
  constructor(page) {
    this.page = page;
    this.rows = page.querySelector(".rows");
    this.causes = new Map([...page.querySelectorAll(".legend [data-cause]")].map((one) => [one.dataset.cause, one.dataset]));
    this.spots = spots(page);
    this.wire();
  }

  wire() {
    link.want("blind");
    link.addEventListener("blind", ({ detail }) => this.show(detail));
    setInterval(() => this.tick(), 1000);
    for (const kind of ["pointerover", "focusin"]) this.page.addEventListener(kind, (event) => this.light(event));
    this.page.addEventListener("pointerleave", () => this.light({}));
    this.rows.addEventListener("keydown", (event) => this.key(event));
    this.ask();
  }

  async ask() {
    const found = await api.get("/api/v1/blind");
    if (!this.found && !found.refused) this.show(found);
  }

  show(found) {
    this.found = found;
    this.count();
    this.list();
    this.draw();
    this.tick();
  }

  count() {
    for (const part of this.page.querySelectorAll("[data-count]")) {
      const n = part.dataset.causes.split(",").reduce((sum, cause) => sum + (this.found.counts[cause] ?? 0), 0);
      part.querySelector("b").textContent = n;
      part.classList.toggle("some", n > 0);
    }
    const { items, total } = this.found;
    this.page.querySelector(".total").textContent = items.length < total ? t("the first {n} of {total} are shown", { n: items.length, total }) : "";
  }

  /** Areas without gas detection, then cause by cause, within it place by place. */
  list() {
    const chosen = document.activeElement?.closest?.(".blind [data-row]")?.dataset.row;
    const { items, areas } = this.found;
    const groups = [...this.causes.keys()].map((cause) => items.filter((row) => row.cause === cause)).filter((group) => group.length);
    this.rows.innerHTML =
      areas.map(uncovered).join("") + groups.map((group) => this.group(group)).join("") || `<p class="none dim">${t("Nothing is hidden from this node now.")}</p>`;
    if (chosen) this.rows.querySelector(`[data-row="${CSS.escape(chosen)}"]`)?.focus();
  }

  group(rows) {
    const { words } = this.causes.get(rows[0].cause);
    const shown = byPlace(rows).slice(0, MOST);
    const rest = rows.length > MOST ? `<p class="dim more">${t("the first {n} of {total} are shown", { n: MOST, total: rows.length })}</p>` : "";
    let place = null;
    const lines = shown.map((row) => {
      if (isSource(row)) return this.line(row);
      const where = [label(row.place_name) || row.place, label(row.post_name) || row.post].filter(Boolean).join(" · ");
      const head = where === place ? "" : `<h4>${esc(where)}</h4>`;
      place = where;
      return head + this.line(row);
    });
    return `<section><h3>${this.sign(rows[0].cause)}${esc(words)} <b>${this.found.counts[rows[0].cause] ?? rows.length}</b></h3>${lines.join("")}${rest}</section>`;
  }

  sign(cause) {
    const { sign, look } = this.causes.get(cause);
    return `<span class="sign ${look}" aria-hidden="true">${esc(sign)}</span>`;
  }

  line(row) {
    const key = [row.cause, row.alarm, row.point, row.source].filter(Boolean).join(" ");
    const away = row.point && row.source && this.spots.size && !this.spots.has(row.point) ? ` <small class="dim">${t("not on the plan")}</small>` : "";
    return `<a class="row" href="${way(row)}" data-row="${esc(key)}" data-point="${esc(row.point ?? "")}">
      <b class="${row.safety ? "strong" : ""}">${esc(row.alarm ?? row.point ?? row.source)}</b><span class="name">${esc(label(row.name))}${away}</span>
      <span class="when" data-since="${row.since ?? ""}" data-is="${row.since_is ?? ""}" data-until="${row.until ?? ""}"></span>
      <span class="told">${told(row).map(esc).join(" · ")}</span></a>`;
  }

  /** Spots and areas of the plan. A spot shows its gravest cause; how many more is in its title. */
  draw() {
    if (!this.spots.size) return;
    const order = [...this.causes.keys()];
    const byPoint = new Map();
    for (const row of this.found.items) if (row.point) byPoint.set(row.point, [...(byPoint.get(row.point) ?? []), row]);
    for (const spot of new Set(this.spots.values())) {
      const rows = spot.dataset.points.split(",").flatMap((point) => byPoint.get(point) ?? []);
      rows.sort((a, b) => order.indexOf(a.cause) - order.indexOf(b.cause));
      this.mark(spot, rows);
    }
    for (const area of this.page.querySelectorAll(".plan .area")) cover(area, this.found.areas.find((one) => one.area === area.dataset.area));
  }

  mark(spot, rows) {
    const title = spot.querySelector("title");
    spot.names ??= title.textContent;
    title.textContent = [spot.names, ...rows.map((row) => `${row.alarm ?? row.point}: ${this.causes.get(row.cause).words}`)].join("\n");
    spot.setAttribute("class", `spot ${rows.length ? "hit" : "quiet"}`);
    spot.setAttribute("tabindex", rows.length ? "0" : "-1");
    spot.querySelector(".blind-mark")?.remove();
    if (!rows.length) return;
    const { sign, look } = this.causes.get(rows[0].cause);
    const mark = document.createElementNS(SVG, "g");
    mark.setAttribute("class", `blind-mark ${look}`);
    mark.setAttribute("transform", `translate(${spot.dataset.x} ${spot.dataset.y})`);
    mark.innerHTML = `<circle class="back" r="6.2"/><circle class="fill" r="6.2"/><text text-anchor="middle" y="2.6">${esc(sign)}</text>`;
    spot.append(mark);
    spot.parentNode.append(spot); // above its neighbours
  }

  tick() {
    for (const place of this.rows.querySelectorAll(".when")) place.textContent = when(place.dataset);
  }

  /** What the pointer or the keyboard is on stands out on the plan and in the list. */
  light({ target }) {
    const points = target?.closest?.("[data-point]")?.dataset.point.split(",") ?? target?.closest?.(".spot.hit")?.dataset.points.split(",") ?? [];
    const detectors = target?.closest?.("[data-detectors]")?.dataset.detectors.split(",") ?? [];
    const lit = new Set([...points, ...detectors].filter(Boolean));
    for (const [point, spot] of this.spots) if (spot.dataset.points.split(",")[0] === point) spot.classList.toggle("lit", spot.dataset.points.split(",").some((one) => lit.has(one)));
    for (const row of this.rows.querySelectorAll("[data-point]")) row.classList.toggle("lit", lit.has(row.dataset.point));
  }

  key(event) {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const all = [...this.rows.querySelectorAll("[data-row]")];
    const next = all[all.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }
}

/** Point → its spot on the plan. */
function spots(page) {
  const found = new Map();
  for (const spot of page.querySelectorAll(".plan .spot")) for (const point of spot.dataset.points.split(",")) found.set(point, spot);
  return found;
}

const way = (row) =>
  row.alarm ? `/alarms?state=${row.cause.toUpperCase()}&alarm=${encodeURIComponent(row.alarm)}` : row.point ? `/points/${encodeURIComponent(row.point)}` : "/sources";

const isSource = (row) => !row.point && !row.alarm;

/** Sources first, then the places that have something that guards life. */
function byPlace(rows) {
  const guards = new Set(rows.filter((row) => row.safety).map((row) => row.place));
  const rank = (row) => (isSource(row) ? 0 : guards.has(row.place) ? 1 : 2);
  return [...rows].sort((a, b) => rank(a) - rank(b) || a.place.localeCompare(b.place) || Number(b.safety) - Number(a.safety) || (a.point ?? "").localeCompare(b.point ?? ""));
}

const named = (kinds) => kinds.map((kind) => label(kind.name)).join(config.language === "zh" ? "、" : ", ");

function uncovered(area) {
  const kinds = named(area.kinds);
  const words = area.whole ? t("No valid gas detection in this area") : t("No valid detection of {kinds} in this area", { kinds });
  return `<section class="area-row" data-row="area ${esc(area.area)}" tabindex="0" data-detectors="${esc(area.detectors.join(","))}"><h3><span class="sign area" aria-hidden="true"></span>${esc(label(area.name))} · ${esc(words)}</h3><p class="dim">${area.detectors.map(esc).join(" · ")}</p></section>`;
}

/** Hatch an area of whose gas detectors none can be relied on, and say so in it. */
function cover(area, found) {
  area.classList.toggle("uncovered", Boolean(found));
  area.classList.toggle("whole", Boolean(found?.whole));
  area.querySelector(".verdict")?.remove();
  if (!found) return;
  const box = area.querySelector("polygon").getBBox();
  const text = document.createElementNS(SVG, "text");
  text.setAttribute("class", "verdict");
  text.setAttribute("x", box.x + box.width / 2);
  text.setAttribute("y", box.y + box.height + 9);
  text.setAttribute("text-anchor", "middle");
  text.textContent = found.whole ? t("No valid gas detection") : t("No valid detection: {kinds}", { kinds: named(found.kinds) });
  area.append(text);
}

function when({ since, is, until }) {
  const now = link.now();
  const parts = [];
  if (since) parts.push({ last_heard: t("last heard {span} ago", { span: span(now - since) }), noticed: t("for at least {span}", { span: span(now - since) }), began: t("for {span}", { span: span(now - since) }) }[is] ?? "");
  if (until) parts.push(until > now ? t("{time} left", { time: countdown((until - now) / 1e6) }) : t("ended {time}", { time: shortStamp(Number(until), now) }));
  return parts.filter(Boolean).join(" · ");
}

function told(row) {
  const parts = isSource(row) ? [label(row.post_name) || row.post] : [];
  if (isSource(row)) parts.push(t("{n} points, {safety} of them safety points", { n: row.points, safety: row.safety_points }));
  if (row.vote) parts.push(vote(row.vote));
  if (row.by || row.reason) parts.push([row.by, row.reason].filter(Boolean).join(": "));
  if (!row.alarm && !row.vote && row.affected_count) parts.push(affected(row));
  return parts.filter(Boolean);
}

const HEALTH = { calibrating: "calibrating", inhibited: "inhibited", faulty: "faulty", unseen: "not seen" };

function vote({ designed, in_force, nobody, met, out }) {
  const members = out.map(({ id, health }) => `${id} ${t(HEALTH[health])}`).join(", ");
  return `${designed} → ${nobody ? t("nobody votes") : met ? t("met by members that count as alarming") : in_force}, ${members}`;
}

function affected(row) {
  const named = row.affected.slice(0, 4).join(" ");
  const more = row.affected_count > 4 ? " …" : "";
  return `${t("{n} alarms cannot come as designed", { n: row.affected_count })}: ${named}${more}`;
}

whenMounted(".blind", (page) => new Blind(page));
