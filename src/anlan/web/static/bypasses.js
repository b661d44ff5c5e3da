// <anlan-bypasses>: the wall of bypasses. What is bypassed without a standing approval stands first; each approved one with its countdown and
// its compensating measures, proven by readings where they can be.

import { esc, label, t } from "./config.js";
import { countdown, number, stamp } from "./format.js";
import { api, link } from "./link.js";
import { approve, ask, SIGNED } from "./point_forms.js";
import { withKey } from "./security_key.js";
import { toast } from "./shell.js";

const AGAIN = 1_000;
const PROOFS = { holds: "holds", broken: "does not hold", unknown: "unknown" };
const HOURS = [1, 2, 4, 8, 24, 72, 168];

class Bypasses extends HTMLElement {
  connectedCallback() {
    this.innerHTML = `<div class="bypass-list"></div>`;
    this.addEventListener("click", ({ target }) => this.act(target.closest("button[data-act]")?.dataset));
    this.timer = setInterval(() => document.visibilityState === "visible" && !document.querySelector("dialog[open]") && this.load(), AGAIN);
    this.load();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  async load() {
    const answer = await api.get("/api/v1/bypasses");
    if (answer.refused) return;
    this.items = answer.items;
    const shown = answer.items.filter((row) => row.alarm || row.state !== "off" || row.approved || row.open.length);
    const off = answer.items.filter((row) => !shown.includes(row));
    this.querySelector(".bypass-list").innerHTML = `${counts(answer.items)}<div class="cards">${shown.map(card).join("") || `<div class="empty"><strong>${t("Nothing is bypassed.")}</strong></div>`}</div>${offList(off)}`;
  }

  async act(data) {
    if (!data) return;
    if (data.act === "ask") await this.request(data.point);
    else if (data.act === "end") await ask({ title: t("End the approval"), about: esc(data.point), fields: [{ name: "reason", words: t("Reason") }], send: (given) => api.post(`/api/v1/points/${encodeURIComponent(data.point)}/end-bypass-approval`, given), done: t("The approval has ended.") });
    else if (data.act === "approve") await approve(data.request);
    else {
      const answer = await api.post(`/api/v1/requests/${data.request}/${data.act}`, { note: "" });
      toast(answer.refused ? t("Refused: {why}", { why: answer.refused }) : t("Recorded."), !!answer.refused);
    }
    await this.load();
  }

  request(point) {
    return ask({
      title: t("Ask for approval of a bypass"),
      about: esc(point),
      say: t("Ask"),
      fields: [
        { name: "until", words: t("Until"), kind: "hours", choices: HOURS, value: 4 },
        { name: "work_order", words: t("Work order") },
        { name: "reason", words: t("Reason") },
        { name: "measures", words: t("Compensating measures, one a line; “AT-201 <= 1 words” is proven by its reading"), kind: "lines" },
        ...SIGNED(),
      ],
      note: t("Anlan bypasses nothing: this lets a second person approve what is done at the safety system."),
      send: (given) => withKey((body) => api.post(`/api/v1/points/${encodeURIComponent(point)}/bypass`, { ...body, measures: body.measures.map(measureOf) }), given),
      done: t("Asked: it waits for a second person."),
    });
  }
}

/** "AT-201 <= 1 stays low" has a point and a bound; any other line is words. */
function measureOf(line) {
  const found = /^(\S+)\s*(<=|>=|≤|≥)\s*(-?\d+(?:\.\d+)?)\s*(.*)$/.exec(line);
  if (!found) return { text: line };
  const [, point, sign, bound, words] = found;
  return { text: words || line, point, [sign === "<=" || sign === "≤" ? "high" : "low"]: Number(bound) };
}

function counts(items) {
  const of = (test) => items.filter(test).length;
  const fact = (words, n, cls = "") => `<span class="fact${n && cls ? ` ${cls}` : ""}"><small>${t(words)}</small><b>${n}</b></span>`;
  return `<div class="facts">${fact("Bypassed", of((row) => row.state === "on"))}${fact("Without approval", of((row) => row.alarm), "wrong")}${fact("Cannot be seen", of((row) => row.state === "unknown"), "wrong")}${fact("Waiting for approval", of((row) => row.open.length))}${fact("All", items.length)}</div>`;
}

function card(row) {
  const words = row.state === "unknown" ? t("cannot be seen") : row.text ? label(row.text) : t(row.state === "on" ? "bypassed" : "not bypassed");
  const head = row.alarm ? `<strong class="alarm">${t("Without a standing approval")}</strong>` : row.approved ? `<strong>${t("approved")}</strong>` : "";
  const cause = row.cause ? `<a href="/safety">${esc(row.cause.id)}</a> ${esc(label(row.cause.name).replace(row.cause.id, "").trim())}${row.cause.sil ? ` · SIL ${row.cause.sil} ${t("as stated by the plant")}` : ""}` : "";
  return `<section class="panel bypass${row.alarm ? " unapproved" : ""}${row.state === "unknown" ? " unknown" : ""}" data-point="${esc(row.point)}"><header><h2><a href="/points/${esc(row.point)}">${esc(row.point)}</a> <span>${esc(label(row.name))}</span></h2><span class="spacer"></span>${head}</header>
    <div class="body"><p>${esc(words)}${cause ? ` · ${cause}` : ""}</p>${clocks(row)}${approvalWords(row)}${measures(row)}${row.open.map(openCard).join("")}
    <div class="button-row">${row.approved ? `<button class="button" data-act="end" data-point="${esc(row.point)}">${t("End the approval")}</button>` : `<button class="button${row.alarm && !row.open.length ? " main" : ""}" data-act="ask" data-point="${esc(row.point)}">${t("Ask for approval")}</button>`}</div></div></section>`;
}

function clocks(row) {
  const facts = [];
  if (row.approval) facts.push([t("Approval ends in"), countdown((row.approval.until - link.now()) / 1e6)]);
  if (row.left !== null) facts.push([t("By the safety system's own clock"), countdown(row.left)]);
  return facts.length ? `<div class="facts">${facts.map(([words, text]) => `<span class="fact"><small>${words}</small><b class="clock">${text}</b></span>`).join("")}</div>` : "";
}

const approvalWords = (row) => (row.approval ? `<p class="dim">${esc(t("{who}, approved by {other}", { who: row.approval.who_name || "—", other: row.approval.approver_name || "—" }))} · ${esc(`${row.approval.work_order}: ${row.approval.reason}`)} · ${t("until {time}", { time: stamp(row.approval.until) })}</p>` : "");

function measures(row) {
  if (!row.measures.length) return "";
  const line = (one) => `<li class="${one.proof ?? ""}">${esc(one.text)}${one.proof ? ` <b>${t(PROOFS[one.proof])}</b> <small>${esc(one.point)} ${number(one.value, one.decimals)} ${esc(label(one.unit_text ?? {}))}</small>` : ` <small class="dim">${t("only people can say")}</small>`}</li>`;
  return `<h3>${t("Compensating measures")}</h3><ul class="measures">${row.measures.map(line).join("")}</ul>`;
}

function openCard(one) {
  return `<div class="request"><p>${esc(t("{who} asks for approval until {time} for {order}: {reason}", { who: label(one.requester.name), time: stamp(one.until), order: one.work_order, reason: one.reason }))}</p><ul class="measures">${one.measures.map((measure) => `<li>${esc(measure.text)}${measure.point ? ` <small class="dim">${esc(measure.point)} ${measure.low === null ? "" : `≥ ${measure.low}`} ${measure.high === null ? "" : `≤ ${measure.high}`}</small>` : ""}</li>`).join("")}</ul>
    <div class="button-row"><button class="button main" data-act="approve" data-request="${one.id}">${t("Approve")}</button><button class="button" data-act="refuse" data-request="${one.id}">${t("Refuse")}</button></div></div>`;
}

function offList(rows) {
  if (!rows.length) return "";
  const one = (row) => `<li><a href="/points/${esc(row.point)}">${esc(row.point)}</a> <span class="dim">${esc(label(row.name))}</span> <button class="button small" data-act="ask" data-point="${esc(row.point)}">${t("Ask for approval")}</button></li>`;
  return `<section class="panel off"><header><h2>${t("Not bypassed")}</h2><span class="dim">${rows.length}</span></header><ul>${rows.map(one).join("")}</ul></section>`;
}

customElements.define("anlan-bypasses", Bypasses);
