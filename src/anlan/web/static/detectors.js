// <anlan-detectors>: every gas and fire detector with its value, quality, mode and calibration; the vote in force of each group; and 标定模式:
// calibrate a detector step by step, its T90 from its own readings.

import { symbol } from "./alarms.js";
import { esc, label, t } from "./config.js";
import { countdown, number, shortStamp, span, stamp } from "./format.js";
import { api, link } from "./link.js";
import { approve, ask, SIGNED } from "./point_forms.js";
import { qualityWords } from "./quality.js";
import { withKey } from "./security_key.js";
import { toast } from "./shell.js";

const AGAIN = 1_000;
const MODES = { inhibited: "inhibited", calibrating: "calibrating", approved: "approved" };
const HEALTH = { calibrating: "calibrating", inhibited: "inhibited", faulty: "faulty", unseen: "not seen" };
const COUNTS = { alarm: "counts as alarm", left: "leaves the vote" };
const HOURS = [0.5, 1, 2, 4];
const DAYS = [1, 4, 8, 24, 72, 168];

class Detectors extends HTMLElement {
  connectedCallback() {
    this.chosen = new URLSearchParams(location.search).get("point");
    this.test = null;
    this.innerHTML = `<section class="panel votes" aria-label="${t("Voting groups")}"></section><section class="panel list"><div class="wide-table"></div></section><section class="panel one" aria-live="polite"></section>`;
    this.querySelector(".list").addEventListener("click", ({ target }) => this.choose(target.closest("tr[data-point]")?.dataset.point));
    this.querySelector(".list").addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.choose(event.target.closest("tr[data-point]")?.dataset.point);
    });
    this.querySelector(".one").addEventListener("click", ({ target }) => this.act(target.closest("button[data-act]")?.dataset.act));
    this.timer = setInterval(() => document.visibilityState === "visible" && this.load(), AGAIN);
    this.load();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  async load() {
    const answer = await api.get("/api/v1/detectors");
    if (answer.refused) return;
    this.answer = answer;
    this.showVotes();
    this.showList();
    if (!this.chosen && answer.items.length) await this.choose(answer.items[0].point);
    else await this.follow();
  }

  one() {
    return this.answer?.items.find((row) => row.point === this.chosen);
  }

  async choose(point) {
    if (!point) return;
    this.chosen = point;
    this.test = null;
    history.replaceState(history.state, "", `?point=${encodeURIComponent(point)}`);
    await this.more();
  }

  /** What is asked once a detector, not once a second. */
  async more() {
    const at = encodeURIComponent(this.chosen);
    [this.past, this.demanded, this.told] = await Promise.all([api.get(`/api/v1/points/${at}/calibrations`), api.get(`/api/v1/points/${at}/calibration`), api.get(`/api/v1/points/${at}/modes`)]);
    this.asked = link.now();
    this.showList();
    this.showOne();
  }

  async follow() {
    if (!this.chosen || !this.one()) return;
    if (this.test) {
      const answer = await api.get(`/api/v1/points/${encodeURIComponent(this.chosen)}/calibration/response?gas_on=${this.test}`);
      if (!answer.refused) this.measured = answer;
    }
    if (link.now() - (this.asked ?? 0) > 5e6) return this.more();
    this.showOne();
  }

  showVotes() {
    const place = this.querySelector(".votes");
    place.hidden = !this.answer.votes.length;
    place.innerHTML = `<header><h2>${t("Voting groups")}</h2></header><div class="body">${this.answer.votes.map(voteWords).join("")}</div>`;
  }

  showList() {
    if (!this.answer) return;
    const heads = ["Detector", "Value", "Quality", "Limits", "Principle", "Calibration due"];
    const rows = this.answer.items.map((row) => listRow(row, row.point === this.chosen));
    const focused = document.activeElement?.closest?.("tr[data-point]")?.dataset.point;
    this.querySelector(".list > div").innerHTML = rows.length
      ? `<table class="sheet"><thead><tr>${heads.map((head) => `<th>${t(head)}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`
      : `<div class="empty"><strong>${t("This plant has no gas or fire detectors.")}</strong></div>`;
    if (focused) this.querySelector(`tr[data-point="${CSS.escape(focused)}"]`)?.focus();
  }

  showOne() {
    const row = this.one();
    const place = this.querySelector(".one");
    if (!row || !this.past) return;
    const calibrating = row.modes.find((mode) => mode.mode === "calibrating");
    place.innerHTML = `<header><h2><a href="/points/${esc(row.point)}">${esc(row.point)}</a> <span>${esc(label(row.name))}</span></h2></header>
      <div class="body">
        <div class="now"><b class="value ${valueClass(row)}">${figure(row)}</b> <span class="dim">${esc(label(row.unit_text))}</span> <span class="words">${esc(qualityOf(row))}</span></div>
        ${row.modes.map((mode) => modeWords(mode)).join("")}
        ${this.openRequests()}
        ${calibrating ? this.wizard(row) : actions(row)}
        <h3>${t("Calibrations")}</h3>${pastTable(this.past.items ?? [])}
        <h3>${t("What is demanded")}</h3>${demandedWords(this.demanded)}
      </div>`;
  }

  openRequests() {
    const open = (this.told?.requests ?? []).filter((one) => ["open", "deciding"].includes(one.state) && one.kind === "inhibit");
    return open.map((one) => requestCard(one)).join("");
  }

  wizard(row) {
    const applied = !!this.test;
    const measured = this.measured && applied ? this.measured : null;
    const fact = (words, text) => `<span class="fact"><small>${t(words)}</small><b>${text}</b></span>`;
    return `<div class="wizard"><ol>
        <li class="done">${t("Calibration mode is on: readings are no evidence, and its quality alarms are suppressed.")}</li>
        <li class="${applied ? "done" : "now"}">${t("Apply the gas and press the button at that moment.")} <button class="button${applied ? "" : " main"}" data-act="gas">${t(applied ? "Gas applied again" : "Gas applied now")}</button></li>
        <li class="${measured?.settled ? "done" : applied ? "now" : ""}">${t("Wait until the reading has settled.")}
          ${measured ? `<div class="facts">${fact("Since the gas", span(link.now() - this.test))}${fact("Baseline", number(measured.baseline, row.decimals))}${fact("Settled at", measured.settled ? number(measured.final, row.decimals) : "—")}${fact("T90", measured.t90 === null ? "—" : `${number(measured.t90, 1)} s`)}${fact("Known to", measured.resolution === null ? "—" : `± ${number(measured.resolution, 1)} s`)}</div>` : ""}</li>
        <li>${t("Write down what was found and end calibration mode.")} <button class="button" data-act="finish">${t("Record and end")}</button> <button class="button" data-act="abandon">${t("End without a result")}</button></li>
      </ol></div>`;
  }

  async act(what) {
    const row = this.one();
    if (!what || !row) return;
    if (what === "gas") {
      this.test = Math.round(link.now());
      this.measured = null;
      return this.follow();
    }
    if (what.startsWith("request:")) return this.decide(what);
    const at = `/api/v1/points/${encodeURIComponent(row.point)}`;
    const about = `<b>${esc(row.point)}</b> ${esc(label(row.name))}`;
    await FORMS[what](row, at, about, this);
    await this.load();
    await this.more();
  }

  async decide(what) {
    const [, verdict, id] = what.split(":");
    if (verdict === "approve") return void ((await approve(id)) && (await this.more()));
    const answer = await api.post(`/api/v1/requests/${id}/${verdict}`, { note: "" });
    toast(answer.refused ? t("Refused: {why}", { why: answer.refused }) : t("Recorded."), !!answer.refused);
    await this.more();
  }
}

const REASON = { name: "reason", words: t("Reason") };

const FORMS = {
  calibrate: (row, at, about) => ask({ title: t("Calibrate"), about, say: t("Begin calibration mode"), fields: [{ name: "until", words: t("For how long at most"), kind: "hours", choices: HOURS, value: 1 }, { name: "work_order", words: t("Work order") }, REASON], note: t("Its readings count as calibration; a vote takes it out by its own rule. It ends by itself."), send: (given) => api.post(`${at}/calibrate`, { until: given.until, work_order: given.work_order, reason: given.reason }), done: t("Calibration mode is on.") }),
  inhibit: (row, at, about) => ask({ title: t("Inhibit"), about, fields: [{ name: "until", words: t("Until"), kind: "hours", choices: DAYS, value: 8 }, { name: "work_order", words: t("Work order") }, REASON, ...SIGNED()], note: t("A detector of gas or fire waits for the approval of a second person."), send: (given) => withKey((body) => api.post(`${at}/inhibit`, body), given), done: (answer) => (answer.state === "open" ? t("Asked: it waits for a second person.") : t("Inhibited.")) }),
  back: (row, at, about) => ask({ title: t("Bring back"), about, fields: [REASON], send: (given) => api.post(`${at}/end-inhibit`, given), done: t("It counts again.") }),
  reset: (row, at, about) => ask({ title: t("Reset over range"), about, fields: [REASON], note: t("Only after the detector was reset on site."), send: (given) => api.post(`${at}/reset-over-range`, given), done: t("Reset.") }),
  abandon: (row, at, about) => ask({ title: t("End without a result"), about, fields: [REASON], send: (given) => api.post(`${at}/end-calibration`, { reason: given.reason, result: "incomplete" }), done: (answer) => recorded(answer, t("Recorded as incomplete.")) }),
  finish: (row, at, about, page) =>
    ask({
      title: t("Record and end"),
      about,
      fields: [
        { name: "gas", words: t("Calibration gas and bottle"), needed: false, value: row.gas },
        { name: "applied", words: `${t("Applied concentration")} [${label(row.unit_text)}]`, kind: "number" },
        { name: "as_found", words: `${t("As found")} [${label(row.unit_text)}]`, kind: "number", value: page.measured?.settled ? page.measured.final.toFixed(row.decimals) : "" },
        { name: "as_left", words: `${t("As left")} [${label(row.unit_text)}]`, kind: "number" },
        { name: "certificate", words: t("Certificate number"), needed: false },
        { name: "result", words: t("Result"), kind: "choice", choices: [["pass", t("passed")], ["fail", t("failed")], ["incomplete", t("incomplete")]] },
        REASON,
      ],
      send: (given) => api.post(`${at}/end-calibration`, { ...given, gas_on: page.test }),
      done: (answer) => recorded(answer, t("Recorded.")),
    }),
};

/** The record is kept; whether the mode ended with it is another matter. */
function recorded(answer, words) {
  return answer.ended ? words : `${words} ${t("Calibration mode was not ended: {why}", { why: label(answer.why) })}`;
}

function actions(row) {
  const inhibited = row.modes.some((mode) => mode.mode === "inhibited");
  const latched = row.quality.reason === "over_range_latched";
  return `<div class="button-row"><button class="button main" data-act="calibrate">${t("Calibrate")}</button><button class="button" data-act="${inhibited ? "back" : "inhibit"}">${t(inhibited ? "Bring back" : "Inhibit")}</button>${latched ? `<button class="button" data-act="reset">${t("Reset over range")}</button>` : ""}</div>`;
}

function requestCard(one) {
  return `<div class="request"><p>${esc(t("{who} asks to inhibit it until {time} for {order}: {reason}", { who: label(one.requester.name), time: stamp(one.until), order: one.work_order, reason: one.reason }))}</p>
    <div class="button-row"><button class="button main" data-act="request:approve:${one.id}">${t("Approve")}</button><button class="button" data-act="request:refuse:${one.id}">${t("Refuse")}</button></div></div>`;
}

function voteWords(vote) {
  const out = vote.members.filter((member) => member.health !== "healthy");
  const said = vote.members.filter((member) => member.health === "healthy" && member.device_says);
  const words = out.map((member) => `${member.id} ${t(HEALTH[member.health])}${member.counts === "votes" ? "" : `, ${t(COUNTS[member.counts])}`}`);
  words.push(...said.map((member) => t("{id} says of itself that it is calibrating, and still votes here", { id: member.id })));
  const force = vote.degraded ? `${vote.designed} → ${vote.nobody ? t("nobody votes") : vote.in_force}` : vote.designed;
  return `<div class="vote${vote.degraded ? " degraded" : ""}${vote.met ? " met" : ""}"><b>${esc(vote.id)}</b> <span>${esc(label(vote.name))}</span> <strong>${esc(force)}</strong> <span class="dim">${esc(words.join(" · "))}</span>${vote.met === null ? ` <span class="unknown">${t("unknown")}</span>` : vote.met ? ` <em>${t("vote stands")}</em>` : ""}</div>`;
}

function listRow(row, chosen) {
  const limits = Object.entries(row.limits).map(([kind, limit]) => `${kind} ${number(limit, row.decimals)}`);
  const due = row.due === null ? "—" : `${row.due}${row.overdue ? ` <em>${t("overdue")}</em>` : row.days_left <= 30 ? ` <span class="dim">${t("{n} d", { n: row.days_left })}</span>` : ""}`;
  const modes = row.modes.map((mode) => ` <span class="mode">${t(MODES[mode.mode])}</span>`).join("");
  return `<tr data-point="${esc(row.point)}" tabindex="0" aria-selected="${chosen}" class="${valueClass(row)}"><td>${row.alarms.length ? `${symbol(row.alarms[0].priority, row.alarms[0].state)} ` : ""}<b>${esc(row.point)}</b> <span class="dim">${esc(label(row.name))}</span></td>
    <td class="number"><b>${figure(row)}</b> <small>${esc(label(row.unit_text))}</small></td><td>${esc(qualityOf(row))}${modes}</td><td class="dim">${limits.join(" · ") || "—"}</td><td class="dim">${row.principle ? esc(label(row.principle)) : t("not stated")}</td><td class="${row.overdue ? "late" : ""}">${due}</td></tr>`;
}

function valueClass(row) {
  if (row.quality.severity === "bad" || row.value === null) return "unknown";
  return row.quality.severity === "uncertain" || row.device_says ? "uncertain" : "";
}

const figure = (row) => (row.states ? esc(label(row.states[String(row.value)]) || "—") : number(row.value, row.decimals));

/** What a detector says of itself counts before its plain reading. */
function qualityOf(row) {
  const words = qualityWords(row.quality.word);
  if (!row.device_says) return words || t("good");
  const says = t("says of itself that it is calibrating");
  return row.quality.severity === "good" ? `${t("uncertain")} · ${says}` : `${words} · ${says}`;
}

function modeWords(mode) {
  const by = mode.approver_name ? t("{who}, approved by {other}", { who: mode.who_name || "—", other: mode.approver_name }) : mode.who_name || "—";
  const left = mode.until === null ? "" : ` · ${t("{left} left", { left: countdown((mode.until - link.now()) / 1e6) })}`;
  return `<p class="mode-line"><span class="mode">${t(MODES[mode.mode])}</span> ${esc(by)} · ${esc([mode.work_order, mode.reason].filter(Boolean).join(": "))}${left}</p>`;
}

function pastTable(items) {
  if (!items.length) return `<p class="dim">${t("No calibration is recorded here.")}</p>`;
  const row = (one) => `<tr><td>${shortStamp(one.ended_at, link.now())}</td><td>${esc(label(one.who))}</td><td class="number">${number(one.applied, 2)}</td><td class="number">${number(one.as_found, 2)}</td><td class="number">${number(one.as_left, 2)}</td><td class="number">${one.t90 === null ? "—" : `${number(one.t90, 1)} s`}</td><td>${t(RESULTS[one.result])}</td><td>${esc(one.certificate || "—")}</td></tr>`;
  return `<div class="wide-table"><table class="sheet"><thead><tr>${["Time", "By", "Applied", "As found", "As left", "T90", "Result", "Certificate"].map((head) => `<th>${t(head)}</th>`).join("")}</tr></thead><tbody>${items.map(row).join("")}</tbody></table></div>`;
}

const RESULTS = { pass: "passed", fail: "failed", incomplete: "incomplete" };

function demandedWords(demanded) {
  if (!demanded || demanded.refused) return "";
  const own = demanded.own ? t("This plant: error {error} % of range, T90 {t90} s, every {interval} d ({basis})", { error: demanded.own.error ?? "—", t90: demanded.own.t90 ?? "—", interval: demanded.own.interval ?? "—", basis: label(demanded.own.basis ?? {}) || "—" }) : t("This plant states no limits of its own: a person judges.");
  const beside = demanded.references.map((one) => `<li class="dim">${esc(`${one.clause}: ${t(one.quantity === "t90" ? "T90" : "error")} ${one.limit} ${one.unit}`)}${one.verified ? "" : ` · ${t("not checked against the original text; decides nothing")}`}</li>`);
  return `<p>${esc(own)}</p><ul>${beside.join("")}</ul>`;
}

customElements.define("anlan-detectors", Detectors);
