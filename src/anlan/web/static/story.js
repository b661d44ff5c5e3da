// The story of one alarm: its response card, why it fired, and each step since.

import { reason } from "./alarm_views.js";
import { HIDDEN, kindWords, stateWords, symbol } from "./alarms.js";
import { esc, label, t } from "./config.js";
import { clock, clockMillis, day, shortStamp, stamp } from "./format.js";
import { api, link } from "./link.js";
import { ResponseCard, showAsks } from "./response_card.js";
import { why } from "./sentences.js";
import { liveValue } from "./values.js";
import "./why.js";

const TRIGGER_WORDS = {
  CONDITION_ON: "condition on",
  CONDITION_OFF: "condition gone",
  ACKNOWLEDGE: "acknowledged",
  RESET: "reset",
  SHELVE: "shelved",
  UNSHELVE: "shelving ended",
  SUPPRESS: "suppressed by design",
  UNSUPPRESS: "suppression ended",
  REMOVE_FROM_SERVICE: "taken out of service",
  RETURN_TO_SERVICE: "back in service",
  CONFIGURATION: "rule changed",
  ESCALATE: "passed on",
  SILENCE: "silenced on one console",
};

/** What a late reading showed: an episode that nobody knew of, or another beginning or end of one that was announced. */
const LATE_WORDS = {
  LATE_DATA: ["late, corrected: began at {time}", "late, added: began at {time}"],
  LATE_END: ["late, corrected: ended at {time}", "late, added: ended at {time}"],
};

/** What a row of the journal tells: of a shelving also its end, of one passed on also to whom, of late data when it was; and that it rests
 * on readings that a full disk refused. */
export function happened(item) {
  return item.unrecorded ? `${stepWords(item)} · ${t("readings not recorded")}` : stepWords(item);
}

function stepWords(item) {
  if (item.late) return t(LATE_WORDS[item.trigger][Number(item.added)], { time: clockMillis(item.happened_at) });
  if (item.until) return t("shelved until {time}", { time: shortStamp(item.until, link.now()) });
  if (item.told) return t("passed on to {who}", { who: label(item.told) });
  return t(TRIGGER_WORDS[item.trigger] ?? item.trigger);
}

export class AlarmStory {
  constructor(place, step) {
    this.place = place;
    this.step = step;
    this.card = new ResponseCard();
    this.timer = setInterval(() => this.card.tick(), 1000);
  }

  leave() {
    clearInterval(this.timer);
    this.card.leave();
    this.endAsks?.();
  }

  open() {
    this.place.classList.add("open");
  }

  close() {
    this.place.classList.remove("open");
  }

  show(row) {
    const key = row && JSON.stringify([row.id, row.state, row.episode, row.acknowledged_at, row.noticed_at, row.until, row.level]);
    if (key === this.key) return;
    this.key = key;
    this.row = row;
    this.card.leave();
    this.endAsks?.();
    this.place.innerHTML = `<div class="asks" hidden></div>${row ? story(row) : nothing()}`;
    this.endAsks = showAsks(this.place.querySelector(".asks"));
    this.place.querySelector(".close")?.addEventListener("click", () => this.close());
    for (const button of this.place.querySelectorAll("[data-step]")) button.addEventListener("click", () => this.step(button.dataset.step));
    if (row) {
      this.card.show(this.place.querySelector(".response"), row);
      this.journal(row);
      this.seen(row);
    }
  }

  /** Who has seen this activation: it stops nothing, but others need not call them. */
  async seen(row) {
    const key = this.key;
    const answer = await api.get(`/api/v1/alarms/${encodeURIComponent(row.id)}`);
    if (key !== this.key || answer.refused) return;
    const place = this.place.querySelector(".seen");
    place.previousElementSibling.hidden = place.hidden = !answer.seen.length;
    place.textContent = answer.seen.map((mark) => `${label(mark.name)} ${clock(mark.at)}`).join(" · ");
  }

  async journal(row) {
    const key = this.key;
    const answer = await api.get(`/api/v1/alarms/${encodeURIComponent(row.id)}/journal?limit=30`);
    if (key !== this.key) return;
    this.place.querySelector(".journal").innerHTML = answer.refused
      ? `<li><span></span>${esc(answer.refused)}</li>`
      : answer.items.map((item) => entry(item, row)).join("");
  }
}

