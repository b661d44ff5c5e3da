// The charts of the performance page: alarms per ten minutes with floods, priorities beside the standards' split, bad actors, times waited.

import { label, t } from "./config.js";
import { day, hourMinute, monthDay, number, span } from "./format.js";
import { fromChart, hatching, toChart } from "./trend_chart.js";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const FLOOD_AT = 10;
const LEAST_WIDTH = 1 / 500;

function base() {
  return {
    animation: false,
    useUTC: true,
    backgroundColor: "transparent",
    textStyle: { fontFamily: css("--font"), color: css("--text") },
    tooltip: { backgroundColor: css("--bg-3"), borderColor: css("--line-strong"), textStyle: { color: css("--text"), fontSize: 13 }, confine: true },
  };
}

const axisText = () => ({ color: css("--text-dim"), fontSize: 12 });
const faint = () => ({ lineStyle: { color: css("--line"), type: "dashed" } });

/** One strip for each post, on one scale, so that posts can be compared; the line at 10 is where a flood begins. */
export function periodsOption(posts, report, nameOf) {
  const most = Math.ceil(Math.max(2 * FLOOD_AT, ...posts.flatMap((post) => post.periods.most)) / 10) * 10;
  const strip = 62;
  const top = (i) => 24 + i * 92;
  const [from, to] = [toChart(report.from / 1000), toChart(report.to / 1000)];
  return {
    ...base(),
    grid: posts.map((_, i) => ({ left: 54, right: 24, top: top(i), height: strip })),
    axisPointer: { link: [{ xAxisIndex: "all" }], label: { show: false }, lineStyle: { color: css("--text-dim") } },
    tooltip: { ...base().tooltip, trigger: "axis", formatter: (points) => periodText(points, posts, report, nameOf) },
    title: posts.map((post, i) => ({ text: nameOf(post), left: 54, top: top(i) - 22, textStyle: { color: css("--text"), fontSize: 13, fontWeight: 500 } })),
    xAxis: posts.map((_, i) => ({
      type: "time",
      gridIndex: i,
      min: from,
      max: to,
      axisLine: { lineStyle: { color: css("--line-strong") } },
      axisTick: { show: i === posts.length - 1 },
      splitLine: { show: false },
      axisLabel: { ...axisText(), show: i === posts.length - 1, hideOverlap: true, formatter: (at) => axisTime(fromChart(at), (report.to - report.from) / 1000) },
    })),
    yAxis: posts.map((_, i) => ({ type: "value", gridIndex: i, min: 0, max: most, interval: most / 2, axisLabel: axisText(), splitLine: faint() })),
    series: posts.map((post, i) => ({
      type: "line",
      name: nameOf(post),
      xAxisIndex: i,
      yAxisIndex: i,
      step: "end",
      showSymbol: false,
      symbol: "none",
      data: steps(post.periods, report),
      lineStyle: { color: css("--trend-1"), width: 1.2 },
      areaStyle: { color: css("--trend-1"), opacity: 0.35 },
      markLine: { silent: true, symbol: "none", data: [{ yAxis: FLOOD_AT }], lineStyle: { color: css("--p2"), type: [6, 4], opacity: 0.8 }, label: { show: false } },
      markArea: { silent: true, itemStyle: { color: css("--p2"), opacity: 0.22 }, data: [...floodAreas(post.floods, report), ...unknownArea(report)] },
    })),
  };
}

/** A step begins where its period does; ECharts' "end" holds a value until the next. */
function steps({ width, fold, most }, report) {
  const at = (i) => toChart(Math.min(report.measured_from + i * width * fold, report.to) / 1000);
  return [...most.map((n, i) => [at(i), n]), [at(most.length), most.at(-1) ?? 0]];
}

/** A flood of an hour in a month is narrower than a pixel: it still has to be seen. */
function floodAreas(floods, report) {
  const least = (report.to - report.from) * LEAST_WIDTH;
  return floods.map((flood) => {
    const end = Math.min(flood.ended_at ?? report.to, report.to);
    const begin = Math.min(Math.max(flood.began_at, report.from), end - least);
    return [{ xAxis: toChart(begin / 1000) }, { xAxis: toChart(end / 1000) }];
  });
}

/** Before the journal begins nothing is known, which is not nothing. */
function unknownArea({ from, to, measured_from: since }) {
  if (since <= from) return [];
  const area = { itemStyle: { color: { image: hatching(), repeat: "repeat" }, opacity: 0.8 } };
  return [[{ xAxis: toChart(from / 1000), ...area }, { xAxis: toChart(Math.min(since, to) / 1000) }]];
}

function periodText(points, posts, report, nameOf) {
  if (!points.length) return "";
  const at = fromChart(points[0].axisValue) * 1000;
  const width = posts[0].periods.width * posts[0].periods.fold;
  if (at < report.measured_from) return t("no record yet");
  const i = Math.floor((at - report.measured_from) / width);
  const begin = report.measured_from + i * width;
  const head = `${day(begin)} ${hourMinute(begin)} – ${hourMinute(Math.min(begin + width, report.to))}${posts[0].periods.fold > 1 ? ` · ${t("most in 10 min")}` : ""}`;
  return [head, ...posts.map((post) => `${nameOf(post)}: <b>${post.periods.most[i] ?? 0}</b>`)].map((line) => `<div>${line}</div>`).join("");
}

function axisTime(millis, width) {
  const micros = millis * 1000;
  if (width > 4 * 86_400_000) return monthDay(micros);
  return width > 86_400_000 ? `${monthDay(micros)} ${hourMinute(micros)}` : hourMinute(micros);
}

