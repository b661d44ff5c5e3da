// <anlan-value point="AT-203" decimals="1" unit="ppm">: a figure with its unit, quality in words and age, filled from the shared stream.

import { esc, label, t, unitOf } from "./config.js";
import { number, span } from "./format.js";
import { link } from "./link.js";
import { qualityClass, qualityWords } from "./quality.js";

const shown = new Set();

class LiveValue extends HTMLElement {
  connectedCallback() {
    this.states = this.getAttribute("states") ? JSON.parse(this.getAttribute("states")) : null;
    this.decimals = Number(this.getAttribute("decimals") ?? 2);
    this.innerHTML = `<span class="figure">—</span><span class="unit">${esc(this.getAttribute("unit"))}</span><span class="mark" hidden></span><span class="age"></span>`;
    [this.figure, this.unit, this.mark, this.ageText] = this.children;
    this.unit.hidden = !this.unit.textContent;
    this.ageText.hidden = this.hasAttribute("ageless");
    this.update = (reading) => this.show(reading);
    link.watch(this.getAttribute("point"), this.update);
    shown.add(this);
  }

  disconnectedCallback() {
    link.unwatch(this.getAttribute("point"), this.update);
    shown.delete(this);
  }

  show(reading) {
    this.reading = reading;
    const kind = qualityClass(reading);
    this.className = kind;
    this.figure.textContent = kind === "none" ? "—" : figureOf(reading.value, this.decimals, this.states);
    this.figure.classList.toggle("absent", this.figure.textContent === "—");
    const words = kind === "none" ? t("no data yet") : qualityWords(reading.quality);
    this.mark.hidden = !words;
    this.mark.className = `mark ${kind}`;
    this.mark.textContent = words;
    this.showAge();
  }

  showAge() {
    const text = this.reading?.time ? span(link.now() - this.reading.time) : "";
    if (this.ageText.textContent !== text) this.ageText.textContent = text;
  }
}

/** A state's name for a discrete point, the number otherwise. */
export function figureOf(value, decimals, states) {
  if (!states || value === null || value === undefined) return number(value, decimals);
  return states[value] ? label(states[value]) : t("state {n}", { n: value });
}

/** Markup of a live value for a row that names its point, unit, decimals and states. */
export function liveValue(row) {
  const states = row.states ? ` states="${esc(JSON.stringify(row.states))}"` : "";
  return `<anlan-value point="${esc(row.point)}" decimals="${row.decimals}" unit="${esc(unitOf(row))}"${states}></anlan-value>`;
}

customElements.define("anlan-value", LiveValue);
setInterval(() => shown.forEach((value) => value.showAge()), 1000);
