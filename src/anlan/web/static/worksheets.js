// <anlan-worksheets>: the worksheets with their lines counted by colour; <anlan-worksheet sheet>: one of them, to be read, filled in, reviewed and signed.

import { esc, label, t } from "./config.js";
import { stamp } from "./format.js";
import { api } from "./link.js";
import { ask, SIGNED } from "./point_forms.js";
import { withKey } from "./security_key.js";
import { toast } from "./shell.js";
import { against, figure, share } from "./studies.js";
import { brought, newSheet, wizard } from "./worksheet_new.js";
import { matrix } from "./worksheet_matrix.js";
import { Grid, LEVELS, fill, shown } from "./worksheet_grid.js";

const COLOURS = ["red", "orange", "yellow", "blue", "unassessed"];
const STATES = () => ({ draft: t("draft"), reviewed: t("reviewed"), signed: t("is signed") });
const STEPS = () => ({ review: t("reviewed by"), sign: t("signed by") });
const PATH = "/api/v1/risk/worksheets";

const counts = (told) => `<span class="risk-counts">${COLOURS.map((name) => told[name] ? fill(name, told[name]) : `<span class="risk-area none">${LEVELS()[name]} 0</span>`).join("")}</span>`;
const place = (row) => (row.place ? (row.place_gone ? `<span class="gone">${esc(row.place)} · ${t("no longer in the plant")}</span>` : esc(label(row.place_name))) : t("whole plant"));
const edition = (row) => `${esc(label(row.method_name))}${row.unverified ? ` <span class="doubt">${t("not verified against the original text")}</span>` : ""}`;

class Worksheets extends HTMLElement {
  connectedCallback() {
    const may = this.hasAttribute("edits");
    const buttons = may ? `<button class="button main" type="button" data-act="new">${t("New worksheet")}</button><button class="button" type="button" data-act="import">${t("Import a workbook…")}</button><input type="file" accept=".xlsx" hidden>` : "";
    this.innerHTML = `<div class="tools"><input class="field" type="search" placeholder="${t("Filter: title, place, form")}" aria-label="${t("Filter: title, place, form")}">
      <select class="field" aria-label="${t("Risk level")}"><option value="">${t("Every colour")}</option>${COLOURS.map((name) => `<option value="${name}">${LEVELS()[name]}</option>`).join("")}</select>
      <span class="spacer"></span>${buttons}</div><div class="list panel wide-table" tabindex="0"></div>`;
    this.list = this.querySelector(".list");
    this.addEventListener("input", () => this.show());
    this.addEventListener("click", ({ target }) => ({ new: () => this.make(), import: () => this.querySelector("input[type=file]").click() })[target.closest("[data-act]")?.dataset.act]?.());
    this.querySelector("input[type=file]")?.addEventListener("change", ({ target }) => this.upload(target));
    this.load();
  }

  async load() {
    const answer = await api.get(PATH);
    if (answer.refused) return void (this.list.innerHTML = `<div class="empty"><strong>${esc(answer.refused)}</strong></div>`);
    this.rows = answer.items;
    this.show();
  }

  show() {
    const words = this.querySelector("input[type=search]").value.trim().toLowerCase();
    const colour = this.querySelector("select").value;
    const fits = (row) => (!colour || row.counts[colour]) && [row.title, label(row.place_name) ?? "", row.place, label(row.form_name)].join(" ").toLowerCase().includes(words);
    const rows = (this.rows ?? []).filter(fits);
    const heads = ["Title", "Form", "Place", "Risk level", "Scored by", "State", "Version", "Date"];
    this.list.innerHTML = rows.length
      ? `<table class="sheet"><thead><tr>${heads.map((head) => `<th>${t(head)}</th>`).join("")}</tr></thead><tbody>${rows.map(line).join("")}</tbody></table>`
      : `<div class="empty"><strong>${this.rows?.length ? t("No worksheet fits.") : t("No worksheet was made yet.")}</strong></div>`;
  }

