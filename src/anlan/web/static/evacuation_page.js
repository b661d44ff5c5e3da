// <anlan-evacuation>: the form that calls a branch, and the calls of this plant, the newest first.

import { esc, label, t } from "./config.js";
import { callForm } from "./evacuation.js";
import { stamp } from "./format.js";
import { api, link } from "./link.js";

class EvacuationPage extends HTMLElement {
  connectedCallback() {
    const places = JSON.parse(this.dataset.places);
    if (this.hasAttribute("may") && places.length) this.append(callForm(places, (call) => api.post("/api/v1/evacuations", call)));
    this.list = Object.assign(document.createElement("section"), { className: "panel" });
    this.append(this.list);
    this.again = () => this.load();
    link.addEventListener("evacuations", this.again);
    this.load();
  }

  disconnectedCallback() {
    link.removeEventListener("evacuations", this.again);
  }

  async load() {
    const answer = await api.get("/api/v1/evacuations");
    if (answer.refused) {
      this.list.innerHTML = `<div class="notice wrong">${esc(answer.refused)}</div>`;
      return;
    }
    const head = ["Time", "Place", "Reason", "Who", "Ended", "Why it was ended"].map((words) => `<th>${t(words)}</th>`).join("");
    const rows = answer.items.map(row).join("");
    const body = rows ? `<table class="sheet"><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table>` : `<p class="nothing dim">${t("No call was ever made here.")}</p>`;
    this.list.innerHTML = `<header><h2>${t("Evacuation calls")}</h2></header><div class="wide-table">${body}</div>`;
  }
}

function row(call) {
  const post = label(call.post_name ?? {}) || call.post;
  const place = `${call.exercise ? `<b>${t("EXERCISE")}</b> ` : ""}${esc(label(call.place_name))}`;
  const ended = call.ended_at ? `${stamp(call.ended_at)} ${esc(label(call.ended_by))}` : `<b>${t("stands")}</b>`;
  return `<tr data-call="${esc(call.id)}"><td>${stamp(call.at)}</td><td>${place}</td><td>${esc(call.reason)}</td><td>${esc(label(call.by))} ${esc(post)}</td><td>${ended}</td><td>${esc(call.end_reason)}</td></tr>`;
}

customElements.define("anlan-evacuation", EvacuationPage);
