// The response card of an alarm: how long there is to respond, what to do and what happens otherwise, who has taken it up, and whether the
// action works. What the readings say comes from the node (monitor/response.py) and is asked again as they come; it is never a promise.
// Beside it stands what people say, which is recorded with who, where and when.

import { ACTIVE, HIDDEN, alarms } from "./alarms.js";
import { config, esc, label, t, unitOf } from "./config.js";
import { clock, countdown, number, shortStamp } from "./format.js";
import { api, link } from "./link.js";
import { toast } from "./shell.js";

const SOONEST = 5000;
const LATEST = 15_000;
const ASKED_FOR = 30 * 60e6;

const VERDICTS = {
  returned: "back within its limit",
  returning: "coming back",
  unchanged: "no change to be seen",
  worsening: "getting worse",
  unknown: "cannot be told",
};
/** What "returned" and "unchanged" mean for an alarm that has no limit to go back to. */
const OTHERWISE = {
  state: { returned: "its state is no longer the alarmed one", unchanged: "still in the alarmed state" },
  quality: { returned: "the value can be used again", returning: "the value can be used again", unchanged: "the value still cannot be used" },
  view: { returned: "the source is heard again", returning: "the source is heard again", unchanged: "the source is still not heard" },
};
const MARKS = { returned: "✓", returning: "↘", unchanged: "→", worsening: "↗", unknown: "?" };
const BECAUSE = {
  quality: "The value is not plainly good now: it says nothing of the action.",
  calibration: "The detector is being calibrated: its reading says nothing of the plant.",
  clock: "The reading's clock is wrong: its trend cannot be told.",
  few: "Too few readings since for a trend.",
  short: "Too short since for a trend.",
  noise: "The readings scatter too much for a trend.",
  delay: "Back past its clearing limit; the alarm's delay still runs.",
  link: "Nobody has told the state of the source.",
  hidden: "The alarm is put aside: nobody has told its condition.",
};
export const EFFECTS = { worked: "It worked", did_not_work: "It did not work", not_applicable: "Not applicable" };

export class ResponseCard {
  /** `place`: the empty element that the card fills; `row`: the alarm as it stands. */
  show(place, row) {
    this.leave();
    this.place = place;
    this.row = row;
    this.asked = performance.now();
    place.innerHTML = card(row);
    place.querySelector("form")?.addEventListener("submit", (event) => this.answer(event));
    if (row.point) link.watch(row.point, (this.heard = () => (this.fresh = true)));
    this.tick();
    this.judge();
  }

  leave() {
    if (this.heard) link.unwatch(this.row.point, this.heard);
    this.heard = null;
    this.row = null;
  }

  /** Each second: the time runs by the node's clock, and new readings are judged anew while somebody can see it. */
  tick() {
    if (!this.row) return;
    showTime(this.place.querySelector(".respond"), this.row);
    const since = performance.now() - this.asked;
    if (document.visibilityState === "visible" && since > (this.fresh ? SOONEST : LATEST)) this.judge();
  }

  async judge() {
    const { row } = this;
    this.asked = performance.now();
    this.fresh = false;
    const found = await api.get(`/api/v1/alarms/${encodeURIComponent(row.id)}/response`);
    if (row !== this.row) return;
    this.place.querySelector(".verdict").innerHTML = found.refused ? `<p class="dim">${esc(found.refused)}</p>` : verdict(row, found);
    this.place.querySelector(".answers").innerHTML = (found.answers ?? []).map(said).join("");
  }

  async answer(event) {
    event.preventDefault();
    const { row } = this;
    const form = event.currentTarget;
    const answer = await say(row, event.submitter.value, form.note.value);
    if (!answer.refused) form.note.value = "";
    if (row === this.row && answer.answers) this.place.querySelector(".answers").innerHTML = answer.answers.map(said).join("");
  }
}

async function say(row, effect, note = "") {
  const answer = await api.post(`/api/v1/alarms/${encodeURIComponent(row.id)}/response`, { episode: row.episode, effect, note });
  if (answer.refused) toast(t("Refused: {why}", { why: answer.refused }), true);
  else toast(t("Recorded: {alarm} · {answer}", { alarm: row.id, answer: t(EFFECTS[effect]) }));
  return answer;
}

