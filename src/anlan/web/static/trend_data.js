// What a trend draws, prepared without a chart: raw readings or min–max buckets, cut where nothing is known, bad stretches named.
//
// A line is never drawn across what is not known: a bad reading, or silence longer than the point's reporting allows, ends it.

import { BAD, severity } from "./quality.js";

/**
 * Raw readings of one point → {line: [[ms, value|null]…], bad: [[from ms, to ms]…]}.
 * `deadline`: silence longer than this [ms] cuts the line; Infinity for points that report on change. `end`: where the view ends [ms].
 */
export function rawLine({ time, value, quality }, deadline, end = Infinity) {
  const line = [];
  const bad = [];
  for (let i = 0; i < time.length; i += 1) {
    const at = time[i] / 1000;
    const until = Math.min(i + 1 < time.length ? time[i + 1] / 1000 : end, at + deadline);
    const usable = severity(quality[i]) < BAD && Number.isFinite(value[i]);
    if (usable) line.push([at, value[i]]);
    else cut(line, at);
    if (!usable && Number.isFinite(until)) stretch(bad, at, until);
    if (i + 1 < time.length && time[i + 1] / 1000 - at > deadline) cut(line, at + 1);
  }
  return { line, bad };
}

/** Buckets of one point → {line, low, spread, bad}: the band from least to greatest and the last value of each bucket. */
export function bucketLine({ time, min, max, last, bad: badRows, rows }, width, deadline) {
  const [line, low, spread, bad] = [[], [], [], []];
  const reach = Math.max(width * 1.5, deadline);
  let previous = null;
  for (let i = 0; i < time.length; i += 1) {
    const at = time[i] / 1000;
    if (previous !== null && at - previous > reach) for (const part of [line, low, spread]) cut(part, previous + 1);
    if (badRows[i]) stretch(bad, at, at + width);
    if (badRows[i] < rows[i] && min[i] !== null) {
      line.push([at, last[i]]);
      low.push([at, min[i]]);
      spread.push([at, max[i] - min[i]]);
    } else for (const part of [line, low, spread]) cut(part, at);
    previous = at;
  }
  return { line, low, spread, bad };
}

function cut(line, at) {
  if (line.length && line.at(-1)[1] !== null) line.push([at, null]);
}

function stretch(list, from, to) {
  const last = list.at(-1);
  if (last && from - last[1] < 2) last[1] = to;
  else list.push([from, to]);
}

/** Least and greatest of the drawn values, for the legend; null where nothing was drawn. */
export function extent({ line, low, spread }) {
  let [least, most] = [Infinity, -Infinity];
  const see = (value) => {
    least = Math.min(least, value);
    most = Math.max(most, value);
  };
  if (low) low.forEach(([, value], i) => value !== null && (see(value), see(value + spread[i][1])));
  else for (const [, value] of line) if (value !== null) see(value);
  return least <= most ? [least, most] : null;
}

/** Value of a line at an instant: the newest one not after it, unless the line was cut in between. */
export function valueAt(line, at) {
  let [low, high] = [0, line.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    line[middle][0] <= at ? (low = middle + 1) : (high = middle);
  }
  return low ? line[low - 1][1] : null;
}
