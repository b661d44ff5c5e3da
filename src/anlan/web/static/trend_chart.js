// The drawing of a trend: one strip per unit, one shared time axis and cursor, limits as lines, alarms as marks, bad quality hatched, uncertain quality dashed.

import { clock, day, hourMinute, monthDay, number, zoneOffset } from "./format.js";
import { parted } from "./trend_data.js";
import { figureOf } from "./values.js";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const penColour = (i) => css(`--trend-${(i % 8) + 1}`);

/** Chart time: the zone's wall as if it were UTC, because ECharts knows only the browser's zone and UTC. */
export const toChart = (millis) => millis + zoneOffset(millis);
export const fromChart = (millis) => millis - zoneOffset(millis - zoneOffset(millis));

const SHAPES = {
  1: "path://M7 1H17L23 7V17L17 23H7L1 17V7Z",
  2: "path://M12 1L23.5 22H0.5Z",
  3: "path://M12 0L24 12L12 24L0 12Z",
  4: "circle",
};

/**
 * `pens`: [{id, name, unit, decimals, states, limits: [{kind, value, priority}], colour, data: {line, low?, spread?, bad, uncertain}, marks: [{at, priority}]}],
 * times in ms UTC. Returns an ECharts option that replaces the former one whole.
 */
export function option(pens, start, end, { height, compact = false }) {
  const strips = stripsOf(pens);
  const room = layout(strips, height, compact);
  return {
    animation: false,
    useUTC: true,
    backgroundColor: "transparent",
    textStyle: { fontFamily: css("--font"), color: css("--text") },
    grid: room.map(({ top, size }) => ({ left: 66, right: 62, top, height: size })),
    axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: css("--text-strong"), width: 1 }, label: cursorLabel() },
    tooltip: { trigger: "axis", showContent: false },
    dataZoom: [{ type: "inside", xAxisIndex: strips.map((_, i) => i), filterMode: "none", zoomOnMouseWheel: true, moveOnMouseMove: true }],
    xAxis: strips.map((_, i) => timeAxis(i, i === strips.length - 1, start, end)),
    yAxis: strips.map((strip, i) => valueAxis(strip, i)),
    series: strips.flatMap((strip, i) => strip.pens.flatMap((pen) => seriesOf(pen, i))),
  };
}

/** Points that share a unit share a strip; a discrete point has its own. */
function stripsOf(pens) {
  const strips = new Map();
  for (const pen of pens) {
    const key = pen.states ? `state:${pen.id}` : `unit:${pen.unit}`;
    if (!strips.has(key)) strips.set(key, { unit: pen.unit, states: pen.states, pens: [] });
    strips.get(key).pens.push(pen);
  }
  return [...strips.values()];
}

const STATE_STRIP = 64;

/** Strips of states are low, the others share the rest. */
function layout(strips, height, compact) {
  const [head, foot, gap] = [compact ? 24 : 26, 30, 24];
  const states = strips.filter((strip) => strip.states).length;
  const rest = height - head - foot - gap * (strips.length - 1) - (states < strips.length ? states * STATE_STRIP : 0);
  const share = Math.max(44, rest / Math.max(1, states < strips.length ? strips.length - states : strips.length));
  let top = head;
  return strips.map((strip) => {
    const size = strip.states && states < strips.length ? STATE_STRIP : share;
    top += size + gap;
    return { top: top - size - gap, size };
  });
}

function timeAxis(index, last, start, end) {
  const line = { lineStyle: { color: css("--line") } };
  return {
    type: "time",
    gridIndex: index,
    min: toChart(start),
    max: toChart(end),
    axisLine: { lineStyle: { color: css("--line-strong") } },
    axisTick: { show: last },
    splitLine: { show: true, ...line },
    axisLabel: { show: last, color: css("--text-dim"), hideOverlap: true, formatter: (at) => axisTime(fromChart(at), end - start) },
  };
}

function axisTime(millis, width) {
  const micros = millis * 1000;
  if (width > 4 * 86_400_000) return monthDay(micros);
  if (width > 86_400_000) return `${monthDay(micros)} ${hourMinute(micros)}`;
  return width > 3_600_000 ? hourMinute(micros) : clock(micros);
}

function valueAxis(strip, index) {
  const limits = strip.pens.flatMap((pen) => pen.limits.map((limit) => limit.value));
  return {
    type: "value",
    gridIndex: index,
    name: strip.states ? strip.pens[0].id : strip.unit,
    nameTextStyle: { color: css("--text-dim"), align: "right", padding: [0, 6, 0, 0] },
    nameGap: 8,
    scale: true,
    minInterval: strip.states ? 1 : undefined,
    // The nearest limit stays in sight, so that a calm line is seen to be calm.
    min: ({ min, max }) => padded(min, max, limits)[0],
    max: ({ min, max }) => padded(min, max, limits)[1],
    axisLabel: { color: css("--text-dim"), showMinLabel: false, showMaxLabel: false, formatter: (value) => axisValue(strip, value) },
    splitLine: { lineStyle: { color: css("--line"), type: "dashed" } },
    splitNumber: 4,
  };
}

