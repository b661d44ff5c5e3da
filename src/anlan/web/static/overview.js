// The overview's life: alarms on units and on the plan, the summary line, the sources' strip.

import { worstRow } from "./alarm_rows.js";
import { HIDDEN, UNACKNOWLEDGED, alarms, byPriority, symbol, worstFirst } from "./alarms.js";
import { esc, t } from "./config.js";
import { showCounts, unseenMarks } from "./counts.js";
import { span } from "./format.js";
import { link } from "./link.js";
import { PlanView, within } from "./plan.js";
import { whenMounted } from "./mounted.js";
import { linkWords, rateWords } from "./source_words.js";
import "./values.js";

function showUnits() {
  const rows = alarms.list().filter((row) => !HIDDEN.has(row.state));
  for (const tile of document.querySelectorAll("article[data-unit]")) {
    const own = rows.filter((row) => within(row.place, tile.dataset.unit)).sort(worstFirst);
    tile.querySelector(".standing").innerHTML = byPriority(own);
    tile.classList.toggle("worst", own.length > 0);
    tile.style.order = order(own);
    for (const key of tile.querySelectorAll("[data-key]")) markKey(key, own);
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
  if (plan) new PlanView(plan);
  const show = () => {
    showUnits();
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

