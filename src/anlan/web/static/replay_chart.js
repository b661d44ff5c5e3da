// The picture of a trial: the trend with the limit that is set and the one that is tried, and below it one row of alarms before and one after.

import { t } from "./config.js";
import { option, toChart } from "./trend_chart.js";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const ROW = 26;

export function rowsOption(pens, answer, start, end, height) {
  const rows = Object.entries(answer.alarms).flatMap(([id, { before, after }]) => [
    { name: t("{alarm} now", { alarm: id }), spans: before, colour: css("--text-dim") },
    { name: t("{alarm} tried", { alarm: id }), spans: after, colour: css("--focus") },
  ]);
  const room = Math.min(rows.length * ROW, height / 2) + 18;
  const whole = option(pens, start, end, { height: height - room });
  const index = whole.grid.length;
  whole.grid.push({ left: 180, right: 62, top: height - room + 4, height: room - 18 });
  for (const grid of whole.grid) grid.left = 180;
  whole.xAxis.push({ ...whole.xAxis[0], gridIndex: index, axisLabel: { show: false }, axisTick: { show: false } });
  whole.yAxis.push({
    type: "category",
    gridIndex: index,
    data: rows.map((row) => row.name),
    inverse: true,
    axisLabel: { color: css("--text-dim"), fontSize: 12, width: 168, overflow: "truncate" },
    axisTick: { show: false },
    axisLine: { lineStyle: { color: css("--line-strong") } },
  });
  whole.dataZoom[0].xAxisIndex.push(index);
  whole.series.push(...rows.map((row, i) => bars(row, i, index, end)));
  return whole;
}

/** One bar an activation; one that was over at once is still a mark. */
function bars(row, i, index, end) {
  return {
    type: "custom",
    name: row.name,
    xAxisIndex: index,
    yAxisIndex: index,
    silent: true,
    clip: true,
    encode: { x: [0, 1], y: 2 },
    data: row.spans.map(([begin, until]) => [toChart(begin / 1000), toChart((until ?? end * 1000) / 1000), i]),
    renderItem: (params, at) => {
      const [from, to] = [at.coord([at.value(0), at.value(2)]), at.coord([at.value(1), at.value(2)])];
      return { type: "rect", shape: { x: from[0], y: from[1] - 7, width: Math.max(2, to[0] - from[0]), height: 14 }, style: { fill: row.colour } };
    },
  };
}
