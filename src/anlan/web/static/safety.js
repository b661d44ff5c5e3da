// <anlan-safety>: the live cause-and-effect matrix, and under it the demand log of the last days. Everything here is read.

import { esc, label, t } from "./config.js";
import { number, stamp } from "./format.js";
import { api } from "./link.js";

const AGAIN = 1_000;
const LOG_AGAIN = 30_000;
const CELLS = { idle: "·", reached: "✓", moving: "…", failed: "✕", unknown: "?" };
const CELL_WORDS = { idle: "leads to it", reached: "in its safe position", moving: "demanded, moving", failed: "demanded, not there in time", unknown: "unknown" };
const POSITIONS = { safe: "in its safe position", not_safe: "not in its safe position", contradictory: "open and closed at once", unknown: "unknown" };
const SAFE = { closed: "closes", open: "opens", stopped: "stops", running: "starts" };
const STATES = { clear: "clear", active: "demands", unknown: "unknown" };

class Safety extends HTMLElement {
  connectedCallback() {
    this.innerHTML = `<section class="panel matrix"></section><section class="panel demands"></section>`;
    const again = (call, every) => setInterval(() => document.visibilityState === "visible" && call(), every);
    this.timers = [again(() => this.load(), AGAIN), again(() => this.loadLog(), LOG_AGAIN)];
    this.load();
    this.loadLog();
  }

  disconnectedCallback() {
    this.timers.forEach(clearInterval);
  }

  async load() {
    const answer = await api.get("/api/v1/safety/matrix");
    if (!answer.refused) this.querySelector(".matrix").innerHTML = matrix(answer);
  }

  async loadLog() {
    const answer = await api.get("/api/v1/safety/demands");
    this.querySelector(".demands").innerHTML = `<header><h2>${t("Demand log")}</h2><span class="dim">${t("last 24 h, by the sources' own stamps")}</span></header>${answer.refused ? `<p class="form-error">${esc(answer.refused)}</p>` : demands(answer.items)}`;
  }
}

function matrix(told) {
  if (!told.causes.length) return `<div class="empty"><strong>${t(told.described ? "You see none of its causes." : "The safety system is not described.")}</strong><span>${t("Causes and effects stand under safety in plant.yaml.")}</span></div>`;
  const first = told.first_out;
  const register = first ? `<span>${t("First out")}: <b>${first.value === null ? t("unknown") : esc(label(first.text ?? {}) || first.value)}</b></span>` : "";
  const heads = told.effects.map((effect) => `<th scope="col" class="effect ${effect.position}${effect.demanded_by.length ? " demanded" : ""}" title="${esc(`${label(effect.name)} · ${t(POSITIONS[effect.position])}`)}"><span><b>${esc(effect.id)}</b><small>${t(SAFE[effect.safe])} ${effect.stroke_time} s</small></span></th>`);
  const rows = told.causes.map((cause) => row(cause, told.effects));
  return `<header><h2>${t("Cause and effect")}</h2>${register}<span class="spacer"></span>${legend()}</header>
    <div class="wide-table"><table class="matrix"><thead><tr><th scope="col">${t("Cause")}</th><th scope="col">${t("Watches")}</th><th scope="col">${t("State")}</th>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function row(cause, effects) {
  const cells = effects.map((effect) => {
    const cell = cause.effects[effect.id];
    return cell ? `<td class="cell ${cell}" title="${esc(`${cause.id} → ${effect.id}: ${t(CELL_WORDS[cell])}`)}"><span aria-label="${t(CELL_WORDS[cell])}">${CELLS[cell]}</span></td>` : "<td></td>";
  });
  const bypass = cause.bypassed === "active" ? ` <a class="mode bypassed" href="/bypasses">${t("bypassed")}</a>` : cause.bypassed === "unknown" ? ` <span class="unknown">${t("bypass unknown")}</span>` : "";
  const state = `${t(STATES[cause.state])}${cause.first_out ? ` <em>${t("first out")}</em>` : ""}${bypass}`;
  return `<tr class="${cause.state}"><th scope="row"><a href="/points/${esc(cause.point)}">${esc(cause.id)}</a> <span class="dim">${esc(nameBeside(cause))}</span></th><td>${cause.watches.map(watched).join("<br>")}</td><td class="state">${state}</td>${cells.join("")}</tr>`;
}

const nameBeside = (cause) => label(cause.name).replace(cause.id, "").trim();

function watched(one) {
  const bad = one.quality.severity === "bad";
  const trip = one.trip ? [one.trip.low !== null ? `< ${one.trip.low}` : "", one.trip.high !== null ? `> ${one.trip.high}` : ""].filter(Boolean).join(" / ") : "";
  return `<span class="watched${bad ? " unknown" : ""}"><a href="/points/${esc(one.point)}">${esc(one.point)}</a> ${one.text ? esc(label(one.text)) : number(one.value, one.decimals)} <small>${esc(one.unit_text ? label(one.unit_text) : "")}${trip ? ` · ${t("trips at {limit}", { limit: trip })}` : ""}</small></span>`;
}

const legend = () => `<span class="legend dim">${Object.entries(CELLS).map(([cell, sign]) => `<span><b class="cell ${cell}">${sign}</b> ${t(CELL_WORDS[cell])}</span>`).join("")}</span>`;

function demands(items) {
  if (!items.length) return `<div class="empty"><strong>${t("No demand in this time.")}</strong></div>`;
  const stroke = (one) => {
    const text = one.already ? t("was there already") : one.seconds === null ? t(one.within === false ? "not reached" : "not known") : `${number(one.seconds, 1)} s`;
    return `<span class="stroke ${one.within === false ? "late" : one.within === null ? "unknown" : ""}"><b>${esc(one.effect)}</b> ${esc(text)} <small>/ ${one.required} s</small></span>`;
  };
  const first = (one) => (one.first_out === null ? `<span class="unknown">${t("not known")}</span>` : one.first_out ? `<em>${t("first out")}</em>` : "—");
  const line = (one) => `<tr><td>${stamp(one.at)}</td><td><a href="/points/${esc(one.cause)}">${esc(one.cause)}</a></td><td>${first(one)}</td><td>${one.ended === null ? t("still stands") : stamp(one.ended)}</td><td class="strokes">${one.strokes.map(stroke).join(" ") || "—"}</td></tr>`;
  return `<div class="wide-table"><table class="sheet"><thead><tr>${["Time", "Cause", "First out", "Ended", "Stroke time against required"].map((head) => `<th>${t(head)}</th>`).join("")}</tr></thead><tbody>${items.map(line).join("")}</tbody></table></div>`;
}

customElements.define("anlan-safety", Safety);
