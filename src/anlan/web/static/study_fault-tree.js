// A fault tree drawn from its top: descriptions as boxes, gates by the qualifying symbols of IEC 61025 (&, ≥1, k/n, =1, 1 with a ring for not),
// basic events as circles, switches as houses, a branch that is drawn elsewhere as a triangle. A click or Enter folds a gate; arrows walk; + − 0 zoom.
// What the plant tells stands on its event in words and by fill: white holds, hatched unknown, outline does not hold.

import { esc, label, t } from "./config.js";
import { factorText, figure } from "./studies.js";
import { stateOf, stateWords } from "./study.js";

const [WIDE, HIGH, GAP, ROW] = [150, 46, 16, 132];
const OPEN_AT_FIRST = 40;
const SIGNS = { and: "&", or: "≥1", xor: "=1", not: "1", nand: "&", nor: "≥1", iff: "=", imply: "⇒", same: "1" };
const RINGED = new Set(["not", "nand", "nor"]);

export function draw(host, told) {
  if (!host.tree) {
    host.innerHTML = frame();
    host.tree = new Tree(host);
  }
  host.tree.take(told);
}

class Tree {
  constructor(host) {
    this.host = host;
    this.stage = host.querySelector(".tree-stage");
    this.open = null;
    this.zoom = 0;
    this.stage.addEventListener("click", ({ target }) => this.chosen(target.closest("[data-key]")));
    this.stage.addEventListener("keydown", (event) => this.key(event));
    this.stage.addEventListener("wheel", (event) => event.ctrlKey && (event.preventDefault(), this.scale(event.deltaY < 0 ? 1.15 : 1 / 1.15)), { passive: false });
    host.querySelector(".tree-tools").addEventListener("click", ({ target }) => this.act(target.closest("[data-do]")?.dataset.do));
    host.querySelector(".tables .views").addEventListener("click", ({ target }) => {
      const of = target.closest("[data-table]")?.dataset.table;
      if (of) this.table(of);
    });
    this.shown = "cuts";
    new ResizeObserver(() => this.width && !this.zoom && this.size()).observe(this.stage);
  }

  take(told) {
    this.told = told;
    this.nodes = told.figure.nodes;
    this.open ??= firstOpen(this.nodes, told.figure.top);
    this.paint();
    this.table(this.shown);
  }

  act(what) {
    if (what === "in") this.scale(1.25);
    if (what === "out") this.scale(0.8);
    if (what === "fit") this.fit();
    if (what === "unfold") this.open = all(this.nodes);
    if (what === "fold") this.open = new Set([this.told.figure.top]);
    if (what === "unfold" || what === "fold") this.paint(true);
  }

  scale(by) {
    this.zoom = Math.min(2.5, Math.max(0.08, (this.zoom || this.fitted()) * by));
    this.size();
  }

  fitted() {
    return Math.min(1.6, (this.stage.clientWidth - 24) / this.width, (this.stage.clientHeight - 24) / this.height);
  }

  fit() {
    this.zoom = 0;
    this.size();
  }

  size() {
    const zoom = this.zoom || Math.max(0.3, this.fitted());
    const svg = this.stage.querySelector("svg");
    svg.setAttribute("width", this.width * zoom);
    svg.setAttribute("height", this.height * zoom);
  }

  paint(anew = false) {
    const placed = layout(this.nodes, this.told.figure.top, this.open);
    this.placed = new Map(placed.all.map((one) => [one.key, one]));
    this.width = placed.width;
    this.height = placed.height;
    const focused = document.activeElement?.closest?.("[data-key]")?.dataset.key;
    const lines = placed.all.map(link).join("");
    const boxes = placed.all.map((one) => shape(one, this.nodes, this.open)).join("");
    const html = `<svg viewBox="0 0 ${placed.width} ${placed.height}" role="tree" aria-label="${t("Fault tree")}"><defs><pattern id="tree-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V7" class="hatch"/></pattern></defs>${lines}${boxes}</svg>`;
    if (html === this.html) return;
    this.stage.innerHTML = this.html = html;
    if (anew) this.zoom = 0;
    this.size();
    const again = focused && this.stage.querySelector(`[data-key="${CSS.escape(focused)}"]`);
    if (again) again.focus({ preventScroll: true });
    else this.stage.querySelector("[data-key]")?.setAttribute("tabindex", "0");
  }

