// The quality word (model/quality.py): 2 bits severity, 6 flags, 8 bits reason. Shown in words; unknown is never drawn as normal.

import { config, t } from "./config.js";

export const GOOD = 0;
export const UNCERTAIN = 1;
export const BAD = 2;
const NO_DATA_YET = 18;
const FLAGS = [
  [1 << 13, "late"],
  [1 << 12, "backfilled"],
  [1 << 11, "entered by hand"],
  [1 << 9, "exercise"],
  [1 << 8, "clock wrong"],
];

export const severity = (word) => word >> 14;
export const reason = (word) => word & 0xff;

/** CSS class of a reading: good, uncertain, bad, none (nothing has come yet). */
export function qualityClass(reading) {
  if (!reading || reason(reading.quality) === NO_DATA_YET) return "none";
  return ["good", "uncertain", "bad", "bad"][severity(reading.quality)];
}

/** The reason in words; a plain good reading has none. */
export function qualityWords(word) {
  const words = [];
  if (severity(word) !== GOOD) words.push(config.quality[reason(word)] || t(severity(word) === BAD ? "bad" : "uncertain"));
  for (const [bit, name] of FLAGS) if (word & bit) words.push(t(name));
  return words.join(" · ");
}

/** Severity and reason for a detail line: "bad: communication". */
export function qualitySentence(word) {
  const head = t(["good", "uncertain", "bad", "bad"][severity(word)]);
  const words = qualityWords(word);
  return words && words !== head ? `${head} · ${words}` : head;
}