function card(row) {
  const acted = Boolean(row.acknowledged_by) && !HIDDEN.has(row.state);
  return `
    ${ACTIVE.has(row.state) ? `<section>${time(row)}</section>` : ""}
    ${text("What to do", row.corrective_action, "action", "No corrective action is written for this alarm.")}
    ${text("If nothing is done", row.consequence, "", "No consequence is written for this alarm.")}
    <section><h3>${t("Taken up")}</h3><p class="taken">${taken(row)}</p></section>
    <section class="worked"><h3>${acted ? t("Did the action work?") : t("How it stands now")}</h3>
      <div class="verdict"><p class="dim">…</p></div>${acted ? question() : ""}<ol class="answers"></ol></section>`;
}

function text(head, pair, look, without) {
  const words = label(pair);
  return `<section><h3>${t(head)}</h3><p class="${words ? look : "dim"}">${esc(words) || t(without)}</p></section>`;
}

const time = (row) =>
  row.time_to_respond
    ? `<div class="respond"><b></b><span class="dim"></span><div class="time-bar" role="progressbar" aria-label="${t("Time to respond")}" aria-valuemin="0" aria-valuemax="100"><i></i></div></div>`
    : `<p class="dim">${t("No time to respond is written for this alarm.")}</p>`;

/** The time left runs from the moment the operator could know, and goes on once it is past. */
function showTime(place, row) {
  if (!place) return;
  const [whole, gone] = [row.time_to_respond, Math.max(0, (link.now() - row.noticed_at) / 1e6)];
  const over = gone > whole;
  place.classList.toggle("over", over);
  place.querySelector("b").textContent = countdown(Math.abs(whole - gone));
  const words = over ? "past the time to respond of {time}, since {clock}" : "left of {time} to respond, until {clock}";
  place.querySelector("span").textContent = t(words, { time: countdown(whole), clock: clock(row.noticed_at + whole * 1e6) });
  // Past its end the bar is whole, and its solid part shrinks to the share that was due.
  const bar = place.querySelector(".time-bar");
  bar.setAttribute("aria-valuenow", Math.round(Math.min(100, (100 * gone) / whole)));
  bar.firstElementChild.style.width = `${over ? (100 * whole) / gone : (100 * gone) / whole}%`;
}

/** Who has it in hand, and whom it was passed on to because nobody had. */
function taken(row) {
  const by = row.acknowledged_by
    ? t("acknowledged by {who} at {time}", { who: row.acknowledged_by, time: shortStamp(row.acknowledged_at, link.now()) })
    : t("nobody has acknowledged it yet");
  const on = row.told ? t("passed on to {who}", { who: label(row.told) }) : t("passed on to nobody");
  return `<span class="${row.acknowledged_by ? "" : "strong"}">${esc(by)}</span> · ${esc(on)}`;
}

function verdict(row, found) {
  if (!found.verdict) return `<p class="dim">${t("cannot be told")}</p>`;
  const words = OTHERWISE[found.basis]?.[found.verdict] ?? VERDICTS[found.verdict];
  return `<p class="word ${found.verdict}"><span aria-hidden="true">${mark(row, found.verdict)}</span> ${t(words)}</p>
    ${facts(row, found).map((line) => `<p>${esc(line)}</p>`).join("")}`;
}

/** The arrow shows the way of the value itself: a low alarm comes back upwards. */
const mark = (row, found) => (["L", "LL"].includes(row.kind) ? { ...MARKS, returning: "↗", worsening: "↘" } : MARKS)[found];

function facts(row, found) {
  const lines = [];
  const figure = (value) => `${number(value, row.decimals)} ${unitOf(row)}`.trim();
  if (found.distance > 0) lines.push(t("{distance} from its clearing limit {limit}", { distance: figure(found.distance), limit: figure(found.clears_at) }));
  else if (found.distance !== null && found.distance <= 0) lines.push(t("past its clearing limit {limit} by {distance}", { distance: figure(-found.distance), limit: figure(found.clears_at) }));
  if (found.slope !== null && found.basis === "limit") lines.push(t("changed by {slope} ± {half} {unit} per minute", rate(row, found)));
  if (found.back) lines.push(back(found.back));
  if (BECAUSE[found.because] && !(found.basis === "quality" && found.because === "quality")) lines.push(t(BECAUSE[found.because]));
  if (found.basis === "limit" && found.span) lines.push(t("from {usable} usable of {n} readings over {span}", { usable: found.usable, n: found.readings, span: countdown(found.span) }));
  return lines;
}