  async make() {
    const made = await newSheet();
    if (made) location.assign(`/risk/worksheets/${made.id}`);
  }

  async upload(input) {
    const [file] = input.files;
    input.value = "";
    const made = file && (await brought(file));
    if (made) location.assign(`/risk/worksheets/${made.id}`);
  }
}

function line(row) {
  const unfinished = row.unfinished ? `<small class="dim">${t("{n} lines not filled in", { n: row.unfinished })}</small>` : "";
  const cells = [
    `<a class="strong" href="/risk/worksheets/${esc(row.id)}">${esc(row.title)}</a>`,
    `<span class="nowrap">${esc(label(row.form_name))}</span>`,
    place(row),
    counts(row.counts),
    edition(row),
    `<span class="nowrap">${STATES()[row.state]}</span>${unfinished}`,
    `<span class="nowrap">${t("version {n}", { n: row.number })}</span><small class="dim">${esc(label(row.author))} · ${stamp(row.at)}</small>`,
    `<span class="nowrap">${esc(row.day) || "—"}</span>`,
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

class Worksheet extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", ({ target }) => this.act(target.closest("[data-act]")?.dataset.act, target));
    this.addEventListener("change", ({ target }) => target.matches("input[type=file]") && this.upload(target));
    this.addEventListener("grid-change", () => this.typed());
    this.addEventListener("input", ({ target }) => target.closest(".sheet-head") && this.typed());
    this.addEventListener("toggle", ({ target }) => target.matches("[data-changes]") && target.open && this.changes(target), true);
    addEventListener("beforeunload", (event) => this.dirty && event.preventDefault());
    this.load(new URLSearchParams(location.search).get("number"));
  }

  async load(number) {
    const told = await api.get(`${PATH}/${encodeURIComponent(this.getAttribute("sheet"))}${number ? `?number=${encodeURIComponent(number)}` : ""}`);
    if (told.refused) return void (this.innerHTML = `<div class="empty"><strong>${esc(told.refused)}</strong></div>`);
    this.show(told);
  }

  show(told) {
    this.told = told;
    this.dirty = false;
    this.only = "";
    this.edits = told.may.edit && told.number === told.current;
    this.innerHTML = `${top(told, this.edits)}<div class="notes" role="status"></div>
      <div class="grid-place panel wide-table"></div>
      <div class="beside">${matrix(told)}${links(told)}${versions(told)}</div>`;
    this.offerPlaces();
    if (told.links.some((one) => one.kind === "study" && one.found)) this.askStudies();
    this.grid = new Grid(this.querySelector(".grid-place"), told, this.edits);
    this.tally(told.counts);
  }

  disconnectedCallback() {
    this.stream?.close();
  }

  /** Beside a linked study: what it says now, and as long as the page is open. A LOPA's frequencies are computed there and not typed here. */
  async askStudies() {
    this.stream?.close();
    this.stream = new EventSource("/api/v1/risk/stream");
    this.stream.addEventListener("studies", ({ data }) => this.showStudies(JSON.parse(data).items));
    this.stream.addEventListener("error", () => this.showStudies(null));
    const { items, refused } = await api.get("/api/v1/risk/studies");
    this.showStudies(items ?? null, refused);
  }

  showStudies(items, refused = t("unknown")) {
    for (const said of this.querySelectorAll("[data-study]")) {
      const one = items?.find((row) => row.id === said.dataset.study);
      said.textContent = items ? (one ? saying(one) : t("not computed yet")) : refused;
      said.classList.toggle("doubt", !one?.outcome || Boolean(one.failure) || one.outcome.unknown > 0);
    }
  }

  /** The plant's places, for who types one. */
  async offerPlaces() {
    if (!this.edits) return;
    const places = await api.get("/api/v1/places");
    const list = document.createElement("datalist");
    list.id = "sheet-places";
    list.append(...(places.items ?? []).map((one) => Object.assign(document.createElement("option"), { value: one.path, label: label(one.name) })));
    this.querySelector("form.sheet-head")?.append(list);
    this.querySelector("[name=place]")?.setAttribute("list", list.id);
  }

  typed() {
    this.dirty = true;
    this.querySelector("[data-act=save]")?.removeAttribute("disabled");
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.score(), 250);
  }

  /** The node scores: the page has no arithmetic of its own. */
  async score() {
    const answer = await api.post(`${PATH}/score`, { form: this.told.form, method: this.told.method, lines: this.grid.lines() });
    if (answer.refused) return this.note(answer.refused);
    this.grid.scored(answer);
    if (answer.mistakes.length) return this.note(t("{n} cells can't be kept: they are marked.", { n: answer.mistakes.length }));
    this.note("");
    this.tally(answer.counts);
    this.querySelector(".matrix")?.replaceWith(document.createRange().createContextualFragment(matrix({ ...this.told, lines: answer.lines })));
  }

  note(words) {
    this.querySelector(".notes").innerHTML = words ? `<div class="notice wrong">${esc(words)}</div>` : "";
  }

  /** Each count is a button that leaves the lines of its colour alone. */
  tally(told) {
    this.querySelector(".tally").innerHTML = COLOURS.map((name) => `<button type="button" class="risk-area ${told[name] ? name : "none"}" data-act="only" data-colour="${name}" aria-pressed="${this.only === name}"${told[name] || this.only === name ? "" : " disabled"}>${LEVELS()[name]} <b>${told[name] ?? 0}</b></button>`).join("");
    this.grid.show(this.only);
  }

  content() {
    const head = Object.fromEntries(new FormData(this.querySelector("form.sheet-head")));
    return { ...head, method: this.told.method, lines: this.grid.lines() };
  }

  async act(what, target) {
    if (what === "save") return this.save();
    if (what === "only") {
      const { colour } = target.closest("button").dataset;
      this.only = this.only === colour ? "" : colour;
      for (const one of this.querySelectorAll("[data-act=only]")) one.setAttribute("aria-pressed", String(one.dataset.colour === this.only));
      return this.grid.show(this.only);
    }
    if (what === "line") return this.grid.add();
    if (what === "import") return this.querySelector("input[type=file]").click();
    if (what === "wizard") {
      const lines = await wizard();
      if (lines) this.grid.append(lines);
      return;
    }
    if (what === "review" || what === "sign") {
      const title = what === "review" ? t("Review version {n}", { n: this.told.number }) : t("Sign version {n}", { n: this.told.number });
      const answer = await ask({ title, fields: SIGNED(), note: t("Not by who wrote it. A later version is a draft again."), send: (given) => withKey((body) => api.post(`${PATH}/${this.told.id}/${what}`, { number: this.told.number, ...body }), given), done: t("Recorded.") });
      if (answer) this.show(answer);
    }
  }

  /** What a version changed of the one it was made from, when somebody asks. */
  async changes(place) {
    const answer = await api.get(`${PATH}/${this.told.id}/versions/${place.dataset.changes}/changes`);
    const columns = new Map(this.told.columns.map((one) => [one.name, one]));
    const say = (name, text) => esc(columns.has(name) ? shown(columns.get(name), text) : text);
    const rows = (answer.items ?? []).map((one) => `<li><b>${esc(one.line)}</b> ${esc(label(columns.get(one.column)?.words ?? {}) || one.column)} <del>${say(one.column, one.before)}</del> → <ins>${say(one.column, one.after)}</ins></li>`);
    place.querySelector("ul").innerHTML = answer.refused ? `<li>${esc(answer.refused)}</li>` : rows.join("") || `<li class="dim">${t("Nothing differs.")}</li>`;
  }

  async save() {
    const moved = () => this.moved;
    const answer = await ask({
      title: t("Keep as the next version"),
      fields: [{ name: "reason", words: t("Reason for the change") }],
      send: async (given) => {
        const got = await api.put(`${PATH}/${this.told.id}`, { base: this.told.number, ...given, ...this.content() });
        this.moved = got.code === "sheet-moved" ? got : null;
        if (got.code === "sheet-mistakes") this.grid.scored({ lines: [], mistakes: got.facts.mistakes });
        return got.code === "sheet-moved" ? { moved: true } : got;
      },
    });
    if (answer?.moved) return this.rebase(moved());
    if (answer) {
      toast(t("Kept as version {n}.", { n: answer.number }));
      this.show(answer);
    }
  }

  /** Another version came between: what was typed here is laid over it, cell by cell; nothing is lost, and what both changed is named. */
  async rebase(refusal) {
    const typed = this.content();
    const base = new Map(this.told.lines.map((one) => [one.id, one.cells]));
    const theirs = await api.get(`${PATH}/${this.told.id}`);
    if (theirs.refused) return this.note(theirs.refused);
    const mine = new Map(typed.lines.map((one) => [one.id, one.cells]));
    const lines = [];
    for (const one of theirs.lines) {
      const own = mine.get(one.id);
      const was = base.get(one.id) ?? {};
      if (!own && base.has(one.id)) continue; // taken out here
      const cells = { ...one.cells };
      for (const name of own ? new Set([...Object.keys(own), ...Object.keys(was)]) : []) if ((own[name] ?? "") !== (was[name] ?? "")) cells[name] = own[name] ?? "";
      lines.push({ ...one, cells, score: own ? undefined : one.score });
    }
    for (const one of typed.lines) if (!base.has(one.id)) lines.push({ id: "", cells: one.cells, missing: [] });
    this.show({ ...theirs, lines });
    this.told.lines = theirs.lines;
    this.typed();
    const both = refusal.facts.clashing.map((one) => t("line {line}, {column}: theirs “{theirs}”, yours “{yours}”", one)).join(" · ");
    this.note(`${refusal.refused} ${both ? `${t("Changed by both, yours stands here:")} ${both}` : t("Nobody changed what you changed.")}`);
  }

  async upload(input) {
    const [file] = input.files;
    input.value = "";
    const made = file && (await brought(file));
    if (made) location.assign(`/risk/worksheets/${made.id}`);
  }
}

