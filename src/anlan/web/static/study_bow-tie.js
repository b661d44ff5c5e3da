// The figure of a bow-tie: threats left, the top event in the knot, consequences right, barriers as bars across the lines with their health,
// escalation factors hanging below. What a barrier's health rests on opens below, and with it "as if it were …", which is marked as assumed and kept nowhere.

import { esc, label, t } from "./config.js";
import { fitted } from "./fitted.js";
import { api } from "./link.js";
import { factorText, figure } from "./studies.js";

const [SIDE, CELL, KNOT, PAD] = [214, 150, 250, 16];
const [CARD, BOX, HANG] = [128, 84, 62];
/** Health → its mark, legible without colour. */
const MARKS = { effective: "●", degraded: "◐", failed: "✕", unknown: "?", unwatched: "–" };
const WORDS = { effective: "effective", degraded: "degraded", failed: "barrier failed", unknown: "not known", unwatched: "not watched" };

export function draw(host, told) {
  host.bowTie ??= new BowTie(host, told.id);
  host.bowTie.show(told.figure);
}

class BowTie {
  constructor(host, study) {
    this.host = host;
    this.study = study;
    this.assumed = {};
    this.open = "";
    host.classList.add("bow-tie");
    host.innerHTML = `<div class="assumed banner" role="status" hidden><b>${t("Assumed, not the plant")}</b><span></span><button type="button" class="button quiet" data-reset>${t("Back to the plant")}</button></div><div class="tie-scroll"></div><section class="panel tie-detail" hidden></section>`;
    host.addEventListener("click", (event) => this.clicked(event));
    host.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      if (!event.target.closest("[data-barrier]")) return;
      event.preventDefault();
      this.clicked(event);
    });
  }

  show(told) {
    this.live = told;
    if (!Object.keys(this.assumed).length) return this.render(told);
    this.ask();
  }

  async ask() {
    const answer = await api.post(`/api/v1/risk/bow-ties/${encodeURIComponent(this.study)}/as-if`, { barriers: this.assumed });
    if (answer.refused) {
      this.assumed = {};
      return this.render(this.live);
    }
    this.render(answer.figure);
  }

  render(told) {
    const names = Object.entries(this.assumed);
    const banner = this.host.querySelector(".assumed");
    banner.hidden = !names.length;
    banner.querySelector("span").textContent = names.map(([name, state]) => `${name_(told.barriers[name], name)}: ${t(WORDS[state])}`).join(" · ");
    const focus = document.activeElement?.dataset?.at;
    const scroll = this.host.querySelector(".tie-scroll");
    scroll.innerHTML = picture(told, this.assumed, this.open, scroll.clientWidth);
    if (focus) this.host.querySelector(`[data-at="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
    const detail = this.host.querySelector(".tie-detail");
    const one = told.barriers[this.open];
    detail.hidden = !one;
    if (one) detail.innerHTML = details(this.open, one, this.live.barriers[this.open], this.assumed[this.open], told.linked);
    this.told = told;
  }

  clicked({ target }) {
    if (target.closest("[data-reset]")) {
      this.assumed = {};
      return this.render(this.live);
    }
    const as = target.closest("[data-as]")?.dataset.as;
    if (as) {
      if (as === "plant") delete this.assumed[this.open];
      else this.assumed[this.open] = as;
      return this.show(this.live);
    }
    const barrier = target.closest("[data-barrier]")?.dataset.barrier;
    if (!barrier) return;
    this.open = this.open === barrier ? "" : barrier;
    this.render(this.told);
  }
}

const name_ = (one, name) => label(one?.label) || name;

/** How far each row reaches down: with hanging escalation factors it is taller. */
function heights(rows, told) {
  return rows.map(({ barriers, works = [] }) => {
    const hanging = Math.max(0, ...[...barriers, ...works].map((name) => told.barriers[name].escalation.length));
    return BOX + PAD + 12 + (hanging ? HANG * hanging + 6 : 0);
  });
}

function picture(told, assumed, open, room) {
  const left = Math.max(1, ...told.threats.map((one) => one.barriers.length));
  const right = Math.max(1, ...told.consequences.map((one) => cells(one).length));
  const width = 2 * SIDE + (left + right) * CELL + KNOT;
  const [tall, deep] = [heights(told.threats, told), heights(told.consequences, told)];
  const height = Math.max(sum(tall), sum(deep), 260) + 2 * PAD;
  const knot = { x: SIDE + left * CELL + KNOT / 2, y: height / 2 };
  const lines = [];
  const cards = [];
  let top = (height - sum(tall)) / 2;
  const most = Math.max(...told.threats.map((one) => one.reaches_top ?? 0)) || 1;
  told.threats.forEach((one, i) => {
    const y = top + BOX / 2 + PAD / 2;
    top += tall[i];
    lines.push(`<path class="tie-line" style="stroke-width:${thick((one.reaches_top ?? 0) / most)}" d="M${SIDE - PAD / 2} ${y}H${SIDE + left * CELL}C${knot.x - 70} ${y} ${knot.x - KNOT / 2 + 40} ${knot.y} ${knot.x - 74} ${knot.y}"/>`);
    cards.push(box(PAD / 2, y, threat(one), one.live?.adverse ? "threat holds" : "threat"));
    one.barriers.forEach((name, n) => cards.push(barrier(SIDE + n * CELL, y, name, told, { at: `${one.id}/${name}`, assumed, open })));
  });
  top = (height - sum(deep)) / 2;
  const gravest = Math.max(...told.consequences.map((one) => one.frequency ?? 0)) || 1;
  told.consequences.forEach((one, i) => {
    const y = top + BOX / 2 + PAD / 2;
    top += deep[i];
    const start = SIDE + left * CELL + KNOT;
    lines.push(`<path class="tie-line" style="stroke-width:${thick((one.frequency ?? 0) / gravest)}" d="M${knot.x + 74} ${knot.y}C${knot.x + KNOT / 2 - 40} ${knot.y} ${knot.x + 70} ${y} ${start} ${y}H${width - SIDE + PAD / 2}"/>`);
    cells(one).forEach(([sort, name], n) => {
      const x = start + n * CELL;
      cards.push(sort === "barrier" || sort === "works" ? barrier(x, y, name, told, { at: `${one.id}/${name}`, assumed, open, works: sort === "works" }) : condition(x, y, told.conditions[name], name, sort === "unless"));
    });
    cards.push(box(width - SIDE + PAD / 2, y, consequence(one), one.factor > 1.005 ? "consequence worse" : "consequence"));
  });
  const svg = `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" aria-hidden="true">${lines.join("")}</svg>`;
  return fitted(`${svg}${knotOf(told, knot)}${cards.join("")}`, "tie", width, height, room);
}

const sum = (values) => values.reduce((a, b) => a + b, 0);
const thick = (part) => (1.5 + 5 * Math.sqrt(Math.max(0, part))).toFixed(2);

/** What stands on a consequence's line, in its order: barriers, then what must work, then what must be so. */
const cells = (one) => [...one.barriers.map((name) => ["barrier", name]), ...one.works.map((name) => ["works", name]), ...one.if.map((name) => ["if", name]), ...one.unless.map((name) => ["unless", name])];

const placed = (x, y, width, height) => `left:${x}px;top:${y - height / 2}px;width:${width}px;height:${height}px`;

const box = (x, y, html, kind) => `<article class="tie-box ${kind}" style="${placed(x, y, SIDE - PAD, BOX)}">${html}</article>`;

function threat(one) {
  const held = one.live?.adverse ? `<p class="why">${esc(label(one.live.why))}</p>` : "";
  return `<h3>${esc(name_(one, one.id))}</h3><p><b>${figure(one.frequency)}</b> /a</p>${held || `<p class="dim">→ ${figure(one.reaches_top)} /a</p>`}`;
}

function consequence(one) {
  return `<h3>${esc(name_(one, one.id))}</h3><p><b class="factor">${factorText(one.factor)}</b> ${figure(one.frequency)} /a</p><p class="dim">${t("Severity")} ${one.severity} · ${t("Baseline")} ${figure(one.baseline)}</p>`;
}

function knotOf(told, { x, y }) {
  const one = told.top_event;
  return `<article class="tie-knot ${one.factor > 1.005 ? "worse" : ""}" style="${placed(x - 76, y, 152, 152)}"><p class="dim">${esc(label(told.hazard))}</p><h3>${esc(label(one.label))}</h3><p><b class="factor">${factorText(one.factor)}</b></p><p class="dim">${figure(one.frequency)} /a</p></article>`;
}

function barrier(x, y, name, told, { at, assumed, open, works }) {
  const one = told.barriers[name];
  const known = one.unknown ? ` <span class="tie-unknown">${one.unknown} ?</span>` : "";
  const count = one.needs !== null && one.items.length > 1 && !(name in assumed) ? ` ${one.items.length - one.lost}/${one.items.length}` : "";
  const worth = one.fails > one.fails_baseline * 1.005 ? `PFD ${figure(one.fails_baseline)} → <b>${figure(one.fails)}</b>` : `PFD ${figure(one.fails)}`;
  const title = works ? t("must work") : label(one.sort_name);
  const card = `<div class="tie-barrier ${one.health} ${one.sort} ${name in assumed ? "as-if" : ""} ${works ? "works" : ""}" style="${placed(x + (CELL - CARD) / 2, y, CARD, BOX)}" role="button" tabindex="0" aria-expanded="${open === name}" data-barrier="${esc(name)}" data-at="${esc(at)}" title="${esc(title)}"><h4>${esc(name_(one, name))}</h4><p class="tie-health"><span aria-hidden="true">${MARKS[one.health]}</span> ${esc(label(one.health_name))}${count}${known}</p><p class="dim">${worth}</p></div>`;
  const hangs = one.escalation.map((factor, n) => hanging(x, y + BOX / 2 + n * HANG, told.escalation[factor], factor, told));
  return card + hangs.join("");
}

function hanging(x, y, one, name, told) {
  const guards = one.barriers.map((each) => `${MARKS[told.barriers[each].health]} ${esc(name_(told.barriers[each], each))}`).join(" · ");
  return `<div class="tie-hanging ${one.live?.adverse ? "holds" : ""}" style="left:${x + (CELL - CARD) / 2}px;top:${y}px;width:${CARD}px;height:${HANG}px"><p>⚠ ${esc(name_(one, name))} <span class="dim">${figure(one.chance)}</span></p>${guards ? `<p class="dim">${guards}</p>` : ""}</div>`;
}

function condition(x, y, one, name, not) {
  const holds = one.live?.adverse;
  return `<div class="tie-condition ${holds ? "holds" : ""}" style="${placed(x + (CELL - CARD) / 2, y, CARD, 46)}"><p>${not ? `${t("not")} ` : ""}${esc(name_(one, name))}</p><p class="dim">${holds ? esc(label(one.live.why)) : figure(one.chance)}</p></div>`;
}

function details(name, one, live, assumed, linked) {
  const rows = one.items
    .map((item) => {
      const state = item.lost ? "true" : item.known ? "false" : "unknown";
      const words = item.lost ? (item.known ? t("item lost") : t("lost when last known")) : item.known ? t("works") : t("not known");
      return `<tr class="${state}"><td>${esc(label(item.label))}<div class="dim mono">${item.bindings.map(esc).join("<br>")}</div></td><td class="nowrap"><span class="state">${words}</span></td><td>${item.why.map((why) => esc(label(why))).join("<br>")}</td></tr>`;
    })
    .join("");
  const choices = ["effective", ...(one.degradable ? ["degraded"] : []), "failed"].map((as) => `<button type="button" class="button quiet" data-as="${as}" aria-pressed="${assumed === as}">${t(WORDS[as])}</button>`).join("");
  const counted = live.health === "unknown" ? ` · ${t("computed as {health}", { health: t(WORDS[live.counted]) })}` : "";
  const needs = one.needs !== null && one.items.length > 1 ? ` · ${t("needs {k} of {n}", { k: one.needs, n: one.items.length })}` : "";
  return `<header><h2>${MARKS[one.health]} ${esc(name_(one, name))}</h2><span class="dim">${esc(label(one.sort_name))} · ${esc(label(live.health_name))}${counted}${needs}${one.source ? ` · ${esc(one.source)}` : ""}</span>${one.gate ? `<span>${t("by the fault tree")} ${linked ? `<a href="/risk/studies/${encodeURIComponent(linked)}">${esc(`${linked} · ${one.gate}`)}</a>` : esc(one.gate)}</span>` : ""}</header>
    ${rows ? `<div class="wide-table"><table class="sheet"><tbody>${rows}</tbody></table></div>` : `<p class="dim">${t("Nothing on this node tells of this barrier.")}</p>`}
    <div class="button-row tie-as-if"><span class="dim">${t("As if it were")}</span>${choices}${assumed ? `<button type="button" class="button quiet" data-as="plant">${t("As the plant tells")}</button>` : ""}</div>`;
}
