// <anlan-study>: one study with its figure, what the plant tells, history, text and versions.
// The figure of a kind is drawn by `study_<kind>.js`: `export function draw(host, told)` — host a section that is its own, told the answer of
// /api/v1/risk/studies/<id>/figure: {outcome, figure, now, …}. It is called again with each new answer and keeps what the person has opened.

import { esc, label, t } from "./config.js";
import { shortStamp, span, stamp } from "./format.js";
import { api } from "./link.js";
import { against, factorText, figure, isWorse, reason, share } from "./studies.js";
import { plantFigures } from "./study_rates.js";
import { Editor } from "./study_editor.js";
import { curve, silence } from "./study_history.js";
import { toast } from "./shell.js";

const AGAIN = 5_000;
const TABS = { figure: "Figure", history: "What it said", text: "Text", versions: "Versions" };

class Study extends HTMLElement {
  connectedCallback() {
    this.id_ = this.getAttribute("study");
    this.may = this.hasAttribute("edits");
    this.innerHTML = frame(this.id_);
    this.addEventListener("click", (event) => this.clicked(event));
    this.editor = new Editor(this.querySelector("[data-part=text]"), this.id_, (row) => this.saved(row));
    if (!this.id_) return this.turn("text", () => this.editor.begin("", {}, null, true));
    this.turn(new URLSearchParams(location.search).get("tab") ?? "figure");
    this.begin();
    this.timer = setInterval(() => document.visibilityState === "visible" && this.look(), AGAIN);
    this.stream = new EventSource("/api/v1/risk/stream");
    this.stream.addEventListener("studies", ({ data }) => {
      const row = JSON.parse(data).items.find((one) => one.id === this.id_);
      if (row?.outcome && row.changed_at !== this.changed) this.look();
      this.changed = row?.changed_at;
    });
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    this.stream?.close();
  }

  async begin() {
    const row = await api.get(`/api/v1/risk/studies/${encodeURIComponent(this.id_)}`);
    this.querySelector(".form-error").textContent = row.refused ?? "";
    if (row.refused) return this.turn("versions");
    this.row = row;
    this.querySelector("[data-part=kind]").textContent = `${label(row.kind_name)} · ${row.place_name ? label(row.place_name) : row.place || ""} · ${t("Version")} ${row.version}`;
    this.editor.begin(row.text, row.attached, row.version, this.may && row.may.edit);
    this.look();
    plantFigures(this.querySelector("[data-part=rates]"), this.id_);
  }

  async look() {
    const told = await api.get(`/api/v1/risk/studies/${encodeURIComponent(this.id_)}/figure`);
    this.querySelector(".form-error").textContent = told.refused ?? "";
    this.classList.toggle("stale", Boolean(told.refused));
    if (told.refused || !this.isConnected) return;
    this.head(told.outcome);
    this.facts(told);
    const host = this.querySelector("[data-part=figure]");
    if (!this.hasAttribute("drawn")) return void (host.innerHTML = `<p class="dim">${t("This kind of study has no figure.")}</p>`);
    this.drawing ??= import(`./study_${told.kind}.js`);
    (await this.drawing).draw(host, told);
  }

  head(outcome) {
    const unit = esc(outcome.unit);
    const bound = outcome.value === null && outcome.bound ? `<div><dt>${t("Bounds")}</dt><dd>${figure(outcome.bound.lower)} … ${figure(outcome.bound.upper)}</dd></div>` : "";
    this.querySelector("dl.facts-line").innerHTML = `<div class="big ${isWorse(outcome) ? "worse" : ""}"><dt>${t("Against baseline")}</dt><dd>${against(outcome)}</dd></div>
      <div><dt>${t("At present")}</dt><dd>${figure(outcome.value)} ${unit}</dd></div><div><dt>${t("Baseline")}</dt><dd>${figure(outcome.baseline)} ${unit}</dd></div>${bound}
      <div><dt>${t("Unknown")}</dt><dd class="${outcome.unknown ? "unknown" : ""}">${outcome.moved.length ? share(outcome.unknown) : "—"}</dd></div>
      <div class="reason"><dt>${t("Reason")}</dt><dd>${esc(reason(outcome).slice(0, 2).join(" · ")) || `<span class="dim">${outcome.moved.length ? t("no fact moves it") : t("nothing is bound to the plant")}</span>`}</dd></div>`;
    this.querySelector(".model").innerHTML = `${esc(label(outcome.model))} ${[...outcome.reasons, ...outcome.limits].map((one) => `<span>${esc(label(one))}</span>`).join(" ")}`;
  }

  facts({ outcome, now }) {
    const html = outcome.moved
      .map(
        (one) => `<tr class="${stateOf(one)}"><td>${esc(label(one.label))}<div class="dim mono">${esc(one.binding)}</div></td><td class="nowrap"><span class="state">${stateWords(one)}</span></td><td>${esc(label(one.why))}${one.since ? `<div class="dim">${t("since {time}", { time: shortStamp(one.since, now) })} · ${span(now - one.since)}</div>` : ""}</td><td class="number">${factorText(one.factor)}</td></tr>`,
      )
      .join("");
    this.querySelector("[data-part=facts] tbody").innerHTML = html;
    this.querySelector("[data-part=facts]").hidden = !html;
  }

  async turn(tab, then) {
    this.tab = tab in TABS ? tab : "figure";
    for (const one of this.querySelectorAll("[data-tab]")) one.setAttribute("aria-selected", one.dataset.tab === this.tab ? "true" : "false");
    for (const one of this.querySelectorAll("[data-of]")) one.hidden = one.dataset.of !== this.tab;
    if (this.id_) history.replaceState(null, "", this.tab === "figure" ? location.pathname : `?tab=${this.tab}`);
    then?.();
    if (this.tab === "history") this.showHistory();
    if (this.tab === "versions") this.showVersions();
  }