/** The bar is what was annunciated, the mark beside it the standards' share for that priority. */
export function prioritiesOption(one, scheme) {
  const counted = Object.values(one.priorities).reduce((sum, n) => sum + n, 0);
  const shown = [1, 2, 3, 4].filter((n) => one.priorities[n] || scheme.some((target) => target.measure === `priority.${n}`));
  const share = (n) => (counted ? (100 * (one.priorities[n] ?? 0)) / counted : 0);
  const guide = (n) => scheme.find((target) => target.measure === `priority.${n}`);
  return {
    ...base(),
    grid: { left: 8, right: 20, top: 12, bottom: 8, containLabel: true },
    tooltip: { ...base().tooltip, trigger: "axis", axisPointer: { type: "shadow" }, formatter: ([{ dataIndex }]) => priorityText(shown[dataIndex], one, share, guide) },
    xAxis: { type: "value", min: 0, max: 100, axisLabel: { ...axisText(), formatter: "{value} %" }, splitLine: faint() },
    yAxis: { type: "category", inverse: true, data: shown.map((n) => `${t("priority {n}", { n })}  ${counted ? figurePercent(share(n)) : "—"}`), axisLabel: { ...axisText(), color: css("--text") }, axisLine: { lineStyle: { color: css("--line-strong") } }, axisTick: { show: false } },
    series: [
      {
        type: "bar",
        barWidth: "46%",
        data: shown.map((n) => ({ value: share(n), itemStyle: { color: css(`--p${n}`), opacity: 0.85 } })),
      },
      {
        type: "scatter",
        symbol: "rect",
        symbolSize: [3, 34],
        z: 5,
        data: shown.flatMap((n, i) => (guide(n) ? [{ value: [guide(n).value, i], itemStyle: { color: css("--text-strong") } }] : [])),
      },
    ],
  };
}

/** Small shares keep their digits: 0.003 % is not nothing. */
export const figurePercent = (value) => `${number(value, value <= 0 || value >= 10 ? 0 : value < 0.1 ? 3 : 1)} %`;

function priorityText(n, one, share, guide) {
  const given = guide(n);
  const mark = given && !given.verified ? ` (${t("not read in the standard's own text")})` : "";
  const told = given ? `${t("Guide values")}: ${given.comparison} ${given.value} % · ${given.standard}-${given.edition}${mark}` : "";
  return `<div>${t("priority {n}", { n })}: <b>${one.priorities[n] ?? 0}</b> (${number(share(n), 1)} %)</div><div>${told}</div>`;
}

/** The ten most frequent alarms, longest bar on top. */
export function actorsOption(one, way) {
  const actors = one.actors;
  return {
    ...base(),
    grid: { left: 8, right: 54, top: 8, bottom: 8, containLabel: true },
    tooltip: { ...base().tooltip, trigger: "item", formatter: ({ dataIndex }) => actorText(actors[dataIndex]) },
    xAxis: { type: "value", minInterval: 1, axisLabel: { show: false }, splitLine: { show: false } },
    yAxis: { type: "category", inverse: true, data: actors.map((actor) => actor.id), axisLabel: { ...axisText(), color: css("--text") }, axisLine: { lineStyle: { color: css("--line-strong") } }, axisTick: { show: false } },
    series: [
      {
        type: "bar",
        barWidth: "58%",
        cursor: "pointer",
        data: actors.map((actor) => ({ value: actor.count, way: way(actor), itemStyle: { color: css("--trend-1"), opacity: 0.75 } })),
        label: { show: true, position: "right", color: css("--text") },
      },
    ],
  };
}

function actorText(actor) {
  const escape = (text) => String(text).replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
  const lines = [`<b>${escape(actor.id)}</b> ${escape(label(actor.name))}`, `${actor.count} · ${number(100 * actor.share, 1)} %`];
  if (actor.index !== null) lines.push(`Ψ ${number(actor.index, 3)}/s`);
  if (actor.fleeting) lines.push(t("{n} of them fleeting", { n: actor.fleeting }));
  return lines.map((line) => `<div>${line}</div>`).join("");
}

/** How many were acknowledged, and how many conditions were gone, within each span. */
export function waitsOption(acknowledge, respond) {
  const bounds = acknowledge.upto;
  const short = (seconds) => span(seconds * 1e6);
  const names = [...bounds.map((bound) => `≤ ${short(bound)}`), `> ${short(bounds.at(-1))}`];
  const series = (name, waits, colour) => ({ type: "bar", name, barMaxWidth: 22, data: waits.classes, itemStyle: { color: css(colour), opacity: 0.8 } });
  return {
    ...base(),
    grid: { left: 42, right: 12, top: 34, bottom: 28 },
    legend: { top: 4, left: 36, textStyle: axisText(), itemWidth: 14, itemHeight: 9 },
    tooltip: { ...base().tooltip, trigger: "axis", axisPointer: { type: "shadow" } },
    xAxis: { type: "category", data: names, axisLabel: { ...axisText(), interval: 0, fontSize: 11, hideOverlap: true }, axisTick: { show: false }, axisLine: { lineStyle: { color: css("--line-strong") } } },
    yAxis: { type: "value", minInterval: 1, axisLabel: axisText(), splitLine: faint() },
    series: [series(t("acknowledged"), acknowledge, "--trend-1"), series(t("condition gone"), respond, "--trend-3")],
  };
}