function axisValue(strip, value) {
  if (strip.states) return Number.isInteger(value) ? figureOf(value, 0, strip.states) : "";
  return number(value, Math.min(strip.pens[0].decimals, 3));
}

export function padded(min, max, limits) {
  if (!Number.isFinite(min) || !Number.isFinite(max)) [min, max] = limits.length ? [Math.min(...limits), Math.max(...limits)] : [0, 1];
  const width = max - min || Math.abs(max) * 0.02 || 1;
  for (const limit of limits) {
    if (limit > max && limit - max < 2 * width) max = limit;
    if (limit < min && min - limit < 2 * width) min = limit;
  }
  const margin = max > min ? (max - min) * 0.08 : Math.abs(max) * 0.05 || 1;
  return [min - margin, max + margin];
}

function seriesOf(pen, strip) {
  const axis = { xAxisIndex: strip, yAxisIndex: strip, type: "line", showSymbol: false, symbol: "none", connectNulls: false, silent: true };
  const colour = pen.colour;
  const shift = (points) => points.map(([at, value]) => [toChart(at), value]);
  const { sure, unsure } = pen.data.uncertain?.length ? parted(pen.data.line, pen.data.uncertain) : { sure: pen.data.line, unsure: [] };
  const drawn = (line, sign) => {
    const lone = loners(line);
    return { ...axis, name: pen.id, symbol: (_, { dataIndex }) => (lone.has(dataIndex) ? sign : "none"), symbolSize: 4, showSymbol: lone.size > 0, showAllSymbol: true, data: shift(line), step: pen.states ? "end" : false, itemStyle: { color: colour } };
  };
  const main = {
    ...drawn(sure, "circle"),
    id: pen.id,
    lineStyle: { color: colour, width: 1.8 },
    markLine: limitLines(pen),
    markArea: badAreas(pen),
    markPoint: alarmMarks(pen),
  };
  // Told apart by dashes, not by colour: black and white will do.
  const dashed = { ...drawn(unsure, "emptyCircle"), id: `${pen.id}:uncertain`, lineStyle: { color: colour, width: 1.8, type: [5, 4] } };
  const lines = unsure.length ? [main, dashed] : [main];
  return pen.data.low ? [...band(pen, axis, shift), ...lines] : lines;
}

/** Readings with nothing known on either side: no line can show them, a dot can. */
function loners(line) {
  const known = (i) => i >= 0 && i < line.length && line[i][1] !== null;
  return new Set(line.flatMap((_, i) => (known(i) && !known(i - 1) && !known(i + 1) ? [i] : [])));
}

function band(pen, axis, shift) {
  const stack = { ...axis, stack: `${pen.id}:band`, stackStrategy: "all", lineStyle: { opacity: 0 } };
  return [
    { ...stack, id: `${pen.id}:low`, data: shift(pen.data.low) },
    { ...stack, id: `${pen.id}:spread`, data: shift(pen.data.spread), areaStyle: { color: pen.colour, opacity: 0.28 } },
  ];
}

function limitLines(pen) {
  return {
    silent: true,
    symbol: "none",
    data: pen.limits.map(({ kind, value, priority }) => ({
      yAxis: value,
      lineStyle: { color: css(`--p${priority}`), opacity: 0.75, width: 1, type: kind.length > 1 ? "solid" : [6, 4] },
      label: { formatter: `${kind} ${number(value, pen.decimals)}`, position: "end", color: css("--text"), fontSize: 11 },
    })),
  };
}

function badAreas(pen) {
  return {
    silent: true,
    itemStyle: { color: { image: hatching(), repeat: "repeat" } },
    data: pen.data.bad.map(([from, to]) => [{ xAxis: toChart(from) }, { xAxis: toChart(to) }]),
  };
}

let hatch = null;

/** A tile of slanted lines, the same sign for "not known" as on every page. */
export function hatching() {
  if (hatch) return hatch;
  hatch = Object.assign(document.createElement("canvas"), { width: 10, height: 10 });
  const pen = hatch.getContext("2d");
  pen.strokeStyle = css("--unknown");
  pen.globalAlpha = 0.55;
  pen.beginPath();
  for (const shift of [-10, 0, 10]) {
    pen.moveTo(shift, 10);
    pen.lineTo(shift + 10, 0);
  }
  pen.stroke();
  return hatch;
}

function alarmMarks(pen) {
  return {
    silent: true,
    symbolSize: 17,
    label: { color: "#111", fontSize: 10, fontWeight: "bold" },
    data: pen.marks.map(({ at, value, priority }) => ({
      coord: [toChart(at), value],
      symbol: SHAPES[priority],
      symbolOffset: [0, -14],
      itemStyle: { color: css(`--p${priority}`) },
      label: { formatter: String(priority), offset: [0, priority === 2 ? 2 : 0], color: css(`--on-p${priority}`) },
    })),
  };
}

function cursorLabel() {
  return {
    backgroundColor: css("--bg-3"),
    color: css("--text-strong"),
    formatter: ({ value, axisDimension }) => {
      if (axisDimension !== "x") return "";
      const micros = fromChart(Math.round(value)) * 1000;
      return `${day(micros)} ${clock(micros)}`;
    },
  };
}
