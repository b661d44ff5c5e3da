// What a study said over the last day, as a step line of its factor on a logarithmic scale. Plain SVG.

import { t } from "./config.js";
import { clock } from "./format.js";
import { factorText } from "./studies.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [1200, 220, 64, 16, 14, 24];

export function curve(items) {
  const known = items.filter((one) => one.factor > 0);
  if (known.length < 2) return "";
  const [start, end] = [known[0].at, Math.max(Date.now() * 1000, known.at(-1).at + 1)];
  const logs = known.map((one) => Math.log10(one.factor));
  const [low, high] = [Math.min(0, ...logs) - 0.1, Math.max(0, ...logs) + 0.1];
  const x = (at) => LEFT + ((at - start) / (end - start)) * (WIDTH - LEFT - RIGHT);
  const y = (log) => TOP + (1 - (log - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const steps = known.map((one, n) => `${n ? "H" : "M"}${x(one.at).toFixed(1)}${n ? "V" : " "}${y(logs[n]).toFixed(1)}`).join("");
  const unknown = known.map((one, n) => (one.unknown ? `<rect class="unknown" x="${x(one.at).toFixed(1)}" y="${TOP}" width="${Math.max(1, x(known[n + 1]?.at ?? end) - x(one.at)).toFixed(1)}" height="${HEIGHT - TOP - BOTTOM}"/>` : "")).join("");
  const grid = [low + 0.1, 0, high - 0.1].map((log) => `<path class="grid" d="M${LEFT} ${y(log).toFixed(1)}H${WIDTH - RIGHT}"/><text x="${LEFT - 8}" y="${(y(log) + 4).toFixed(1)}" text-anchor="end">${factorText(10 ** log)}</text>`).join("");
  const feet = [0, 0.5, 1].map((part) => `<text x="${x(start + part * (end - start)).toFixed(1)}" y="${HEIGHT - 6}" text-anchor="${["start", "middle", "end"][part * 2]}">${clock(start + part * (end - start))}</text>`).join("");
  return `<svg class="study-history" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${t("Factor against baseline over time; hatched: a part of the facts was unknown")}"><defs><pattern id="study-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V7" class="hatch"/></pattern></defs>${unknown}${grid}${feet}<path class="value" d="${steps}H${x(end).toFixed(1)}"/></svg>`;
}
