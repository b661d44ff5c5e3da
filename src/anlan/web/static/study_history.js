// What a study said over the last day, as a step line of its factor on a logarithmic scale; where it could not be computed there is no line, and
// the time is hatched. Plain SVG.

import { label, t } from "./config.js";
import { clock } from "./format.js";
import { factorText } from "./studies.js";

const DAY = 86_400_000_000;
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [1200, 220, 64, 16, 14, 24];

/** Why it said nothing then; undefined where it did. */
export function silence(one) {
  const why = one.value === null && one.facts.find((fact) => fact.binding === "")?.why;
  return why ? label(why) : undefined;
}

export function curve(items) {
  const day = Date.now() * 1000 - DAY; // the first may have been told long before, and still held
  const shown = items.slice(Math.max(0, items.findIndex((one) => one.factor > 0))).map((one) => ({ ...one, at: Math.max(one.at, day) }));
  const logs = shown.map((one) => (one.factor > 0 ? Math.log10(one.factor) : null));
  const drawn = logs.filter((one) => one !== null);
  if (shown.length < 2 || !drawn.length) return "";
  const [start, end] = [shown[0].at, Math.max(Date.now() * 1000, shown.at(-1).at + 1)];
  const [low, high] = [Math.min(0, ...drawn) - 0.1, Math.max(0, ...drawn) + 0.1];
  const x = (at) => LEFT + ((at - start) / (end - start)) * (WIDTH - LEFT - RIGHT);
  const y = (log) => TOP + (1 - (log - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const until = (n) => x(shown[n + 1]?.at ?? end).toFixed(1);
  const steps = shown.map((one, n) => (logs[n] === null ? "" : `${n && logs[n - 1] !== null ? "V" : `M${x(one.at).toFixed(1)} `}${y(logs[n]).toFixed(1)}H${until(n)}`)).join("");
  const unknown = shown.map((one, n) => (one.unknown ? `<rect class="unknown" x="${x(one.at).toFixed(1)}" y="${TOP}" width="${Math.max(1, until(n) - x(one.at)).toFixed(1)}" height="${HEIGHT - TOP - BOTTOM}"/>` : "")).join("");
  const grid = [low + 0.1, 0, high - 0.1].map((log) => `<path class="grid" d="M${LEFT} ${y(log).toFixed(1)}H${WIDTH - RIGHT}"/><text x="${LEFT - 8}" y="${(y(log) + 4).toFixed(1)}" text-anchor="end">${factorText(10 ** log)}</text>`).join("");
  const feet = [0, 0.5, 1].map((part) => `<text x="${x(start + part * (end - start)).toFixed(1)}" y="${HEIGHT - 6}" text-anchor="${["start", "middle", "end"][part * 2]}">${clock(start + part * (end - start))}</text>`).join("");
  return `<svg class="study-history" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${t("Factor against baseline over time; hatched: a part of the facts was unknown")}"><defs><pattern id="study-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V7" class="hatch"/></pattern></defs>${unknown}${grid}${feet}<path class="value" d="${steps}"/></svg>`;
}
