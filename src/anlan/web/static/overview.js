// The overview's life: alarms on units and on the plan, the summary line, the sources' strip.

import { worstRow } from "./alarm_rows.js";
import { HIDDEN, UNACKNOWLEDGED, alarms, byPriority, symbol, worstFirst } from "./alarms.js";
import { esc, t } from "./config.js";
import { showCounts, unseenMarks } from "./counts.js";
import { span } from "./format.js";
import { link } from "./link.js";
import { whenMounted } from "./shell.js";
import { linkWords, rateWords } from "./source_words.js";
import { kindOf, liveValue } from "./values.js";

const within = (place, unit) => place === unit || place?.startsWith(`${unit}/`);

function showUnits() {
  const rows = alarms.list().filter((row) => !HIDDEN.has(row.state));
  for (const tile of document.querySelectorAll("article[data-unit]")) {
    const own = rows.filter((row) => within(row.place, tile.dataset.unit)).sort(worstFirst);
    tile.querySelector(".standing").innerHTML = byPriority(own);
    tile.classList.toggle("worst", own.length > 0);
    tile.style.order = order(own);
    for (const key of tile.querySelectorAll("[data-key]")) markKey(key, own);
  }
  for (const mark of document.querySelectorAll("[data-unit-mark]")) {
    const [worst] = rows.filter((row) => within(row.place, mark.dataset.unitMark)).sort(worstFirst);
    mark.innerHTML = worst ? placed(symbol(worst.priority, worst.state), -7, -7, 14) : "";
  }
}

/** Tiles stand worst first: the gravest unacknowledged alarm, then the gravest of all, then how many. */
function order(rows) {
  if (!rows.length) return 1000;
  const [worst] = rows;
  return (UNACKNOWLEDGED.has(worst.state) ? 0 : 400) + worst.priority * 80 - Math.min(70, rows.length);
}

function markKey(key, rows) {
  const worst = rows.find((row) => row.point === key.dataset.key);
  key.querySelector(".slot").innerHTML = worst ? symbol(worst.priority, worst.state) : "";
}

const LISTED = 12;

/** The worst of all units under the plan, so that the first page already says what to turn to. */
function showWorst() {
  const place = document.querySelector("[data-worst]");
  const rows = alarms.list().filter((row) => !HIDDEN.has(row.state)).sort(worstFirst).slice(0, LISTED);
  place.innerHTML = rows.length ? rows.map(worstRow).join("") : `<p class="none">${esc(place.dataset.worst)}</p>`;
}

const placed = (svg, x, y, size) => svg.replace("<svg ", `<svg x="${x}" y="${y}" width="${size}" height="${size}" `);

/* plan */
function wirePlan(plan) {
  for (const spot of plan.querySelectorAll(".spot")) {
    const points = spot.dataset.points.split(",");
    for (const point of points) link.watch(point, () => showSpot(spot, points));
  }
  wireTip(plan);
}

/** A spot shows the worst quality among its points: what is unknown must not hide behind a neighbour. */
function showSpot(spot, points) {
  const kinds = points.map((point) => kindOf(point, link.readings.get(point)));
  const worst = ["none", "bad", "uncertain", "good"].find((kind) => kinds.includes(kind));
  if (spot.kind === worst) return;
  spot.kind = worst;
  spot.setAttribute("class", `spot ${worst}`);
}

function showSpotAlarms() {
  const byPoint = new Map();
  for (const row of alarms.list().sort(worstFirst)) if (!HIDDEN.has(row.state) && !byPoint.has(row.point)) byPoint.set(row.point, row);
  for (const spot of document.querySelectorAll(".plan .spot")) {
    const worst = spot.dataset.points.split(",").map((point) => byPoint.get(point)).filter(Boolean).sort(worstFirst)[0];
    spot.querySelector(".sym")?.remove();
    if (worst) spot.insertAdjacentHTML("beforeend", placed(symbol(worst.priority, worst.state), spot.dataset.x - 5.5, spot.dataset.y - 5.5, 11));
  }
}

function wireTip(plan) {
  const tip = Object.assign(document.createElement("div"), { className: "plan-tip", hidden: true });
  plan.parentElement.append(tip);
  plan.addEventListener("pointerover", (event) => {
    const spot = event.target.closest(".spot");
    tip.hidden = !spot;
    if (!spot) return;
    tip.innerHTML = tipText(spot);
    const [box, at] = [plan.parentElement.getBoundingClientRect(), spot.getBoundingClientRect()];
    tip.style.left = `${Math.min(at.right - box.left + 10, box.width - tip.offsetWidth - 8)}px`;
    tip.style.top = `${Math.max(4, Math.min(at.top - box.top, box.height - tip.offsetHeight - 8))}px`;
  });
}

function tipText(spot) {
  const lines = spot.querySelector("title").textContent.split("\n");
  const metas = JSON.parse(spot.dataset.meta);
  const rows = lines.map((line) => {
    const [id] = line.split(" ", 1);
    const meta = metas.find((one) => one.point === id);
    return `<div><b class="strong">${esc(id)}</b> ${esc(line.slice(id.length + 1))} ${meta ? liveValue(meta) : ""}</div>`;
  });
  return rows.join("");
}


/* summary */
function showSummary() {
  const sums = link.summary;
  if (!sums) return;
  showCounts(document, sums);
  for (const tile of document.querySelectorAll("article[data-unit]")) showUnseen(tile, sums.units[tile.dataset.unit]);
}

function showUnseen(tile, counts) {
  const place = tile.querySelector(".unseen");
  if (counts) place.innerHTML = unseenMarks(counts);
}

/* sources */
function showSources({ detail }) {
  for (const row of detail) {
    const chip = document.querySelector(`.chip[data-source="${CSS.escape(row.id)}"]`);
    if (!chip) continue;
    chip.className = `chip ${row.state}`;
    chip.querySelector(".link-state").textContent = linkWords(row.state);
    chip.querySelector(".rate").textContent = row.state === "up" ? rateWords(row.rate) : row.since ? t("for {span}", { span: span(link.now() - row.since) }) : "";
  }
}

/** What a source's link was is not what it is, once nothing is heard any more. */
function forgetSources() {
  if (link.state === "up" || link.state === "connecting") return;
  for (const chip of document.querySelectorAll(".chip")) {
    chip.className = "chip unknown";
    chip.querySelector(".link-state").textContent = linkWords("unknown");
    chip.querySelector(".rate").textContent = "";
  }
}

function start(page) {
  const plan = page.querySelector(".plan");
  if (plan) wirePlan(plan);
  const show = () => {
    showUnits();
    showSpotAlarms();
    showWorst();
  };
  alarms.addEventListener("change", show);
  link.addEventListener("summary", showSummary);
  link.addEventListener("sources", showSources);
  link.addEventListener("state", forgetSources);
  if (alarms.loaded) show();
  showSummary();
}

whenMounted(".overview", start);

