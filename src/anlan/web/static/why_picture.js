// The small picture of an explanation: the value, its limit with the dead-band, the delay as a band that fills, bad stretches hatched,
// and the instant that was asked about. Plain SVG: it stands still, and a click in it asks about that instant.

import { esc, t } from "./config.js";
import { clock, number } from "./format.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 200, 58, 14, 12, 24];
const BELOW = new Set(["L", "LL", "FRZ"]);

/** µs at which the picture was clicked. */
export function timeAt(svg, event) {
  const box = svg.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * WIDTH;
  const [start, end] = [Number(svg.dataset.start), Number(svg.dataset.end)];
  const share = Math.min(1, Math.max(0, (x - LEFT) / (WIDTH - LEFT - RIGHT)));
  return Math.min(start + share * (end - start), Date.now() * 1000);
}

export function picture(one) {
  const { time, value } = one.trace;
  const [start, end] = windowOf(one);
  const known = value.filter((v) => v !== null);
  const bounds = boundsOf([...known, ...limitsOf(one)]);
  const x = (at) => LEFT + ((at - start) / (end - start || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (v) => TOP + (1 - (v - bounds[0]) / (bounds[1] - bounds[0])) * (HEIGHT - TOP - BOTTOM);
  return `<svg class="why-picture" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${esc(t("value, limit and delay"))}" data-start="${start}" data-end="${end}">
    ${axes(start, end, bounds, one.decimals, x, y)}${delayBand(one, x)}${badBands(one, x, end)}${limits(one, y)}
    <path class="value" d="${line(one.trace, x, y)}"/>
    <path class="at" d="M${x(one.at).toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}"/>
    ${one.value === null || one.value_at === null ? "" : `<circle class="now" cx="${x(Math.max(one.value_at, start)).toFixed(1)}" cy="${y(one.value).toFixed(1)}" r="3.2"/>`}</svg>`;
}

/** From a little before the first thing there is to see, not the whole window of silence before it. */
function windowOf(one) {
  const first = Math.max(one.start, Math.min(one.trace.time[0], one.delay?.since ?? Infinity));
  const last = Math.max(one.at, Math.min(one.delay?.until ?? 0, one.at + (one.at - first) / 3));
  return [first, last > first ? last : first + 1e6];
}

const limitsOf = (one) => [one.limit, one.clear].filter((v) => v !== null && v !== undefined);

function boundsOf(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (!Number.isFinite(least)) return [0, 1];
  const margin = (most - least) * 0.1 || Math.abs(most) * 0.1 || 1;
  return [least - margin, most + margin];
}

function axes(start, end, bounds, decimals, x, y) {
  const rows = [0.1, 0.5, 0.9].map((share) => bounds[0] + share * (bounds[1] - bounds[0]));
  const columns = [0, 0.25, 0.5, 0.75, 1].map((share) => start + share * (end - start));
  return (
    rows.map((v) => `<path class="grid" d="M${LEFT} ${y(v).toFixed(1)}H${WIDTH - RIGHT}"/><text class="side" x="${LEFT - 6}" y="${(y(v) + 4).toFixed(1)}">${esc(number(v, Math.min(decimals, 3)))}</text>`).join("") +
    columns.map((at, i) => `<text class="foot" x="${x(at).toFixed(1)}" y="${HEIGHT - 6}" text-anchor="${i === 0 ? "start" : i === 4 ? "end" : "middle"}">${esc(clock(at))}</text>`).join("")
  );
}

/** The delay that runs: its whole length faint, what has run of it stronger. */
function delayBand({ delay, at }, x) {
  if (!delay || !delay.of) return "";
  const height = HEIGHT - TOP - BOTTOM;
  const [since, until] = [Math.max(LEFT, x(delay.since)), Math.min(WIDTH - RIGHT, x(delay.until))];
  const ran = Math.min(until, Math.max(since, x(Math.min(at, delay.since + delay.ran * 1e6))));
  if (until <= since) return "";
  const words = delay.what === "on" ? t("delay {delay} s", { delay: delay.of }) : t("off-delay {delay} s", { delay: delay.of });
  return `<rect class="delay" x="${since.toFixed(1)}" y="${TOP}" width="${(until - since).toFixed(1)}" height="${height}"/>
    <rect class="delay ran" x="${since.toFixed(1)}" y="${TOP}" width="${(ran - since).toFixed(1)}" height="${height}"/>
    <text class="delay" x="${(since + 4).toFixed(1)}" y="${TOP + 12}">${esc(words)}</text>`;
}

function badBands({ trace }, x, end) {
  return trace.bad
    .map((bad, i) => {
      if (!bad) return "";
      const from = Math.max(LEFT, x(trace.time[i]));
      const to = Math.max(from + 1, x(Math.min(trace.time[i + 1] ?? end, end)));
      return `<rect class="bad" x="${from.toFixed(1)}" y="${TOP}" width="${(to - from).toFixed(1)}" height="${HEIGHT - TOP - BOTTOM}"/>`;
    })
    .join("");
}

function limits(one, y) {
  if (one.limit === null || one.limit === undefined || !limitsOf(one).length) return "";
  const at = y(one.limit);
  const span = one.clear === null || one.clear === one.limit ? "" : band(at, y(one.clear));
  const side = BELOW.has(one.kind) ? at + 14 : at - 5;
  return `${span}<path class="limit" d="M${LEFT} ${at.toFixed(1)}H${WIDTH - RIGHT}"/><text class="limit" x="${LEFT + 5}" y="${side.toFixed(1)}">${esc(one.kind)} ${esc(number(one.limit, one.decimals))}</text>`;
}

const band = (a, b) => `<rect class="dead-band" x="${LEFT}" y="${Math.min(a, b).toFixed(1)}" width="${WIDTH - LEFT - RIGHT}" height="${Math.abs(a - b).toFixed(1)}"/>`;

/** Never drawn across what is not known: a bad reading, or silence longer than the point's reporting allows. */
function line({ time, value, bad, cut }, x, y) {
  let pen = "M";
  return time
    .map((at, i) => {
      if (cut[i]) pen = "M";
      if (bad[i] || value[i] === null) {
        pen = "M";
        return "";
      }
      const step = `${pen}${Math.max(LEFT, x(at)).toFixed(1)} ${y(value[i]).toFixed(1)}`;
      pen = "L";
      return step;
    })
    .join("");
}
