// The wall: turns through its views for weeks, stands still at an alarm of priority 1 that nobody has acknowledged, and says at once when
// nothing on it is live. → ← turn by hand, space holds and goes on.

import { HIDDEN, UNACKNOWLEDGED, alarms, commonState, symbol, worstFirst } from "./alarms.js";
import { config, esc, label, t } from "./config.js";
import { clock, day, shortStamp, span } from "./format.js";
import { link } from "./link.js";
import { headline } from "./sentences.js";
import { whenMounted } from "./mounted.js";
import { mount } from "./wall_views.js";

const FLASH = 500;

class Wall {
  constructor(root) {
    this.root = root;
    this.stage = root.querySelector(".stage");
    this.templates = [...root.querySelectorAll("template[data-view]")];
    this.whileHeld = root.querySelector("template[data-held]");
    this.every = Number(root.dataset.every) * 1000;
    this.at = -1;
    this.byHand = false;
    alarms.addEventListener("change", () => this.showAlarms());
    link.addEventListener("state", () => this.showLink());
    link.addEventListener("summary", () => this.showHidden());
    link.addEventListener("faults", () => this.showFaults());
    link.addEventListener("page", ({ detail }) => this.isStill(detail));
    addEventListener("keydown", (event) => this.key(event));
    setInterval(() => this.tick(), FLASH);
    this.turn(1);
    this.showAlarms();
    this.showLink();
    this.showFaults();
  }

  /** One view leaves whole before the next comes: what it listened to, it listens to no more. */
  turn(by) {
    this.at = (this.at + by + this.templates.length) % this.templates.length;
    this.show(this.templates[this.at]);
    this.root.querySelectorAll(".dots i").forEach((dot, n) => dot.classList.toggle("on", n === this.at));
  }

  show(template) {
    this.leave?.();
    const view = template.content.cloneNode(true).firstElementChild;
    this.stage.replaceChildren(view);
    this.leave = mount(view);
    this.turned = performance.now();
  }

  tick() {
    this.beat = !this.beat;
    document.body.classList.toggle("beat", this.beat);
    if (!this.beat) return;
    this.showClock();
    this.showLink();
    if (this.held) this.showSince();
    else if (!this.byHand && this.templates.length > 1 && performance.now() - this.turned >= this.every) this.turn(1);
  }

  key(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by) this.turn(by);
    else if (event.key === " ") this.root.classList.toggle("by-hand", (this.byHand = !this.byHand));
    else return;
    event.preventDefault();
  }

  showAlarms() {
    const rows = alarms.list();
    for (const place of this.root.querySelectorAll("[data-count]")) showCount(place, Number(place.dataset.count), rows);
    for (const state of HIDDEN) this.hidden(state, alarms.loaded ? rows.filter((row) => row.state === state).length : "—");
    this.hold(rows.filter((row) => row.priority === 1 && UNACKNOWLEDGED.has(row.state)).sort(worstFirst));
  }

  /** Nothing turns away from an alarm of priority 1 that waits for an answer. The newest of them stands in front of the list of all. */
  hold(open) {
    const place = this.root.querySelector(".held");
    const was = this.held;
    this.held = open[0];
    place.hidden = !this.held;
    this.root.classList.toggle("holds", Boolean(this.held));
    if (this.held) {
      place.querySelector(".held-alarm").innerHTML = heldAlarm(this.held, open.length - 1);
      this.showSince();
    }
    if (Boolean(was) !== Boolean(this.held)) this.held ? this.show(this.whileHeld) : this.turn(0);
  }

  showSince() {
    this.root.querySelector(".held .since").textContent = t("for {span}", { span: span(link.now() - this.held.noticed_at) });
  }

  showHidden() {
    const sums = link.summary;
    if (!sums) return;
    this.hidden("inhibited", sums.inhibited);
    this.hidden("bypassed", sums.whole.bypassed);
    this.hidden("exercise", sums.exercise);
  }

  hidden(name, count) {
    const place = this.root.querySelector(`[data-hidden="${name}"]`);
    place.querySelector("b").textContent = count;
    place.classList.toggle("some", count > 0);
  }

  showClock() {
    const now = link.now();
    this.root.querySelector("time").innerHTML = `<b>${clock(now)}</b><small>${day(now)} ${esc(config.zone_word)}</small>`;
  }

  showLink() {
    const lost = link.state === "lost" || link.state === "deaf";
    document.body.classList.toggle("link-lost", lost);
    const bar = this.root.querySelector(".lost");
    bar.hidden = !lost;
    const gone = t("Connection to the node lost for {span}: nothing on this screen is live.", { span: span(link.silence() * 1000) });
    bar.textContent = link.state === "deaf" ? t("The node's core does not answer: nothing on this screen is live and no alarm is decided here now.") : gone;
  }

  showFaults() {
    const bar = this.root.querySelector(".fault");
    bar.hidden = !link.faults.length;
    bar.textContent = link.faults.join(" · ");
  }

  /** The plant or the program is another than this page was made from: it is made anew. */
  isStill(stamp) {
    if (stamp !== config.page) location.reload();
  }
}

function showCount(place, priority, rows) {
  const standing = rows.filter((row) => row.priority === priority && !HIDDEN.has(row.state));
  place.classList.toggle("zero", !standing.length);
  const sign = standing.length ? symbol(priority, commonState(standing)) : symbol(priority).replace("sym p", "sym none p");
  place.innerHTML = `${sign}<b>${alarms.loaded ? standing.length : "—"}</b>`;
}

function heldAlarm(row, rest) {
  const what = label(row.corrective_action);
  return `${symbol(1, row.state)}<div><div class="when">${esc(shortStamp(row.noticed_at, link.now()))} · <span class="since"></span>${rest ? ` · ${esc(t("{n} more unacknowledged", { n: rest }))}` : ""}</div>
    <div class="what"><b>${esc(row.point || row.source)}</b> ${esc(headline(row))}</div>
    <div class="where">${esc(label(row.place_name) || row.place)} · ${esc(label(row.post_name) || row.post)}</div>
    <div class="do">${what ? `<b>${t("What to do")}</b> ${esc(what)}` : t("No corrective action is written for this alarm.")}</div></div>`;
}

whenMounted(".wall", (root) => new Wall(root));
