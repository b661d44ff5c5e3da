// <anlan-value point="AT-203" decimals="1" unit="ppm">: a figure with its unit, quality in words and age, filled from the shared stream.

import { esc, label, t, unitOf } from "./config.js";
import { number, span } from "./format.js";
import { link } from "./link.js";
import { qualityClass, qualitySentence, qualityWords } from "./quality.js";

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
    const kind = kindOf(this.getAttribute("point"), reading);
    this.className = kind;
    this.figure.textContent = kind === "none" ? "—" : figureOf(reading.value, this.decimals, this.states);
    this.figure.classList.toggle("absent", this.figure.textContent === "—");
    const words = kind === "none" ? t("no data yet") : wordsOf(this.getAttribute("point"), reading);
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

const isUnderTest = (point, reading) => link.calibrating.has(point) && qualityClass(reading) === "good";

/** CSS class of a point's reading; that of a detector under test gas is no measurement of the plant's air. */
export const kindOf = (point, reading) => (isUnderTest(point, reading) ? "uncertain" : qualityClass(reading));

/** Why a point's reading is not plainly good, in words. */
export function wordsOf(point, reading) {
  const own = qualityWords(reading.quality);
  return isUnderTest(point, reading) ? [t("calibrating"), own].filter(Boolean).join(" · ") : own;
}

/** Severity and reason for a detail line. */
export const sentenceOf = (point, reading) => (isUnderTest(point, reading) ? `${t("uncertain")} · ${wordsOf(point, reading)}` : qualitySentence(reading.quality));

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
