// The page of one place: counts of it and of the places below, its standing alarms, the alarm beside each point, the links of its sources.

import { worstRow } from "./alarm_rows.js";
import { HIDDEN, alarms, byPriority, symbol, worstFirst } from "./alarms.js";
import { esc, t } from "./config.js";
import { showCounts, unseenMarks } from "./counts.js";
import { link } from "./link.js";
import { PlanView, within } from "./plan.js";
import { whenMounted } from "./mounted.js";
import { linkWords } from "./source_words.js";
import "./values.js";

const LISTED = 40;

/** Kept up until `leave`: a page leaves with its document, the wall when it turns to another view. */
export class PlaceView {
  constructor(page) {
    this.page = page;
    this.path = page.dataset.place;
    this.below = page.dataset.below?.split(",") ?? [];
    this.heard = [
      [alarms, "change", () => this.showAlarms()],
      [link, "places", ({ detail }) => this.showPlaces(detail)],
      [link, "sources", ({ detail }) => this.showSources(detail)],
      [link, "state", () => this.forget()],
    ];
    for (const [from, kind, hear] of this.heard) from.addEventListener(kind, hear);
    link.wantPlaces([this.path, ...this.below]);
    const plan = page.querySelector(".place-plan .plan");
    if (plan) this.plan = new PlanView(plan);
    if (link.sources) this.showSources(link.sources);
    if (alarms.loaded) this.showAlarms();
  }

  leave() {
    for (const [from, kind, hear] of this.heard) from.removeEventListener(kind, hear);
    link.wantPlaces([]);
    this.plan?.leave();
  }

  showAlarms() {
    const rows = alarms.list().filter((row) => !HIDDEN.has(row.state) && within(row.place, this.path)).sort(worstFirst);
    const place = this.page.querySelector("[data-standing]");
    place.innerHTML = rows.length ? rows.slice(0, LISTED).map(worstRow).join("") : `<p class="none">${esc(place.dataset.standing)}</p>`;
    this.page.querySelector(".worst-now .total").textContent = rows.length || "";
    for (const row of this.page.querySelectorAll("[data-point]")) {
      const worst = rows.find((one) => one.point === row.dataset.point);
      row.querySelector(".slot").innerHTML = worst ? symbol(worst.priority, worst.state) : "";
    }
    for (const child of this.page.querySelectorAll("[data-child]"))
      child.querySelector(".standing").innerHTML = byPriority(rows.filter((row) => within(row.place, child.dataset.child)));
  }

  showPlaces(places) {
    if (places[this.path]) showCounts(this.page, places[this.path]);
    for (const child of this.page.querySelectorAll("[data-child]")) {
      const counts = places[child.dataset.child]?.whole;
      if (counts) child.querySelector(".counts").innerHTML = `${t("within limits")} ${counts.within}/${counts.of} ${unseenMarks(counts)}`;
    }
  }

  showSources(rows) {
    for (const row of rows) {
      const chip = this.page.querySelector(`.chip[data-source="${CSS.escape(row.id)}"]`);
      if (!chip) continue;
      chip.className = `chip ${row.state}`;
      chip.querySelector(".link-state").textContent = linkWords(row.state);
    }
  }

  /** What a source's link was is not what it is, once nothing is heard any more. */
  forget() {
    if (link.state === "up" || link.state === "connecting") return;
    for (const chip of this.page.querySelectorAll(".chip")) {
      chip.className = "chip unknown";
      chip.querySelector(".link-state").textContent = linkWords("unknown");
    }
  }
}

whenMounted("main .place-page", (page) => new PlaceView(page));