function top(told, edits) {
  const signed = told.signatures.map((one) => `<span>${STEPS()[one.step]} <b>${esc(label(one.name))}</b> <small class="dim">${stamp(one.at)}</small></span>`).join("");
  const doubt = told.unchanged ? "" : `<div class="notice wrong" role="alert">${t("This version is no longer what was kept: its hash does not match.")}</div>`;
  const old = told.number === told.current ? "" : `<div class="notice">${t("An earlier version; current is version {n}.", { n: told.current })} <a href="/risk/worksheets/${esc(told.id)}">${t("Show it")}</a></div>`;
  const field = (name, words) => `<label class="labelled">${words}<input class="field" name="${name}" value="${esc(told[name])}" maxlength="300"${edits ? "" : " readonly"}></label>`;
  const sign = told.may.sign && told.number === told.current && told.state !== "signed" ? `<button class="button" type="button" data-act="${told.state === "draft" ? "review" : "sign"}">${told.state === "draft" ? t("Review as another person…") : t("Sign…")}</button>` : "";
  const write = edits ? `<button class="button main" type="button" data-act="save" disabled>${t("Save…")}</button><button class="button" type="button" data-act="line">${t("Add a line")}</button>${told.form === "hazop" ? `<button class="button" type="button" data-act="wizard">${t("Deviations of a node…")}</button>` : ""}<button class="button" type="button" data-act="import">${t("Import a workbook…")}</button><input type="file" accept=".xlsx" hidden>` : "";
  return `${doubt}${old}<header class="sheet-top"><h2>${esc(told.title)}</h2><span class="dim">${esc(label(told.form_name))} · ${t("version {n}", { n: told.number })} · ${esc(label(told.author))} · ${stamp(told.at)}</span><strong class="state">${STATES()[told.state]}</strong>${signed}<span class="spacer"></span><span class="tally"></span></header>
    <form class="sheet-head" onsubmit="return false">${field("title", t("Title"))}${field("place", t("Place"))}${field("team", t("Team"))}${field("day", t("Date"))}<div class="scored-by"><span class="dim">${t("Scored by")}</span> ${edition(told)}<br><small class="dim">${esc(label(told.scale.clause))} · ${esc(label(told.scale.source))}</small></div></form>
    <div class="tools">${write}${sign}<span class="spacer"></span><a class="button" href="${PATH}/${esc(told.id)}/book?number=${told.number}" download>${t("Export as a workbook")}</a><a class="button" target="_blank" href="/api/v1/print/worksheet?id=${esc(told.id)}&number=${told.number}">${t("Print")}</a></div>`;
}