  chosen(element) {
    if (!element) return;
    const one = this.placed.get(element.dataset.key);
    element.focus({ preventScroll: true });
    if (!one.folds) return;
    this.open.has(one.fold) ? this.open.delete(one.fold) : this.open.add(one.fold);
    this.paint();
  }

  key(event) {
    const here = this.placed.get(document.activeElement?.dataset?.key);
    if (event.key === "+" || event.key === "=") return this.scale(1.25);
    if (event.key === "-") return this.scale(0.8);
    if (event.key === "0") return this.fit();
    if (!here) return;
    const siblings = here.above ? here.above.below : [here];
    const at = siblings.indexOf(here);
    const to = { ArrowUp: here.above, ArrowDown: here.below[0], ArrowLeft: siblings[at - 1], ArrowRight: siblings[at + 1] }[event.key];
    if (event.key === "Enter" || event.key === " ") this.chosen(document.activeElement);
    else if (to) this.stage.querySelector(`[data-key="${CSS.escape(to.key)}"]`)?.focus();
    else if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
  }

  table(of) {
    this.shown = of;
    for (const one of this.host.querySelectorAll("[data-table]")) one.setAttribute("aria-selected", one.dataset.table === of ? "true" : "false");
    const { figure: told, outcome } = this.told;
    const name = (event) => nameOf(this.nodes, event);
    this.host.querySelector(".tables .rows").innerHTML = of === "cuts" ? cuts(told, name) : of === "importance" ? matters(told, name) : orders(told, outcome);
  }
}

/** Gates opened from the top, breadth first, until the picture is full. */
function firstOpen(nodes, top) {
  const open = new Set();
  const waiting = [top];
  let drawn = 1;
  while (waiting.length && drawn < OPEN_AT_FIRST) {
    const name = waiting.shift();
    if (!nodes[name]?.of || open.has(name)) continue;
    open.add(name);
    for (const one of namesIn(nodes[name])) waiting.push(one), (drawn += 1);
  }
  return open;
}

const all = (nodes) => new Set(Object.keys(nodes).filter((name) => nodes[name].of));

function namesIn(node) {
  return node.of.flatMap((one) => (typeof one === "string" ? [one] : one.of ? namesIn(one) : []));
}

// ---- where everything stands

/** A tidy tree: leaves side by side, each gate above the middle of what it joins. A gate that was drawn before is drawn as a triangle. */
function layout(nodes, top, open) {
  const met = new Set();
  let left = GAP;
  let deepest = 0;
  const found = [];
  const place = (what, depth, above, key) => {
    const named = typeof what === "string";
    const node = named ? (nodes[what] ?? { kind: "event", label: "" }) : what;
    const again = named && node.of && met.has(what);
    if (named) met.add(what);
    const one = { key, name: named ? what : "", node, depth, above, below: [], again, folds: Boolean(named && node.of && !again), fold: what };
    found.push(one);
    deepest = Math.max(deepest, depth);
    if (node.of && !again && (!named || open.has(what))) one.below = node.of.map((inner, n) => place(inner, depth + 1, one, `${key}/${n}`));
    if (one.below.length) one.x = (one.below[0].x + one.below.at(-1).x) / 2;
    else {
      one.x = left + WIDE / 2;
      left += WIDE + GAP;
    }
    one.y = 10 + depth * ROW;
    return one;
  };
  place(top, 0, null, "0");
  return { all: found, width: Math.max(left, WIDE + 2 * GAP), height: deepest * ROW + HIGH + 94 };
}

// ---- how it looks

function link(one) {
  if (!one.below.length) return "";
  const from = one.y + HIGH + 38;
  const bus = from + 16;
  const ends = one.below.map((each) => `M${each.x} ${bus}V${each.y}`).join("");
  return `<path class="wire" d="M${one.x} ${from}V${bus}M${one.below[0].x} ${bus}H${one.below.at(-1).x}${ends}"/>`;
}

