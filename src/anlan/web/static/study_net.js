// The figure of a Bayesian net: nodes in rows, parents above, each state a bar with its baseline as a tick. A click on a state sets it as found —
// assumed, marked as such, kept nowhere; beside it stands which finding moved the node that is asked for.

import { esc, label, t } from "./config.js";
import { fitted } from "./fitted.js";
import { api } from "./link.js";
import { factorText, figure } from "./studies.js";

const [WIDE, GAP, ROW_GAP, HEAD, BAR, FOOT] = [206, 26, 58, 30, 20, 8];
const COURSE = 34;

export function draw(host, told) {
  host.net ??= new Net(host, told.id);
  host.net.show(told.figure);
}

class Net {
  constructor(host, study) {
    this.host = host;
    this.study = study;
    this.found = {};
    this.asked = "";
    this.plant = true;
    host.classList.add("net-view");
    host.innerHTML = `<div class="assumed banner" role="status" hidden><b>${t("Assumed, not the plant")}</b><span></span><button type="button" class="button quiet" data-reset>${t("Back to the plant")}</button></div>
      <div class="net-both"><div class="net-scroll"></div><aside class="panel net-why"></aside></div>`;
    host.addEventListener("click", (event) => this.clicked(event));
  }

  show(told) {
    this.live = told;
    if (!Object.keys(this.found).length && !this.asked && this.plant) return this.render(told);
    this.ask();
  }

  async ask() {
    const body = { evidence: this.found, live: this.plant, explain: this.asked ? [this.asked] : [] };
    const answer = await api.post(`/api/v1/risk/nets/${encodeURIComponent(this.study)}/ask`, body);
    const refusal = this.host.querySelector(".net-refused");
    if (answer.refused) {
      if (refusal) refusal.textContent = answer.refused;
      return;
    }
    this.render(answer.figure);
  }

