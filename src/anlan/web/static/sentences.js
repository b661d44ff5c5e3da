// What happened, in a sentence an operator would say. Built from the row's own figures; nothing is guessed.

import { LATCHED, kindWords } from "./alarms.js";
import { config, label, t, unitOf } from "./config.js";
import { clock } from "./format.js";
import { qualitySentence } from "./quality.js";
import { figureOf } from "./values.js";

const ABOVE = new Set(["H", "HH"]);
const BELOW = new Set(["L", "LL"]);

export const isLimit = (row) => ABOVE.has(row.kind) || BELOW.has(row.kind);

/** Kinds whose figure is calculated from readings and stands against a limit. */
const MEASURED = new Set(["ROC", "DEV", "TIS", "CNT"]);
export const isMeasured = (row) => isLimit(row) || MEASURED.has(row.kind);

/** The sign between figure and limit. */
export const versus = (row) => (BELOW.has(row.kind) || row.kind === "FRZ" ? "≤" : "≥");

/** "12.3 bar", or the state's name for a discrete point. */
export function figure(row, value) {
  const sign = unitOf(row);
  return figureOf(value, row.decimals, row.states) + (sign && value !== null ? ` ${sign}` : "");
}

/** "压力 · 高高报 12.6 > 12.0 bar" */
export function headline(row) {
  const name = label(row.name);
  if (isMeasured(row)) {
    return `${name} · ${kindWords(row.kind)} ${figureOf(row.value, row.decimals)} ${versus(row)} ${figure(row, row.limit)}`;
  }
  if (row.kind === "ST") return `${name} · ${figure(row, row.value)}`;
  return `${name} · ${kindWords(row.kind)}`;
}

/** Why this alarm stands: the limit, the delay that ran out, the value and quality that decided. */
export function why(row) {
  const facts = {
    name: label(row.name),
    time: clock(row.happened_at),
    value: figure(row, row.value),
    limit: figure(row, row.limit),
    delay: row.on_delay,
    clear: figure(row, clearsAt(row)),
    off: row.off_delay,
    end: clock(row.changed_at),
    window: row.window,
    against: row.against,
    when: row.when,
  };
  return [first(row, facts), delay(row, facts), quality(row), clears(row, facts)].filter(Boolean).join(config.language === "zh" ? "" : " ");
}

/** The condition is gone; its last change is then the end of it. */
const isOver = (row) => row.state.startsWith("RETURNED") || LATCHED.has(row.state);

function first(row, facts) {
  if (ABOVE.has(row.kind)) return t("At {time} {name} was {value}, at or above its limit of {limit}.", facts);
  if (BELOW.has(row.kind)) return t("At {time} {name} was {value}, at or below its limit of {limit}.", facts);
  if (row.kind === "ST") return t("At {time} {name} went to “{value}”, a state that is set to alarm.", facts);
  return (CALCULATED[row.kind] ?? (isOver(row) ? PAST : PRESENT)[row.kind])(facts);
}

const CALCULATED = {
  ROC: (facts) => t("At {time} {name} changed by {value} over {window} s, at or above its limit of {limit}.", facts),
  DEV: (facts) => t("At {time} {name} was {value} away from {against}, at or above its limit of {limit}.", facts),
  FRZ: (facts) => t("Up to {time} {name} moved by no more than {limit} within {window} s: its transmitter may be frozen.", facts),
  DIS: (facts) => t("At {time} {name} did not agree with its command {against}.", facts),
  TIS: (facts) => t("At {time} {name} had been in this state for {value}, at or above its limit of {limit}.", facts),
  CNT: (facts) => t("By {time} {name} had done so {value} times within {window} s, at or above its limit of {limit}.", facts),
  IF: (facts) => t("At {time} the condition “{when}” was met.", facts),
};

const PRESENT = {
  BAD: (facts) => t("At {time} {name} began to report bad quality; its value cannot be used.", facts),
  STALE: (facts) => t("{name} has not been updated since {time}, longer than its reporting allows.", facts),
  VIEW: (facts) => t("The source {name} has not been heard since {time}: none of its points can be seen.", facts),
};

const PAST = {
  BAD: (facts) => t("From {time} to {end} {name} reported bad quality; its value could not be used.", facts),
  STALE: (facts) => t("From {time} to {end} {name} was not updated, longer than its reporting allows.", facts),
  VIEW: (facts) => t("From {time} to {end} the source {name} was not heard: none of its points could be seen.", facts),
};

const delay = (row, facts) => (row.on_delay ? t("It stayed so for {delay} s, the delay before alarming.", facts) : "");

const quality = (row) => (isLimit(row) ? t("Quality of that reading: {quality}.", { quality: qualitySentence(row.quality) }) : "");

function clears(row, facts) {
  if (!isLimit(row) || row.limit === null || row.limit === undefined) return "";
  if (row.latching) return t("It is latched: once the value is back past {clear}, it still needs a reset.", facts);
  return row.off_delay
    ? t("It clears once the value is back past {clear} for {off} s.", facts)
    : t("It clears once the value is back past {clear}.", facts);
}

function clearsAt(row) {
  if (!isLimit(row)) return null;
  return row.limit + (ABOVE.has(row.kind) ? -1 : 1) * (row.dead_band ?? 0);
}