function shape(one, nodes, open) {
  const { node, x, y } = one;
  const state = node.live && node.live.state !== undefined ? stateOf(node.live) : "";
  const words = node.label || one.name;
  const described = one.name ? `<rect class="what" x="${x - WIDE / 2}" y="${y}" width="${WIDE}" height="${HIGH}" rx="3"/>${text(words, x, y)}` : `<path class="wire" d="M${x} ${y}V${y + HIGH + 8}"/>`;
  const folded = one.folds && !open.has(one.name);
  const told = [words, node.of ? t("gate {sign}", { sign: signOf(node) }) : "", node.live ? `${node.live.binding}: ${stateWords(node.live)}` : "", node.probability !== null && node.probability !== undefined ? `P ${figure(node.probability)}` : ""].filter(Boolean).join(" · ");
  return `<g class="node ${node.of ? "gate" : "leaf"} ${state ? `live ${state}` : ""} ${folded ? "folded" : ""}" data-key="${one.key}" role="treeitem" tabindex="-1" aria-level="${one.depth + 1}" ${one.folds ? `aria-expanded="${!folded}"` : ""} aria-label="${esc(told)}"><title>${esc(told)}</title>${described}${mark(one, folded)}${foot(one)}</g>`;
}

/** Two lines of at most eleven Chinese or twenty-two Latin characters. */
function text(words, x, y) {
  const lines = wrap(words, 21);
  return lines.map((line, n) => `<text x="${x}" y="${y + (lines.length === 1 ? 28 : 20 + n * 17)}">${esc(line)}</text>`).join("");
}

function wrap(words, room) {
  const lines = [""];
  let width = 0;
  for (const one of words) {
    const size = one.charCodeAt(0) > 0x2e80 ? 2 : 1.05;
    if (width + size > room) {
      if (lines.length === 2) return [lines[0], `${lines[1].slice(0, -1)}…`];
      lines.push("");
      width = 0;
    }
    lines[lines.length - 1] += one;
    width += size;
  }
  return lines;
}

const signOf = (node) => (node.kind === "atleast" ? `${node.least}/${node.of.length}` : (SIGNS[node.kind] ?? node.kind));

function mark(one, folded) {
  const { node, x } = one;
  const y = one.y + HIGH;
  if (one.again) return `<path class="symbol" d="M${x} ${y + 6}l15 28h-30z"/><text class="sign" x="${x}" y="${y + 30}">↗</text>`;
  if (node.of) {
    const ring = RINGED.has(node.kind) ? `<circle class="symbol" cx="${x}" cy="${y + 4}" r="4"/>` : `<path class="wire" d="M${x} ${y}V${y + 8}"/>`;
    const more = folded ? `<text class="more" x="${x}" y="${y + 54}">+${namesIn(node).length}</text>` : "";
    return `${ring}<rect class="symbol" x="${x - 19}" y="${y + 8}" width="38" height="30"/><text class="sign" x="${x}" y="${y + 29}">${esc(signOf(node))}</text>${more}`;
  }
  if (node.kind === "constant") return `<text class="sign" x="${x}" y="${y + 29}">${node.value ? "1" : "0"}</text>`;
  if (node.kind === "house") return `<path class="symbol" d="M${x} ${y + 5}l17 12v20h-34v-20z"/><text class="sign" x="${x}" y="${y + 31}">${houseOf(node)}</text>`;
  return `<path class="wire" d="M${x} ${y}V${y + 6}"/><circle class="symbol" cx="${x}" cy="${y + 22}" r="16"/>${node.group ? `<text class="sign" x="${x}" y="${y + 27}">C</text>` : ""}`;
}

const houseOf = (node) => (node.state ?? node.probability >= 0.5 ? "1" : "0");

/** Under an event: its probability, and what the plant tells of it. */
function foot(one) {
  const { node, x } = one;
  if (node.of || node.kind === "constant") return "";
  const y = one.y + HIGH + 55;
  const moved = node.probability !== null && node.baseline && Math.abs(node.probability / node.baseline - 1) > 1e-9;
  const p = node.kind === "house" ? "" : node.group && node.probability === null ? `${t("common cause")} ${node.group}` : `${figure(node.probability)}${moved ? ` ${factorText(node.probability / node.baseline)}` : ""}`;
  const state = node.live?.state !== undefined ? stateWords(node.live) : node.live ? t("bound") : "";
  return `<text class="p" x="${x}" y="${y}">${esc(p)}</text>${state ? `<text class="told" x="${x}" y="${y + 16}">${esc(state)}</text>` : ""}`;
}