const KINDS = () => ({ place: t("place"), point: t("point"), barrier: t("barrier"), document: t("document"), study: t("study") });

function links(told) {
  const address = (one) => ({ place: `/places/${one.id.split("/").map(encodeURIComponent).join("/")}`, point: `/points/${encodeURIComponent(one.id)}`, study: `/risk/studies/${encodeURIComponent(one.id)}` })[one.kind];
  const rows = told.links.map((one) => {
    const name = `${esc(one.id)} <span class="dim">${esc(label(one.name) === one.id ? "" : label(one.name))}</span>`;
    const said = one.kind === "study" && one.found ? ` <b data-study="${esc(one.id)}"></b>` : "";
    const state = { true: "", false: `<span class="gone">${t("no longer in the plant")}</span>`, null: `<span class="doubt">${t("unknown")}</span>` }[String(one.found)];
    return `<li><span class="dim">${KINDS()[one.kind]}</span> ${one.found && address(one) ? `<a href="${address(one)}">${name}</a>` : name}${said} ${state}</li>`;
  });
  return `<section class="panel"><header><h3>${t("Linked to")}</h3></header>${rows.length ? `<ul class="body plain">${rows.join("")}</ul>` : `<p class="body dim">${t("No line is linked to anything yet.")}</p>`}</section>`;
}

