// The page of one point: quality in full under its value, and the alarms that stand on it.

import { HIDDEN, alarms, kindWords, stateWords, symbol, worstFirst } from "./alarms.js";
import { esc, t } from "./config.js";
import { shortStamp, stamp } from "./format.js";
import { link } from "./link.js";
import { figure } from "./sentences.js";
import { whenMounted } from "./mounted.js";
import { sentenceOf } from "./values.js";

function showDetail(place, point, reading) {
  if (!reading?.time) return;
  const late = reading.received ? ` · ${t("received {time}", { time: stamp(reading.received) })}` : "";
  place.textContent = `${t("quality")}: ${sentenceOf(point, reading)} · ${t("data time {time}", { time: stamp(reading.time) })}${late}`;
}

function showStanding(place, point) {
  const rows = alarms.list().filter((row) => row.point === point && !HIDDEN.has(row.state)).sort(worstFirst);
  place.innerHTML = rows.length ? rows.map(line).join("") : `<span class="dim">${esc(place.dataset.standing)}</span>`;
}

function line(row) {
  return `<a class="button-row" style="padding:4px 0" href="/alarms?alarm=${encodeURIComponent(row.id)}">${symbol(row.priority, row.state)}
    <span class="strong">${esc(kindWords(row.kind))} ${esc(figure(row, row.value))}</span><span>${esc(stateWords(row.state))}</span><span class="dim">${esc(shortStamp(row.noticed_at, link.now()))}</span></a>`;
}

whenMounted(".point-page", (page) => {
  const point = page.dataset.point;
  link.watch(point, (reading) => showDetail(page.querySelector("[data-detail]"), point, reading));
  const show = () => showStanding(page.querySelector("[data-standing]"), point);
  alarms.addEventListener("change", show);
  if (alarms.loaded) show();
});