// ---- tables

function nameOf(nodes, event) {
  const inner = event.match(/^\[(.*)\]$/)?.[1];
  const one = (name) => nodes[name.replace(/^¬/, "").replace(/ ⚡$/, "")]?.label || name;
  return inner ? `[${inner.split(" ").map(one).join(" ")}]` : `${event.startsWith("¬") ? "¬" : ""}${one(event)}`;
}

function cuts(told, name) {
  const rows = told.cut_sets.map((one, n) => `<tr><td class="number dim">${n + 1}</td><td>${one.events.map((each) => `<span title="${esc(each)}">${esc(name(each))}</span>`).join(" · ")}</td><td class="number">${one.order}</td><td class="number">${figure(one.probability)}</td><td class="number">${one.share === null ? "—" : `${figure(one.share * 100, 2)} %`}</td></tr>`);
  return `<table class="sheet"><thead><tr><th class="number">n</th><th>${t("Events")}</th><th class="number">${t("Order")}</th><th class="number">P</th><th class="number">${t("Share of the top")}</th></tr></thead><tbody>${rows.join("")}</tbody></table>${rows.length ? "" : `<p class="empty">${t("No cut set is known.")}</p>`}`;
}

function matters(told, name) {
  const rows = told.importance.map((one) => `<tr><td title="${esc(one.event)}">${esc(name(one.event))}</td><td class="number">${figure(one.probability)}</td><td class="number">${figure(one.criticality)}</td><td class="number">${figure(one.fussell_vesely)}</td><td class="number">${figure(one.raw)}</td><td class="number">${one.rrw === null ? "∞" : figure(one.rrw)}</td></tr>`);
  return `<table class="sheet"><thead><tr><th>${t("Event")}</th><th class="number">P</th><th class="number">${t("Criticality")}</th><th class="number">F-V</th><th class="number">RAW</th><th class="number">RRW</th></tr></thead><tbody>${rows.join("")}</tbody></table>${rows.length ? "" : `<p class="empty">${t("Importance needs an exact probability.")}</p>`}`;
}

function orders(told, outcome) {
  const counts = Object.entries(told.mcs_by_order ?? {}).map(([order, n]) => `<tr><td class="number">${order}</td><td class="number">${n}</td></tr>`);
  return `<p class="pad">${esc(label(told.method))}, ${told.seconds} s · ${t("mission time {hours} h", { hours: outcome.mission_time })} · ${t("{n} events", { n: outcome.events })}</p><table class="sheet"><thead><tr><th class="number">${t("Order")}</th><th class="number">${t("Cut sets")}</th></tr></thead><tbody>${counts.join("")}<tr><td class="number strong">Σ</td><td class="number strong">${told.mcs ?? "—"}</td></tr></tbody></table>`;
}

const button = (act, sign, words) => `<button type="button" class="button quiet" data-do="${act}" title="${words}" aria-label="${words}">${sign}</button>`;

const frame = () => `<div class="tree-box panel"><div class="tree-tools">${button("in", "+", t("Larger"))}${button("out", "−", t("Smaller"))}${button("fit", "⤢", t("Fit"))}${button("unfold", t("Unfold all"), t("Unfold all"))}${button("fold", t("Fold all"), t("Fold all"))}<span class="dim">${t("Arrows walk, Enter folds, + − 0 zoom")}</span></div><div class="tree-stage"></div></div>
  <div class="tables panel"><div class="views"><div role="tablist"><button type="button" role="tab" data-table="cuts">${t("Cut sets")}</button><button type="button" role="tab" data-table="importance">${t("Importance")}</button><button type="button" role="tab" data-table="orders">${t("Method")}</button></div></div><div class="rows wide-table" tabindex="0"></div></div>`;
