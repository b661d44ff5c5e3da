// From the history to pens: raw readings while they are few enough to draw one by one, min–max buckets otherwise; then live ones on top.

import { unitOf } from "./config.js";
import { api, link } from "./link.js";
import { BAD, UNCERTAIN, severity } from "./quality.js";
import { bucketLine, rawLine } from "./trend_data.js";

const RAW_SPAN = 40 * 60 * 1000;
const RAW_ROWS = 60_000;
const LIMITS = new Set(["HH", "H", "L", "LL"]);
const NEWEST = "4611686018427387904";
const metas = new Map();

/** Points by what a person types. */
export async function searchPoints(text) {
  const answer = await api.get(`/api/v1/points?limit=40&search=${encodeURIComponent(text)}`);
  for (const point of answer.items ?? []) metas.set(point.id, point);
  return answer;
}

/** Everything that is drawn for these points in this window [ms]; {refused} when the node says no. */
export async function loadPens(points, start, end, pixels) {
  const known = await Promise.all(points.map(metaOf));
  const wrong = known.find((meta) => meta.refused);
  if (wrong) return { refused: wrong.refused, pens: [] };
  const [data, marks] = await Promise.all([loadData(known, start, end, pixels), loadMarks(points, start, end)]);
  if (data.refused) return { refused: data.refused, pens: [] };
  const pens = known.map((meta) => ({
    id: meta.id,
    name: meta.name,
    unit: unitOf({ ...meta, states: null }),
    decimals: meta.decimals,
    states: Object.keys(meta.states ?? {}).length ? meta.states : null,
    deadline: deadlineOf(meta),
    limits: meta.alarms.filter((alarm) => LIMITS.has(alarm.kind)).map(({ kind, limit, priority }) => ({ kind, value: limit, priority })),
    data: data.lines[meta.id],
    retired: meta.retired,
    units: data.units[meta.id],
    marks: marks.filter((mark) => mark.point === meta.id),
  }));
  return { pens, raw: data.raw, bucket: data.bucket };
}

async function metaOf(id) {
  if (metas.has(id)) return metas.get(id);
  const meta = await api.get(`/api/v1/points/${encodeURIComponent(id)}`);
  if (!meta.refused) metas.set(id, meta);
  return meta;
}

/** Silence that ends a line [ms]; a point that reports on change says nothing by being silent. */
const deadlineOf = (meta) => (meta.reporting === "on_change" || meta.reporting?.mode === "on_change" ? Infinity : meta.deadline * 1000);

async function loadData(metas_, start, end, pixels) {
  if (end - start <= RAW_SPAN) {
    // Refused where a stretch was kept in a unit that does not become that of today: the buckets leave it out and say so.
    const raw = await loadRaw(metas_, start, end);
    if (!raw.refused && !raw.truncated) return raw;
  }
  return loadBuckets(metas_, start, end, pixels);
}

const query = (metas_, start, end) =>
  `points=${metas_.map((meta) => encodeURIComponent(meta.id)).join(",")}&start=${Math.round(start * 1000)}&end=${Math.round(end * 1000)}`;

async function loadRaw(metas_, start, end) {
  // A little before the window, so that a line which began earlier enters from the left edge.
  const lead = Math.min(60_000, (end - start) / 4);
  const answer = await api.get(`/api/v1/readings?${query(metas_, start - lead, end)}&limit=${RAW_ROWS}&unit=now`);
  if (answer.refused) return answer;
  const lines = Object.fromEntries(metas_.map((meta) => [meta.id, rawLine(answer.points[meta.id], deadlineOf(meta), end)]));
  return { raw: true, truncated: answer.truncated, lines, units: unitsOf(answer) };
}

async function loadBuckets(metas_, start, end, pixels) {
  const answer = await api.get(`/api/v1/trend?${query(metas_, start, end)}&buckets=${Math.round(pixels / 2)}`);
  if (answer.refused) return answer;
  const bucket = (answer.width ?? 0) / 1000;
  const lines = Object.fromEntries(metas_.map((meta) => [meta.id, bucketLine(answer.points[meta.id], bucket, deadlineOf(meta))]));
  return { raw: false, bucket, lines, units: unitsOf(answer) };
}

/** Point → how its readings were meant, stretch by stretch, oldest first. */
const unitsOf = (answer) => Object.fromEntries(Object.entries(answer.points).map(([id, one]) => [id, one.units]));

/** Where alarms of these points began: from the journal, as far as its newest thousand rows for each reach. */
async function loadMarks(points, start, end) {
  const answers = await Promise.all(points.map((point) => api.get(`/api/v1/journal?before=${NEWEST}&limit=1000&point=${encodeURIComponent(point)}`)));
  return answers
    .flatMap((answer) => answer.items ?? [])
    .filter((row) => row.trigger === "CONDITION_ON" && row.value !== null && row.happened_at / 1000 >= start && row.happened_at / 1000 <= end)
    .map((row) => ({ point: row.point, at: row.happened_at / 1000, value: row.value, priority: row.priority }));
}

/** A live reading joins a raw line; buckets are asked for anew instead. */
export function append(pen, reading) {
  if (!reading?.time || pen.data.low) return;
  const { line, bad, uncertain } = pen.data;
  const at = reading.time / 1000;
  if (line.length && at <= line.at(-1)[0]) return;
  const usable = severity(reading.quality) < BAD && Number.isFinite(reading.value);
  const before = line.at(-1)?.[0] ?? -Infinity;
  if (line.length && at - line.at(-1)[0] > pen.deadline) line.push([line.at(-1)[0] + 1, null]);
  line.push([at, usable ? reading.value : null]);
  if (!usable) extend(bad, at);
  else if (severity(reading.quality) === UNCERTAIN || link.calibrating.has(pen.id)) goOn(uncertain, before, at);
  while (line.length > RAW_ROWS) line.shift();
}

function extend(bad, at) {
  const last = bad.at(-1);
  if (last && at - last[1] < 5000) last[1] = at;
  else bad.push([at, at + 1000]);
}

/** A stretch goes on where the reading before lay in it. */
function goOn(stretches, before, at) {
  const last = stretches.at(-1);
  if (last && last[1] > before) last[1] = at + 1;
  else stretches.push([at, at + 1]);
}
