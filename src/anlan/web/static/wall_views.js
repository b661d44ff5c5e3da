// The views of the wall. `mount` brings one to life and returns what lets go of everything again: it runs for weeks.

import { HIDDEN, alarms, byPriority, stateWords, symbol, worstFirst } from "./alarms.js";
import { esc, label } from "./config.js";
import { showCounts, unseenMarks } from "./counts.js";
import { shortStamp } from "./format.js";
import { link } from "./link.js";
import { PlanView, within } from "./plan.js";
import { headline } from "./sentences.js";
import "./trend.js";

const ALARMS_SHOWN = 11;
const PLACE_ALARMS_SHOWN = 4;

const VIEWS = { overview, alarms: alarmList, trend: () => [], place };

/** Bring a view to life; call the answer when it goes. */
export function mount(view) {
  const ends = VIEWS[view.dataset.kind](view);
  return () => ends.forEach((end) => end());
}

/** Listen, and a way to stop. Runs once at once. */
function follow(from, kind, show) {
  from.addEventListener(kind, show);
  show();
  return () => from.removeEventListener(kind, show);
}

const standing = () => alarms.list().filter((row) => !HIDDEN.has(row.state)).sort(worstFirst);

function overview(view) {
  const plan = view.querySelector(".plan");
  const drawn = plan && new PlanView(plan);
  return [
    follow(link, "summary", () => link.summary && showUnits(view, link.summary)),
    follow(alarms, "change", () => {
      const rows = standing();
      for (const unit of view.querySelectorAll(".units > [data-unit]")) {
        const own = rows.filter((row) => within(row.place, unit.dataset.unit));
        unit.querySelector(".standing").innerHTML = byPriority(own);
        unit.classList.toggle("some", own.length > 0);
      }
    }),
    () => drawn?.leave(),
  ];
}

function showUnits(view, sums) {
  showCounts(view, sums);
  for (const unit of view.querySelectorAll(".units > [data-unit]")) {
    const counts = sums.units[unit.dataset.unit];
    if (counts) unit.querySelector(".counts").innerHTML = `${counts.within}/${counts.of} ${unseenMarks(counts)}`;
  }
}

function alarmList(view) {
  const more = view.querySelector(".more");
  return [
    follow(alarms, "change", () => {
      const rows = standing();
      more.textContent = more.dataset.more;
      const left = rows.length - showRows(view.querySelector(".rows"), rows, ALARMS_SHOWN);
      more.style.visibility = left > 0 ? "visible" : "hidden";
      more.textContent = more.dataset.more.replace("{n}", left);
    }),
  ];
}

/** As many rows as there is room for, none of them cut; answers how many. */
function showRows(place, rows, most) {
  place.innerHTML = rows.length ? rows.slice(0, most).map(line).join("") : `<p class="none">${esc(alarms.loaded ? place.dataset.none : "—")}</p>`;
  while (place.scrollHeight > place.clientHeight + 2 && place.children.length > 1) place.lastElementChild.remove();
  return Math.min(rows.length, place.children.length);
}

/** What has no room whole is not shown. */
function fit(box) {
  for (const one of box.children) one.hidden = false;
  const bottom = box.getBoundingClientRect().bottom + 1;
  const cut = [...box.children].filter((one) => one.getBoundingClientRect().bottom > bottom);
  for (const one of cut) one.hidden = true;
}

function line(row) {
  return `<div class="line">${symbol(row.priority, row.state)}<span class="when">${esc(shortStamp(row.noticed_at, link.now()))}</span><b>${esc(row.point || row.source)}</b>
    <span class="what">${esc(headline(row))}</span><span class="where">${esc(label(row.place_name) || row.place)}</span><span class="state">${esc(stateWords(row.state))}</span></div>`;
}

function place(view) {
  const path = view.querySelector("[data-place]").dataset.place;
  link.wantPlaces([path]);
  const heard = ({ detail }) => detail[path] && showCounts(view, detail[path]);
  link.addEventListener("places", heard);
  return [
    follow(alarms, "change", () => {
      const rows = standing().filter((row) => within(row.place, path));
      showRows(view.querySelector(".rows"), rows, PLACE_ALARMS_SHOWN);
      for (const value of view.querySelectorAll("[data-point]")) {
        const worst = rows.find((row) => row.point === value.dataset.point);
        value.querySelector(".slot").innerHTML = worst ? symbol(worst.priority, worst.state) : "";
      }
      fit(view.querySelector(".values"));
    }),
    () => link.removeEventListener("places", heard),
    () => link.wantPlaces([]),
  ];
}