  async showHistory() {
    const { items, refused } = await api.get(`/api/v1/risk/studies/${encodeURIComponent(this.id_)}/history`);
    const host = this.querySelector("[data-part=history]");
    if (refused) return void (host.innerHTML = `<p class="form-error">${esc(refused)}</p>`);
    const rows = items.toReversed().map(
      (one) => `<tr><td class="nowrap">${stamp(one.at)}</td><td class="number factor">${factorText(one.factor)}</td><td class="number">${figure(one.value)}</td><td class="number">${share(one.unknown)}</td><td>${esc(silence(one) ?? reason({ moved: one.facts }).join(" · ")) || "—"}</td><td class="number dim">${one.version}</td></tr>`,
    );
    host.innerHTML = `${curve(items)}<div class="wide-table"><table class="sheet"><thead><tr><th>${t("Time")}</th><th class="number">${t("Against baseline")}</th><th class="number">${t("Value")}</th><th class="number">${t("Unknown")}</th><th>${t("Reason")}</th><th class="number">${t("Version")}</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>${rows.length ? "" : `<p class="empty">${t("It has said nothing within a day.")}</p>`}`;
  }

  async showVersions() {
    const { items, refused } = await api.get(`/api/v1/risk/studies/${encodeURIComponent(this.id_)}/versions`);
    const host = this.querySelector("[data-part=versions]");
    if (refused) return void (host.innerHTML = `<p class="form-error">${esc(refused)}</p>`);
    const newest = items[0];
    this.newest = newest;
    host.innerHTML = `<table class="sheet"><thead><tr><th class="number">${t("Version")}</th><th>${t("Time")}</th><th>${t("By")}</th><th>${t("Reason")}</th><th class="number">${t("Made from")}</th><th></th></tr></thead><tbody>${items
      .map(
        (one) => `<tr><td class="number">${one.version}</td><td class="nowrap">${stamp(one.at)}</td><td>${esc(one.author)}</td><td>${esc(one.reason)}${one.removed ? ` <b>${t("ended")}</b>` : ""}</td><td class="number dim">${one.base ?? "—"}</td><td class="number">${this.may && one !== newest && !one.removed ? `<button type="button" class="button quiet" data-back="${one.version}">${t("Bring back")}</button>` : ""}</td></tr>`,
      )
      .join("")}</tbody></table>
      <form class="back" hidden><label class="labelled">${t("Reason")}<input class="field" name="reason" minlength="3" maxlength="500" required></label><div class="button-row"><button class="button main">${t("Bring back")}</button></div></form>`;
    host.querySelector("form").addEventListener("submit", (event) => this.bringBack(event));
  }

  async bringBack(event) {
    event.preventDefault();
    const base = this.newest.removed ? null : this.newest.version;
    const answer = await api.post(`/api/v1/risk/studies/${encodeURIComponent(this.id_)}/versions/${this.back}/bring-back`, { base, reason: event.target.elements.reason.value });
    if (answer.refused) return toast(answer.refused);
    this.saved(answer);
  }

  clicked({ target }) {
    const tab = target.closest("[data-tab]")?.dataset.tab;
    if (tab) return this.turn(tab);
    const back = target.closest("[data-back]")?.dataset.back;
    if (back) {
      this.back = back;
      const form = this.querySelector("form.back");
      form.hidden = false;
      form.elements.reason.value = "";
      form.elements.reason.placeholder = `${t("Version")} ${back}`;
      form.elements.reason.focus();
    }
  }

  saved(row) {
    toast(t("Kept as version {n}", { n: row.version }));
    if (!this.id_) return void (location.href = `/risk/studies/${encodeURIComponent(row.id)}`);
    this.begin();
    if (this.tab === "versions") this.showVersions();
  }
}

export const stateOf = (one) => (one.state === null || one.state === undefined ? "unknown" : one.state ? "true" : "false");

export function stateWords(one) {
  const said = { true: t("holds"), false: t("does not hold"), unknown: t("unknown") }[stateOf(one)];
  return stateOf(one) === "unknown" && one.last ? `${said} · ${t("last held")}` : said;
}

const frame = (id) => `
  <header class="study-head"><div><a href="/risk/studies" class="dim">‹ ${t("Studies")}</a><span class="dim" data-part="kind"></span></div><dl class="facts-line"></dl></header>
  <div class="form-error" role="alert"></div>
  <div class="views"><div role="tablist">${Object.entries(TABS)
    .map(([tab, words]) => `<button type="button" role="tab" data-tab="${tab}" ${id ? "" : tab === "text" ? "" : "hidden"}>${t(words)}</button>`)
    .join("")}</div><span class="spacer"></span>${id ? `<a class="button quiet" target="_blank" href="/api/v1/print/risk/studies/${encodeURIComponent(id)}">${t("Print")}</a>` : ""}</div>
  <div class="study-body" data-of="figure"><section data-part="figure"></section>
    <section class="panel" data-part="facts" tabindex="0" hidden><header><h2>${t("What the plant tells")}</h2></header><div class="wide-table"><table class="sheet"><thead><tr><th>${t("Event and fact")}</th><th>${t("State")}</th><th>${t("Reason")}</th><th class="number">${t("Factor alone")}</th></tr></thead><tbody></tbody></table></div></section>
    <section class="panel" data-part="rates" tabindex="0" hidden></section>
    <p class="model dim"></p></div>
  <section class="panel study-part" data-of="history" data-part="history" tabindex="0" hidden></section>
  <section class="study-part" data-of="text" data-part="text" hidden></section>
  <section class="panel study-part" data-of="versions" data-part="versions" tabindex="0" hidden></section>`;

customElements.define("anlan-study", Study);