function saying({ outcome, failure }) {
  if (!outcome || failure) return failure ? label(failure) : t("not computed yet");
  if (outcome.value === null) return `${t("unknown")} · ${outcome.reasons.map(label).join(" · ")}`;
  const over = outcome.target && outcome.value > outcome.target ? ">" : "≤";
  const target = outcome.target ? ` ${over} ${t("target")} ${figure(outcome.target)} ${outcome.unit}` : "";
  const unknown = outcome.unknown ? ` · ${t("Unknown")} ${share(outcome.unknown)}` : "";
  return `${figure(outcome.value)} ${outcome.unit}${target} · ${t("Against baseline")} ${against(outcome)}${unknown}`;
}

function versions(told) {
  const rows = told.versions.map((one) => `<li><a href="/risk/worksheets/${esc(told.id)}?number=${one.number}"${one.number === told.number ? ' aria-current="true"' : ""}>${t("version {n}", { n: one.number })}</a> ${STATES()[one.state]} <span class="dim">${esc(label(one.author))} · ${stamp(one.at)}</span><br><span>${esc(one.reason)}</span>${one.origin ? ` <small class="dim">${esc(one.origin)}</small>` : ""}${one.base ? `<details data-changes="${one.number}"><summary>${t("What changed")}</summary><ul></ul></details>` : ""}</li>`);
  return `<section class="panel"><header><h3>${t("Versions")}</h3></header><ul class="body plain">${rows.join("")}</ul></section>`;
}

customElements.define("anlan-worksheets", Worksheets);
customElements.define("anlan-worksheet", Worksheet);