  render(told) {
    this.told = told;
    const names = Object.entries(this.found);
    const banner = this.host.querySelector(".assumed");
    banner.hidden = !names.length && this.plant;
    banner.querySelector("span").textContent = [...(this.plant ? [] : [t("without what the plant tells")]), ...names.map(([name, state]) => `${nameOf(told, name)} = ${state}`)].join(" · ");
    const focus = document.activeElement?.dataset?.at;
    const scroll = this.host.querySelector(".net-scroll");
    scroll.innerHTML = picture(told, this.found, scroll.clientWidth);
    this.host.querySelector(".net-why").innerHTML = explanation(told, this.found, this.plant);
    if (focus) this.host.querySelector(`[data-at="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  }

  clicked({ target }) {
    if (target.closest("[data-reset]")) {
      Object.assign(this, { found: {}, asked: "", plant: true });
      return this.render(this.live);
    }
    if (target.closest("[data-plant]")) {
      this.plant = !this.plant;
      return this.show(this.live);
    }
    const state = target.closest("[data-state]");
    if (state) {
      const { of, state: value } = state.dataset;
      if (this.found[of] === value) delete this.found[of];
      else this.found[of] = value;
      return this.show(this.live);
    }
    const ask = target.closest("[data-ask]")?.dataset.ask;
    if (!ask) return;
    this.asked = ask;
    this.show(this.live);
  }
}

const base = (name) => name.replace(/@\d+$/, "");
const step = (name) => (/@(\d+)$/.exec(name) ?? [])[1];
const nameOf = (told, name) => `${label(told.nodes[base(name)]?.label) || base(name)}${step(name) === undefined ? "" : ` (${t("step")} ${step(name)})`}`;

function picture(told, found, room) {
  const tall = (name) => HEAD + told.nodes[name].states.length * BAR + (told.nodes[name].course ? COURSE : 0) + FOOT;
  const width = Math.max(...told.rows.map((row) => row.length)) * (WIDE + GAP) + GAP;
  const at = {};
  let y = 12;
  for (const row of told.rows) {
    const left = (width - row.length * (WIDE + GAP) + GAP) / 2;
    row.forEach((name, n) => (at[name] = { x: left + n * (WIDE + GAP), y }));
    y += Math.max(...row.map(tall)) + ROW_GAP;
  }
  const height = y - ROW_GAP + 16;
  const lines = Object.entries(told.nodes).flatMap(([name, one]) => one.parents.filter((parent) => parent.node in at).map((parent) => line(at[parent.node], tall(parent.node), at[name], parent.before, parent.node === name)));
  const cards = Object.entries(told.nodes).map(([name, one]) => card(told, name, one, at[name], tall(name), found));
  const svg = `<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" aria-hidden="true"><defs><marker id="net-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>${lines.join("")}</svg>`;
  return fitted(`${svg}${cards.join("")}`, "net", width, height, room);
}

function line(from, tall, to, before, own) {
  if (own) return `<path class="net-line before" d="M${from.x + WIDE} ${from.y + 20}h16v-14h-16" marker-end="url(#net-arrow)"/>`;
  const [x1, y1, x2, y2] = [from.x + WIDE / 2, from.y + tall, to.x + WIDE / 2, to.y - 2];
  const bend = Math.max(24, (y2 - y1) / 2);
  return `<path class="net-line ${before ? "before" : ""}" d="M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}" marker-end="url(#net-arrow)"/>`;
}

function card(told, name, one, { x, y }, tall, found) {
  const full = one.names.at(-1);
  const fixed = told.evidence[full];
  const mine = full in found;
  const adverse = one.live?.some((each) => each.state !== null && each.state !== undefined);
  const blind = one.live && !adverse;
  const asked = told.explanations[0]?.node === full;
  const mark = one.live ? `<span class="net-live ${blind ? "unknown" : ""}" title="${esc(one.live.map((each) => `${each.binding}: ${label(each.why)}`).join("\n"))}">${blind ? "?" : "⚡"}</span>` : "";
  const bars = one.states
    .map((state) => {
      const [p, before] = [one.posterior[state], one.prior[state]];
      const set = fixed === state;
      return `<button type="button" class="net-state ${state === one.yes ? "yes" : ""} ${set ? (mine ? "set mine" : "set") : ""}" data-of="${esc(full)}" data-state="${esc(state)}" data-at="${esc(`${full}=${state}`)}" aria-pressed="${set}" title="${esc(`${state}: ${figure(p)} (${t("Baseline")} ${figure(before)})`)}"><span class="net-name">${set ? (mine ? "◆ " : "⚡ ") : ""}${esc(state)}</span><span class="net-bar"><i style="width:${(100 * p).toFixed(2)}%"></i><u style="left:${(100 * before).toFixed(2)}%"></u></span><span class="net-p">${share(p)}</span></button>`;
    })
    .join("");
  const label_ = label(one.label) || name;
  return `<article class="net-node ${asked ? "asked" : ""} ${fixed === undefined ? "" : "found"} ${mine ? "mine" : ""}" style="left:${x}px;top:${y}px;width:${WIDE}px;height:${tall}px"><header><button type="button" class="net-title" data-ask="${esc(full)}" data-at="${esc(`ask ${full}`)}" title="${esc(`${name} · ${one.rule}`)}">${esc(label_)}</button>${mark}</header>${bars}${one.course ? course(one.course) : ""}</article>`;
}

/** P(yes) over the steps: baseline faint, with the evidence strong. */
function course({ prior, posterior }) {
  const most = Math.max(...prior, ...posterior, 1e-12);
  const path = (values) => values.map((v, i) => `${i ? "L" : "M"}${((i / (values.length - 1)) * 190 + 6).toFixed(1)} ${(COURSE - 4 - (v / most) * (COURSE - 10)).toFixed(1)}`).join("");
  return `<svg class="net-course" viewBox="0 0 202 ${COURSE}" width="202" height="${COURSE}" role="img" aria-label="${t("course over the steps")}"><path class="before" d="${path(prior)}"/><path d="${path(posterior)}"/></svg>`;
}

/** A probability in a small place. */
const share = (p) => (p === 0 || p === 1 ? `${100 * p} %` : p >= 0.9995 ? ">99.9 %" : p >= 0.0995 ? `${(100 * p).toFixed(1)} %` : p >= 0.00005 ? `${(100 * p).toPrecision(2)} %` : `${figure(p, 2)}`);

function explanation(told, found, plant) {
  const one = told.explanations[0];
  const most = Math.max(...one.moved.map((each) => Math.abs(each.share ?? one.posterior - each.without)), 1e-300);
  const rows = one.moved
    .map((each) => {
      const part = each.share ?? one.posterior - each.without;
      const words = typeof each.finding === "string" ? each.finding : Object.entries(each.finding).map(([state, value]) => `${state}:${figure(value)}`).join(" / ");
      return `<tr><td>${each.node in found ? "◆" : "⚡"} ${esc(nameOf(told, each.node))} = ${esc(words)}<div class="net-share ${part < 0 ? "less" : ""}"><i style="width:${((100 * Math.abs(part)) / most).toFixed(1)}%"></i></div></td><td class="number">${part >= 0 ? "+" : "−"}${share(Math.abs(part))}</td><td class="number">${factorText(each.factor)}</td></tr>`;
    })
    .join("");
  return `<header><h2>${t("What moved it")}</h2></header><div class="net-sum"><p>${esc(nameOf(told, one.node))} = ${esc(one.state)}</p><p><span class="dim">${figure(one.prior)} →</span> <b>${figure(one.posterior)}</b> <b class="factor ${one.factor > 1.005 ? "worse" : ""}">${factorText(one.factor)}</b></p></div>
    ${rows ? `<table class="sheet"><thead><tr><th>${t("Finding")}</th><th class="number">${t("Share")}</th><th class="number">${t("Factor")}</th></tr></thead><tbody>${rows}</tbody></table>` : `<p class="dim">${t("Nothing is found now.")}</p>`}
    <p class="form-error net-refused" role="alert"></p>
    <p class="dim">${t("probability of the evidence")} ${figure(told.chance_of_evidence)}</p>
    ${told.cut ? `<p class="dim">${t("{n} nodes further away are not drawn", { n: told.cut })}</p>` : ""}
    <p class="dim">${t("A click on a state assumes it; on a name asks for it. ⚡ told by the plant, ◆ assumed, the thin line is the baseline.")}</p>
    <div class="button-row"><button type="button" class="button quiet" data-plant aria-pressed="${plant}">${t("with what the plant tells")}</button></div>`;
}
