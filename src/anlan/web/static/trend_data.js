// What a trend draws, prepared without a chart: raw readings or min–max buckets, cut where nothing is known, bad and uncertain stretches named.
//
// A line is never drawn across what is not known: a bad reading, or silence longer than the point's reporting allows, ends it.

import { BAD, UNCERTAIN, severity } from "./quality.js";

/**
 * Raw readings of one point → {line: [[ms, value|null]…], bad: [[from ms, to ms]…], uncertain: the same}.
 * `deadline`: silence longer than this [ms] cuts the line; Infinity for points that report on change. `end`: where the view ends [ms].
 */
export function rawLine({ time, value, quality, overdue = [] }, deadline, end = Infinity) {
  const [line, bad, uncertain] = [[], [], []];
  const wasOverdue = (at) => overdue.some(([from, to]) => at >= from && at < to);
  for (let i = 0; i < time.length; i += 1) {
    const at = time[i] / 1000;
    const until = Math.min(i + 1 < time.length ? time[i + 1] / 1000 : end, at + deadline);
    const usable = severity(quality[i]) < BAD && Number.isFinite(value[i]);
    if (usable) line.push([at, value[i]]);
    else cut(line, at);
    if (!usable && Number.isFinite(until)) stretch(bad, at, until);
    if (usable && (severity(quality[i]) === UNCERTAIN || wasOverdue(time[i]))) stretch(uncertain, at, Number.isFinite(until) ? until : at + 1);
    if (i + 1 < time.length && time[i + 1] / 1000 - at > deadline) cut(line, at + 1);
  }
  return { line, bad, uncertain };
}

/** Buckets of one point → {line, low, spread, bad, uncertain}: the band from least to greatest and the last value of each bucket. */
export function bucketLine({ time, min, max, last, bad: badRows, uncertain: unsure = [], rows }, width, deadline) {
  const [line, low, spread, bad, uncertain] = [[], [], [], [], []];
  const reach = Math.max(width * 1.5, deadline);
  let previous = null;
  for (let i = 0; i < time.length; i += 1) {
    const at = time[i] / 1000;
    if (previous !== null && at - previous > reach) for (const part of [line, low, spread]) cut(part, previous + 1);
    if (badRows[i]) stretch(bad, at, at + width);
    if (unsure[i]) stretch(uncertain, at, at + width);
    if (badRows[i] < rows[i] && min[i] !== null) {
      line.push([at, last[i]]);
      low.push([at, min[i]]);
      spread.push([at, max[i] - min[i]]);
    } else for (const part of [line, low, spread]) cut(part, at);
    previous = at;
  }
  return { line, low, spread, bad, uncertain };
}

/** Whether an instant lies in one of the stretches. */
export const isWithin = (stretches, at) => stretches.some(([from, to]) => at >= from && at < to);

/** A line as two: what is sure and what is uncertain. From an uncertain reading to the next one is uncertain, so that the two join. */
export function parted(line, uncertain) {
  const [sure, unsure] = [[], []];
  let [before, next] = [null, 0];
  for (const point of line) {
    while (next < uncertain.length && uncertain[next][1] <= point[0]) next += 1; // both are in order: each is looked at once
    const own = point[1] !== null && next < uncertain.length && uncertain[next][0] <= point[0] ? unsure : sure;
    const other = own === sure ? unsure : sure;
    if (before && before !== own && point[1] !== null) {
      before.push(point, [point[0], null]);
    } else if (point[1] === null) {
      other.push(point);
    }
    own.push(point);
    before = point[1] === null ? null : own;
  }
  return { sure, unsure };
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
