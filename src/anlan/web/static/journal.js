// <anlan-journal>: every transition, newest first, page by page; new ones come in on top as they happen.

import { alarms, kindWords, stateWords, symbol } from "./alarms.js";
import { esc, label, t } from "./config.js";
import { clockMillis, day, stamp } from "./format.js";
import { api } from "./link.js";
import { figure } from "./sentences.js";
import { happened } from "./story.js";

/** Beyond every position: the newest rows come first. */
const NEWEST = "4611686018427387904";

class Journal extends HTMLElement {
  connectedCallback() {
    this.filter = new URLSearchParams(location.search).get("point") ?? "";
    this.innerHTML = frame(this.filter);
    this.body = this.querySelector("tbody");
    this.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.filter = this.querySelector("input").value.trim();
      this.anew();
    });
    this.querySelector(".more").addEventListener("click", () => this.more());
    this.update = () => this.soon();
    alarms.addEventListener("change", this.update);
    this.anew();
  }

  disconnectedCallback() {
    alarms.removeEventListener("change", this.update);
    clearTimeout(this.timer);
  }

  /** Changes come in bursts; the journal is read once they pause, and only while its top is on screen. */
  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => scrollY < 200 && this.anew(), 400);
  }

  anew() {
    return this.read(`/api/v1/journal?before=${NEWEST}&limit=100${this.query()}`, true);
  }

  more() {
    return this.read(`/api/v1/journal?limit=100&before=${this.oldest}${this.query()}`, false);
  }

  query() {
    return this.filter ? `&point=${encodeURIComponent(this.filter)}` : "";
  }

  async read(address, whole) {
    const answer = await api.get(address);
    const note = this.querySelector(".form-error");
    note.textContent = answer.refused ?? "";
    if (answer.refused) return;
    const lines = answer.items.map(line).join("");
    whole ? (this.body.innerHTML = lines) : this.body.insertAdjacentHTML("beforeend", lines);
    this.oldest = answer.next;
    this.querySelector(".more").hidden = answer.next === null;
    this.querySelector(".empty").hidden = this.body.children.length > 0;
  }
}

function frame(filter) {
  const heads = ["", "Noticed", "Data time", "Point", "Alarm", "What happened", "State", "Value", "Limit", "By", "Reason"];
  return `<form class="journal-tools"><input class="field" type="search" value="${esc(filter)}" placeholder="${t("Only this point: its tag")}" aria-label="${t("Only this point: its tag")}"><button class="button">${t("Show")}</button><span class="form-error"></span></form>
    <div class="panel" style="overflow:auto"><table class="sheet journal"><thead><tr>${heads.map((head) => `<th>${head && t(head)}</th>`).join("")}</tr></thead><tbody></tbody></table>
    <div class="empty" hidden><strong>${t("Nothing has happened yet.")}</strong><span>${t("Each change of an alarm and each step of a person is written here, with both times.")}</span></div></div>
    <p style="margin-top:10px"><button type="button" class="button more" hidden>${t("Older")}</button></p>`;
}

function line(item) {
  const who = [item.who_name || item.who, label(item.post_name) || item.post].filter(Boolean).join(" · ");
  const cells = [
    symbol(item.priority, item.after === "NORMAL" ? "ACKNOWLEDGED" : item.after).replace(" flash", ""),
    `<span class="nowrap">${stamp(item.noticed_at)}</span>`,
    `<span class="nowrap dim">${day(item.happened_at) === day(item.noticed_at) ? "" : `${day(item.happened_at)} `}${clockMillis(item.happened_at)}</span>`,
    `<a class="strong nowrap" href="${item.point ? `/points/${encodeURIComponent(item.point)}` : "/sources"}">${esc(item.point || item.source)}</a>`,
    `${esc(label(item.name))} <span class="dim">${esc(kindWords(item.kind))}</span>`,
    `<span class="strong">${esc(happened(item))}</span>`,
    esc(stateWords(item.after)),
    item.value === null || item.kind === "VIEW" ? "" : `<span class="nowrap">${esc(figure(item, item.value))}</span>`,
    item.limit === null ? "" : `<span class="nowrap">${esc(figure(item, item.limit))}</span>`,
    esc(who),
    esc(item.reason),
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

customElements.define("anlan-journal", Journal);
