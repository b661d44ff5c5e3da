// The four views of the alarm list: what stands, and what is hidden from it. Each with its count, because nothing is hidden (DOMAIN.md 3).

import { HIDDEN, alarms, kindWords, stateWords, symbol } from "./alarms.js";
import { esc, label, t } from "./config.js";
import { countdown, shortStamp } from "./format.js";
import { link } from "./link.js";
import { liveValue } from "./values.js";

const VIEWS = ["", ...HIDDEN];
const STANDING = ["", "State", "Time", "Point", "Alarm", "When decided", "Now", "Post", "Acknowledged by"];
const ASIDE = ["", "State", "Since", "Point", "Alarm", "Reason", "Now", "Post", "By"];
const CLASSES = ["", "state", "when", "", "", "number", "number", "optional", "optional"];
const NONE = {
  "": ["No alarm stands.", "New alarms appear here at once, worst first, and sound at this console."],
  SHELVED: ["No alarm is shelved.", "A person shelves an alarm for a time within the shift; it then comes back by itself."],
  SUPPRESSED: ["No alarm is suppressed by design.", "A rule suppresses an alarm while its condition holds; it then comes back by itself."],
  OUT_OF_SERVICE: ["No alarm is out of service.", "An alarm taken out of service for a work order stays so until a person returns it."],
};

export class AlarmViews {
  /** `list`: the element with the table; `changed`: called when another view is chosen. */
  constructor(list, changed) {
    this.list = list;
    this.changed = changed;
    const asked = new URLSearchParams(location.search).get("state");
    this.view = HIDDEN.has(asked) ? asked : "";
    this.bar = list.querySelector(".views");
    this.bar.innerHTML = VIEWS.map((view, i) => `<button type="button" role="tab" data-view="${view}">${view ? stateWords(view) : t("Alarms")} <b>—</b> <kbd>${i + 1}</kbd></button>`).join("");
    this.bar.addEventListener("click", (event) => {
      const button = event.target.closest("[data-view]");
      if (button) this.choose(button.dataset.view);
    });
    this.timer = setInterval(() => this.tick(), 1000);
    this.head();
  }

  leave() {
    clearInterval(this.timer);
  }

  /** By number, as the keys 1 … 4 say it. */
  nth(i) {
    this.choose(VIEWS[i]);
  }

  choose(view) {
    if (view === this.view) return;
    this.view = view;
    const address = new URL(location.href);
    view ? address.searchParams.set("state", view) : address.searchParams.delete("state");
    address.searchParams.delete("alarm");
    history.replaceState(null, "", address);
    this.head();
    this.changed();
  }

  holds(row) {
    return this.view ? row.state === this.view : !HIDDEN.has(row.state);
  }

  head() {
    const heads = this.view ? ASIDE : STANDING;
    this.list.querySelector("thead tr").innerHTML = heads.map((head, i) => `<th class="${head === "Reason" ? "" : CLASSES[i]}">${head && t(head)}</th>`).join("");
    for (const button of this.bar.children) button.setAttribute("aria-selected", String(button.dataset.view === this.view));
  }

  /** Say why the view is empty: there is nothing, or the filter leaves it all out. */
  none(out) {
    const [none, more] = out ? ["The filter leaves out every alarm here.", "{n} alarms are in this view."] : NONE[this.view];
    this.list.querySelector(".empty").innerHTML = `<strong>${t(none)}</strong><span>${t(more, { n: out })}</span>`;
  }

  /** Count each view anew. */
  count() {
    const rows = alarms.list();
    for (const button of this.bar.children) {
      const { view } = button.dataset;
      const n = rows.filter((row) => (view ? row.state === view : !HIDDEN.has(row.state))).length;
      button.querySelector("b").textContent = alarms.loaded ? n : "—";
      button.classList.toggle("some", n > 0);
    }
    this.tick();
  }

  /** The time that is left of each shelving on screen. */
  tick() {
    for (const place of this.list.querySelectorAll("[data-until]")) place.textContent = left(Number(place.dataset.until));
  }
}

/** "00:29:41 left" of a shelving; at its end the node's next tick brings the alarm back. */
export const left = (until) => t("{time} left", { time: countdown(Math.max(0, (until - link.now()) / 1e6)) });

/** The cells of an alarm that is hidden: since when, why, by whom and, of a shelving, how long it still lasts. */
export function asideCells(row) {
  const time = row.until ? `<small class="left" data-until="${row.until}">${left(row.until)}</small>` : "";
  return `
    <td>${symbol(row.priority).replace("sym p", "sym none p")}</td>
    <td class="state">${esc(stateWords(row.state))}${time}</td>
    <td class="when">${esc(shortStamp(row.hidden_at ?? row.changed_at, link.now()))}</td>
    <td class="tag">${esc(row.point || row.source)}</td>
    <td class="what">${esc(label(row.name))} <span class="kind">${esc(kindWords(row.kind))}</span><small>${esc(label(row.place_name) || row.place)}</small></td>
    <td class="reason">${esc(reason(row))}</td>
    <td class="number live">${row.point ? liveValue(row) : ""}</td>
    <td class="optional">${esc(label(row.post_name) || row.post)}</td>
    <td class="who optional">${esc(row.hidden_by)}</td>`;
}

/** Why it is hidden: a person's words, or the condition of the rule. */
export const reason = (row) => (row.state === "SUPPRESSED" ? row.suppress_when || t("as its rule says") : (row.hidden_reason ?? ""));
