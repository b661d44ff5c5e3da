// Why does this alarm stand, or why not, at any time: the sentence, each gate between reading and operator, and a small picture.
// Any element with data-why="ALARM" or data-why-point="POINT" opens it.

import { esc, label, t } from "./config.js";
import { clock, shortStamp, stamp } from "./format.js";
import { api, link } from "./link.js";
import { picture, timeAt } from "./why_picture.js";

const STEPS = [
  [-60, "−1 min"],
  [-10, "−10 s"],
  [10, "+10 s"],
  [60, "+1 min"],
];
const MARKS = { true: "✓", false: "✗", null: "·" };

const address = ({ alarm, point }, at) =>
  `/api/v1/${alarm ? `alarms/${encodeURIComponent(alarm)}` : `points/${encodeURIComponent(point)}`}/why${at ? `?at=${Math.round(at)}` : ""}`;

class Why {
  constructor(subject, at) {
    this.subject = subject;
    this.dialog = document.createElement("dialog");
    this.dialog.className = "why";
    this.dialog.innerHTML = `<div class="wait dim">…</div>`;
    this.dialog.addEventListener("close", () => this.dialog.remove());
    this.dialog.addEventListener("click", (event) => this.click(event));
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.ask(at);
  }

  /** A slower answer to an earlier question must not replace a newer one. */
  async ask(at) {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const answer = await api.get(address(this.subject, at));
    if (turn !== this.turn || !this.dialog.open) return;
    this.answer = answer;
    this.dialog.innerHTML = answer.refused ? refusal(answer.refused) : panel(this.subject, answer);
    this.dialog.querySelector("[data-close]").focus();
  }

  click(event) {
    const at = this.answer?.at;
    const step = event.target.closest("[data-shift]")?.dataset.shift;
    const drawing = event.target.closest("svg.why-picture");
    if (event.target === this.dialog || event.target.closest("[data-close]")) this.dialog.close();
    else if (step === "now") this.ask();
    else if (step) this.ask(Math.min(at + Number(step) * 1e6, link.now()));
    else if (drawing) this.ask(timeAt(drawing, event));
  }
}

const refusal = (why) =>
  `<div class="body"><p class="form-error">${esc(why)}</p><div class="button-row"><button type="button" class="button" data-close>${t("Close")}</button></div></div>`;

function panel(subject, answer) {
  const told = answer.alarms ?? [answer];
  const steps = STEPS.map(([seconds, words]) => `<button type="button" class="button" data-shift="${seconds}">${words}</button>`).join("");
  const head = `<header><h2>${t("Why?")} ${esc(subject.alarm ?? subject.point)}</h2><span class="spacer"></span><button type="button" class="button quiet" data-close aria-label="${t("Close")}">✕</button></header>`;
  const when = `<div class="when"><b>${esc(stamp(answer.at))}</b>${steps}<button type="button" class="button" data-shift="now">${t("Now")}</button></div>`;
  const whole = answer.alarms && !told.length ? `<p class="sentence">${esc(label(answer.sentence))}</p>` : "";
  return `${head}<div class="body">${when}${whole}${told.map((one) => account(one, Boolean(answer.alarms))).join("")}</div>`;
}

function account(one, named) {
  const name = named ? `<h3>${esc(one.alarm)}</h3>` : "";
  const drawing = one.trace.time.length ? picture(one) : "";
  return `<section class="account">${name}<p class="sentence">${esc(label(one.sentence))}</p>${drawing}
    <ol class="gates">${one.gates.map(gate).join("")}</ol>${foot(one)}</section>`;
}

const gate = ({ open, text }) =>
  `<li class="${open === false ? "closed" : open ? "open" : "idle"}"><span aria-hidden="true">${MARKS[open]}</span>${esc(label(text))}</li>`;

function foot(one) {
  const { decided } = one;
  const rules = t("replayed with the rules of version {n}", { n: one.version });
  const since = decided ? t("last change at {time}", { time: shortStamp(decided.noticed_at, one.at) }) : t("no change before {time}", { time: clock(one.at) });
  const way = `<a class="button" href="/replay?alarm=${encodeURIComponent(one.alarm)}">${t("Try other settings")}</a>`;
  return `<p class="foot"><span class="dim">${esc(since)} · ${esc(rules)}</span>${way}</p>`;
}

document.addEventListener("click", (event) => {
  const asked = event.target.closest?.("[data-why], [data-why-point]");
  if (!asked) return;
  event.preventDefault();
  const at = Number(asked.dataset.at) || undefined;
  new Why(asked.dataset.why ? { alarm: asked.dataset.why } : { point: asked.dataset.whyPoint }, at);
});
