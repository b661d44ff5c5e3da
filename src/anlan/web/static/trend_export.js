// What a person takes away from a trend: its readings as CSV or Parquet, made by the node, and the picture as it stands, with its legend.

import { label, t } from "./config.js";
import { stamp } from "./format.js";
import { toast } from "./shell.js";

const LINE = 26;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** `start`, `end` in ms. A refusal is told; nothing half is saved. */
export async function saveReadings(points, start, end, format) {
  const asked = new URLSearchParams({ points: points.join(","), start: String(Math.round(start * 1000)), end: String(Math.round(end * 1000)), format });
  let answer;
  try {
    answer = await fetch(`/api/v1/readings/export?${asked}`, { credentials: "same-origin" });
  } catch {
    return toast(t("The node does not answer."), true);
  }
  if (!answer.ok) {
    const told = await answer.json().catch(() => null);
    return toast(told?.detail ?? t("The node does not answer."), true);
  }
  const name = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "")?.[1] ?? `readings.${format}`;
  save(await answer.blob(), name);
}

/** The chart as it is drawn, under it each pen with its colour, and which span and zone this is. */
export function savePicture(chart, pens, start, end) {
  const drawn = chart.getRenderedCanvas({ pixelRatio: 2, backgroundColor: css("--bg-1") });
  const scale = 2;
  const whole = document.createElement("canvas");
  whole.width = drawn.width;
  whole.height = drawn.height + (pens.length + 2) * LINE * scale;
  const pencil = whole.getContext("2d");
  pencil.fillStyle = css("--bg-1");
  pencil.fillRect(0, 0, whole.width, whole.height);
  pencil.drawImage(drawn, 0, 0);
  pencil.font = `${14 * scale}px ${css("--font")}`;
  pencil.textBaseline = "middle";
  const at = (line) => drawn.height + (line + 0.75) * LINE * scale;
  pens.forEach((pen, line) => {
    pencil.fillStyle = pen.colour;
    pencil.fillRect(16 * scale, at(line) - 2 * scale, 24 * scale, 4 * scale);
    pencil.fillStyle = css("--text-strong");
    pencil.fillText(`${pen.id}  ${label(pen.name)}  ${pen.unit}`, 50 * scale, at(line));
  });
  pencil.fillStyle = css("--text-dim");
  pencil.fillText(`${document.title} · ${stamp(start * 1000)} – ${stamp(end * 1000)}`, 16 * scale, at(pens.length));
  const name = `trend-${new Date(start).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z.png`;
  whole.toBlob((blob) => save(blob, name), "image/png");
}

function save(blob, name) {
  const way = document.createElement("a");
  way.href = URL.createObjectURL(blob);
  way.download = name;
  way.click();
  setTimeout(() => URL.revokeObjectURL(way.href), 10_000);
}
