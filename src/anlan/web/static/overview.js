// The overview's life: alarms on units and on the plan, the summary line, the sources' strip.

import { ACTIVE, HIDDEN, UNACKNOWLEDGED, alarms, commonState, stateWords, symbol, worstFirst } from "./alarms.js";
import { esc, t } from "./config.js";
import { countdown, shortStamp, span } from "./format.js";
import { link } from "./link.js";
import { headline } from "./sentences.js";
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

function byPriority(rows) {
  return [1, 2, 3, 4]
    .map((priority) => rows.filter((row) => row.priority === priority))
    .filter((group) => group.length)
    .map((group) => `<span>${symbol(group[0].priority, commonState(group))}${group.length}</span>`)
    .join("");
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

function worstRow(row) {
  return `<a class="row-link ${ACTIVE.has(row.state) ? "" : "gone"}" href="/alarms?alarm=${encodeURIComponent(row.id)}">${symbol(row.priority, row.state)}
    <span>${esc(shortStamp(row.noticed_at, link.now()))}</span><b class="strong nowrap">${esc(row.point || row.source)}</b><span class="what">${esc(headline(row))}</span><span class="state">${esc(stateWords(row.state))}</span></a>`;
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
  for (const name of ["within", "outside", "unknown", "bypassed", "calibrating"]) showPart(name, sums.whole, sums);
  for (const tile of document.querySelectorAll("article[data-unit]")) showUnseen(tile, sums.units[tile.dataset.unit]);
}

function showPart(name, counts, sums) {
  const part = document.querySelector(`[data-sum="${name}"]`);
  if (!part) return;
  part.querySelector("b").textContent = name === "within" ? `${counts.within}/${counts.of}` : counts[name];
  part.classList.toggle("some", name !== "within" && counts[name] > 0);
  showNamed(part, counts[name], sums.named[name]);
  if (name === "within") part.title = t("{limited} of {of} points have limits; a point is counted once: calibrating, unknown, bypassed, outside or within.", { limited: sums.limited, of: counts.of });
  if (name === "bypassed") part.querySelector("small.timer").textContent = sums.bypass_left === null || !counts.bypassed ? "" : ` (${t("{time} left", { time: countdown(sums.bypass_left) })})`;
}

/** The few by name, each a way to its page; a plain count once there are more. */
function showNamed(part, count, ids) {
  const place = part.querySelector("small.ids");
  const text = ids && count === ids.length ? ids.join(",") : "";
  if (place.dataset.ids === text) return;
  place.dataset.ids = text;
  place.innerHTML = text && ids.map((id) => `<a href="/points/${encodeURIComponent(id)}">${esc(id)}</a>`).join(" ");
}

function showUnseen(tile, counts) {
  const place = tile.querySelector(".unseen");
  if (!counts) return;
  const marks = [
    [counts.unknown, "bad", "unknown {n}"],
    [counts.calibrating, "uncertain", "calibrating {n}"],
    [counts.bypassed, "uncertain", "bypassed {n}"],
  ];
  place.innerHTML = marks.filter(([n]) => n).map(([n, look, words]) => `<span class="mark ${look}">${t(words, { n })}</span>`).join(" ");
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