function story(row) {
  return `
    <div class="top">${symbol(row.priority, row.state)}<div><h2>${esc(row.point || row.source)} ${esc(label(row.name))}</h2>
      <div>${esc(kindWords(row.kind))} · <span class="strong">${esc(stateWords(row.state))}</span></div></div>
      <button type="button" class="button quiet close" aria-label="${t("Close")}">✕</button></div>
    <div class="response"></div>
    ${HIDDEN.has(row.state) && row.value === null ? "" : `<section><h3>${t("Why")}</h3><p>${esc(why(row))}</p></section>`}
    ${row.safety_points?.length ? `<section><h3>${t("Safety points that cannot be seen")}</h3><p class="strong">${row.safety_points.map(esc).join(" · ")}</p></section>` : ""}
    ${row.cameras?.length ? `<section><h3>${t("Camera")}</h3><ul class="elsewhere">${row.cameras.map(camera).join("")}</ul></section>` : ""}
    <section><dl class="facts">${facts(row)}</dl>${row.point ? ways(row) : ""}${aside(row)}</section>
    <section><h3>${t("Journal of this alarm")}</h3><ol class="journal"></ol></section>`;
}

/** Opened by the person's browser or player in a window that learns nothing of this one; rtsp:// opens in few, so the address is shown. */
function camera(one) {
  return `<li><a class="outside-link" href="${esc(one.link)}" target="_blank" rel="noopener noreferrer"><b>${esc(one.id)}</b> ${esc(label(one.name))}</a><small class="dim address">${esc(one.link)}</small></li>`;
}

function facts(row) {
  const line = (name, value) => (value ? `<dt>${t(name)}</dt><dd>${value}</dd>` : "");
  return [
    line("Now", row.point && liveValue(row)),
    line("Data time", esc(stamp(row.happened_at))),
    line("Noticed", esc(stamp(row.noticed_at))),
    line("Place", row.place && `<a href="/places/${row.place.split("/").map(encodeURIComponent).join("/")}">${esc(label(row.place_name) || row.place)}</a>`),
    line("Post", esc(label(row.post_name) || row.post)),
    line("Hidden", HIDDEN.has(row.state) && hidden(row)),
    `<dt hidden>${t("Seen by")}</dt><dd class="seen" hidden></dd>`,
  ].join("");
}

function ways(row) {
  const point = encodeURIComponent(row.point);
  return `<p class="button-row" style="margin-top:10px"><button type="button" class="button" data-why="${esc(row.id)}">${t("Why?")}</button><a class="button" href="/trends?points=${point}">${t("Trend")}</a><a class="button" href="/points/${point}">${t("Everything about this point")}</a><a class="button" href="/alarms/master?alarm=${encodeURIComponent(row.id)}">${t("Rule and rationalisation")}</a></p>`;
}

/** Since when, by whom, until when and why it is not in the list. */
function hidden(row) {
  const since = stamp(row.hidden_at ?? row.changed_at);
  const until = row.until && t("shelved until {time}", { time: shortStamp(row.until, link.now()) });
  return [since, row.hidden_by, until, reason(row)].filter(Boolean).map(esc).join(" · ");
}

/** Ways to put it aside, or back; what comes back by itself has none. */
function aside(row) {
  const button = (step, word, key) => `<button type="button" class="button" data-step="${step}">${t(word)} <kbd>${key}</kbd></button>`;
  if (row.state === "SUPPRESSED") return "";
  const buttons = HIDDEN.has(row.state) ? button("back", "Bring back", "B") : button("shelve", "Shelve", "H") + button("remove-from-service", "Take out of service", "O");
  return `<p class="button-row aside" style="margin-top:8px">${buttons}</p>`;
}

function entry(item, row) {
  const today = day(item.noticed_at) === day(link.now());
  const who = item.who_name || item.who;
  const person = who ? `<br><span class="dim">${esc(who)}${item.post ? ` · ${esc(label(item.post_name) || item.post)}` : ""}${item.reason ? ` · ${esc(item.reason)}` : ""}</span>` : "";
  const value = item.value === null || row.kind === "VIEW" ? "" : ` <span class="dim">${esc(Number(item.value).toFixed(row.decimals))}</span>`;
  return `<li><time>${today ? clock(item.noticed_at) : `${day(item.noticed_at).slice(5)} ${clock(item.noticed_at).slice(0, 5)}`}</time><span>${esc(happened(item))}${item.before === item.after ? "" : ` → ${stateWords(item.after)}`}${value}${person}</span></li>`;
}

function nothing() {
  return `<div class="empty"><span>${t("Choose an alarm to see why it fired and what to do.")}</span></div>`;
}