function rate(row, found) {
  const half = (found.slope_high - found.slope_low) / 2;
  const decimals = Math.min(6, Math.max(row.decimals, half > 0 ? Math.ceil(-Math.log10(half)) + 1 : 0));
  const sign = found.slope > 0 ? "+" : "";
  return { slope: sign + number(found.slope, decimals), half: number(half, decimals), unit: unitOf(row) };
}

function back({ earliest, latest }) {
  if (latest === null) return t("if it goes on so, back in {earliest} at the earliest", { earliest: countdown(earliest) });
  return t("if it goes on so, back in {earliest} to {latest}", { earliest: countdown(earliest), latest: countdown(latest) });
}

const question = () => `
  <form class="effect"><input class="field" name="note" maxlength="500" autocomplete="off" placeholder="${t("Note")}" aria-label="${t("Note")}">
    <div class="button-row">${buttons()}</div></form>`;

const buttons = () => Object.entries(EFFECTS).map(([effect, words]) => `<button type="submit" class="button" value="${effect}">${t(words)}</button>`).join("");

const said = (one) =>
  `<li><b>${t(EFFECTS[one.effect])}</b> ${esc(one.note)}<small>${esc(label(one.name))} · ${esc(label(one.post_name) || one.post)} · ${shortStamp(one.at, link.now())} · ${t("the readings said")}: ${t(VERDICTS[one.verdict])}</small></li>`;

// ---- an alarm that goes right after its acknowledgement leaves the list: what came of the action is then asked here

class Asks extends EventTarget {
  constructor() {
    super();
    this.open = new Map();
    this.before = new Map();
    alarms.addEventListener("change", () => this.take());
  }

  take() {
    const gone = [...this.before.values()].filter((row) => !alarms.rows.has(row.id));
    this.before = new Map(alarms.list().filter((row) => row.state === "ACKNOWLEDGED" && row.post && row.post === config.post).map((row) => [row.id, row]));
    for (const row of gone) this.ask(row);
    for (const [id, ask] of this.open) if (alarms.rows.has(id) || link.now() - ask.at > ASKED_FOR) this.close(id);
  }

  async ask(row) {
    const found = await api.get(`/api/v1/alarms/${encodeURIComponent(row.id)}/response`);
    if (found.refused || found.answers.length || found.episode !== row.episode || found.state !== "NORMAL") return;
    this.open.set(row.id, { row, at: link.now() });
    this.dispatchEvent(new Event("change"));
  }

  close(id) {
    if (this.open.delete(id)) this.dispatchEvent(new Event("change"));
  }
}

const asks = new Asks();

/** Keep the open questions in `place`; returns what ends that. */
export function showAsks(place) {
  const show = () => {
    place.hidden = !asks.open.size;
    place.innerHTML = [...asks.open.values()].map(ask).join("");
  };
  const click = async (event) => {
    const button = event.target.closest("button");
    const id = button?.closest("[data-ask]").dataset.ask;
    if (!id) return;
    if (!button.value || !(await say(asks.open.get(id).row, button.value)).refused) asks.close(id);
  };
  asks.addEventListener("change", show);
  place.addEventListener("click", click);
  show();
  return () => asks.removeEventListener("change", show);
}

const ask = ({ row, at }) => `
  <div class="ask" data-ask="${esc(row.id)}"><p><b class="strong">${esc(row.point || row.source)}</b> ${esc(label(row.name))} · ${t("gone at {time}", { time: clock(at) })}</p>
    <p>${t("Did the action work?")}</p><div class="button-row">${buttons().replaceAll('type="submit"', 'type="button"')}<button type="button" class="button quiet" aria-label="${t("Close")}">✕</button></div></div>`;
