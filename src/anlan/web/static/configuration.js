// <anlan-configuration>: points, alarms and classes in tables; edits gather in a draft that is tried, seen and put into force together; requests
// that wait for a second person; versions, their differences, and the way back.

import { kindWords, symbol } from "./alarms.js";
import { config, esc, label, t } from "./config.js";
import { editOf, formOf, showMistakes, words } from "./configuration_form.js";
import { PLACES, block, placeOf, requestDetails, requestLine, reviewOf, versionLine } from "./configuration_review.js";
import { stamp } from "./format.js";
import { api, link } from "./link.js";
import { ask, SIGNED } from "./point_forms.js";
import { withKey } from "./security_key.js";
import { toast } from "./shell.js";

const SHOWN = 500;
const TABS = { point: "Points", alarm: "Alarms", class: "Alarm classes", source: "Sources", place: "Places", requests: "Requests", versions: "Versions" };
const HEADS = {
  point: ["Point", "Name", "Place", "Kind", "Unit", "Range", "Source", "Address", "Reporting period", "Guards"],
  alarm: ["", "Alarm", "Name", "Limit", "Dead-band", "Delays", "Post", "Class", "In use", "Guards"],
  class: ["Class", "Name", "Comment needed", "May be shelved", "Longest", "Test every", "Review every", "Training"],
  source: ["Source", "Name", "Driver", "Options", "Keep-alive", "Points", "Guards"],
  place: ["Name", "Place", "Post", "Points"],
  requests: ["State", "Asked", "By", "Loosened", "Reason", "Decided", "Version"],
  versions: ["Version", "Time", "By", "Reason"],
};
const KEPT = `anlan-draft-${config.account}`;

class Configuration extends HTMLElement {
  connectedCallback() {
    this.may = this.hasAttribute("configures");
    for (const [path, name] of Object.entries(JSON.parse(this.getAttribute("places")))) PLACES.set(path, name);
    const given = new URLSearchParams(location.search);
    this.tab = given.get("tab") in TABS ? given.get("tab") : "point";
    this.edits = this.may ? kept() : [];
    /** What was typed into forms and not yet put into the draft: "alarm PT-3.H" → {field: value}. */
    this.typed = new Map();
    this.innerHTML = frame();
    if (!this.may) for (const tab of ["source", "place"]) this.querySelector(`[data-tab="${tab}"]`).remove();
    this.side = this.querySelector(".story");
    this.tbody = this.querySelector("tbody");
    this.addEventListener("click", (event) => this.clicked(event));
    this.tbody.addEventListener("keydown", (event) => event.key === "Enter" && this.choose(event.target.closest("tr")?.dataset.id));
    this.addEventListener("keydown", (event) => event.key === "Escape" && this.side.classList.contains("open") && this.choose(null));
    this.side.addEventListener("submit", (event) => this.submitted(event));
    this.querySelector("[type=search]").addEventListener("input", () => this.soon());
    this.querySelector("select.filter").addEventListener("change", () => this.load());
    link.addEventListener("requests", () => this.tab === "requests" && this.load());
    window.addEventListener("beforeunload", (event) => {
      this.keepTyped();
      if (this.typed.size) event.preventDefault();
    });
    this.begin(given.get("request") ?? given.get("id"));
  }

  async begin(id) {
    const answer = await api.get("/api/v1/plant/fields");
    if (answer.refused) return this.note(answer.refused);
    this.fields = answer.fields;
    this.classes = answer.classes;
    await this.load();
    if (!id) return;
    await this.choose(id);
    if (this.tab === "requests" && this.request?.may?.includes("sign")) this.decide("sign");
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), 250);
  }

  note(words) {
    this.querySelector(".tools .form-error").textContent = words ?? "";
  }

  // ---- tables

  async load() {
    const search = this.querySelector("[type=search]").value.trim();
    const filter = this.querySelector("select.filter");
    this.showTools(filter);
    const answer = await READ[this.tab](search, filter.value, this);
    this.note(answer.refused);
    if (answer.refused) return;
    this.rows = new Map(answer.items.map((row) => [String(this.tab === "versions" ? row.number : row.id), row]));
    this.tbody.innerHTML = answer.items.map((row) => LINE[this.tab](row, this)).join("");
    this.querySelector("thead").innerHTML = `<tr>${HEADS[this.tab].map((head) => `<th>${head && t(head)}</th>`).join("")}</tr>`;
    this.querySelector(".list .empty").hidden = answer.items.length > 0;
    this.querySelector(".tally").textContent = answer.total > answer.items.length ? t("the first {n} are shown", { n: answer.items.length }) : String(answer.total ?? answer.items.length);
    this.mark();
  }

  showTools(filter) {
    for (const one of this.querySelectorAll(".tabs button")) one.setAttribute("aria-selected", one.dataset.tab === this.tab ? "true" : "false");
    const edits = this.tab in this.fields;
    this.querySelector("[data-act=new]").hidden = !this.may || !(this.tab in START);
    this.querySelector("[type=search]").hidden = !edits;
    filter.hidden = !["point", "alarm", "requests"].includes(this.tab);
    if (filter.dataset.of !== this.tab) filter.innerHTML = FILTER[this.tab]?.(this).map(([value, said]) => `<option value="${esc(value)}">${esc(said)}</option>`).join("") ?? "";
    filter.dataset.of = this.tab;
    this.showDraft();
  }

  showDraft() {
    const bar = this.querySelector(".draft");
    bar.hidden = !this.edits.length;
    bar.querySelector("b").textContent = t("Draft: {n} changes", { n: this.edits.length });
    bar.querySelector(".what").textContent = this.edits.map((one) => one.id).join(", ");
  }

  mark() {
    for (const row of this.tbody.rows) {
      row.setAttribute("aria-selected", row.dataset.id === this.chosen ? "true" : "false");
      row.classList.toggle("drafted", this.edits.some((one) => one.what === this.tab && one.id === row.dataset.id));
    }
  }

  /** What people call a value that is chosen from a list. */
  said(name, value) {
    const [, zh, en] = this.fields.point.find((one) => one.name === name)?.choices?.find(([one]) => one === value) ?? [];
    return (config.language === "zh" ? zh : en) || value;
  }

  postOf(post) {
    const [, zh, en] = this.fields.place.find((one) => one.name === "post").choices.find(([one]) => one === post) ?? [];
    return (config.language === "zh" ? zh : en) || post || "—";
  }

  /** The options of a source are its driver's own: those that stand in it. */
  fieldsOf(what, row) {
    const options = Object.entries((what === "source" && row?.options) || {}).filter(([, value]) => ["string", "number", "boolean"].includes(typeof value));
    return [...this.fields[what], ...options.map(([name, value]) => ({ name: `options.${name}`, zh: name, en: name, kind: { number: "number", boolean: "yes" }[typeof value] ?? "text" }))];
  }

  wordsOf({ what, change }) {
    const named = (key) => this.fields[what].find((one) => one.name === key || one.name.startsWith(`${key}.`));
    return Object.keys(change).map((key) => (named(key) ? words(named(key)) : key === "options" ? t("Options") : key)).join(config.language === "zh" ? "、" : ", ");
  }

  drafted(what, id) {
    return this.edits.find((one) => one.what === what && one.id === id);
  }

  // ---- choosing

  async choose(id) {
    this.chosen = id ?? null;
    this.mark();
    if (!id) return this.show(null);
    if (this.tab === "requests") return this.showRequest(id);
    if (this.tab === "versions") return this.showVersion(Number(id));
    const row = this.rows.get(id);
    if (row) this.showForm(this.tab, row);
  }

  /** On the right; over the page where it is narrow. */
  show(html) {
    this.keepTyped();
    this.back = null;
    this.side.classList.toggle("open", html !== null);
    this.side.innerHTML = html === null ? nothing() : `<button type="button" class="button quiet close" aria-label="${t("Close")}">✕</button>${html}`;
  }

  showForm(what, row, start = {}, mistakes = []) {
    const drafted = row && this.drafted(what, row.id);
    const shown = drafted?.change ? { ...row, ...drafted.change } : row;
    const guarded = row?.guarded ? `<p class="dim">${t("Guards safety: tightening takes one person, loosening two.")}</p>` : "";
    const gone = drafted && !drafted.change ? `<p class="form-error">${t("The draft takes this away.")}</p>` : "";
    this.show(`<div class="top"><div><h2>${esc(row?.id ?? t("New"))} ${esc(label(row?.name ?? {}))}</h2>${guarded}${gone}</div></div><section>${formOf(what, this.fieldsOf(what, row), shown, start)}</section>`);
    const form = this.side.querySelector("form");
    this.editing = { what, row, key: `${what} ${row?.id ?? start.id ?? ""}`, began: valuesOf(form) };
    for (const [name, value] of Object.entries(this.typed.get(this.editing.key) ?? {})) if (form.elements[name]) form.elements[name].value = value;
    if (!this.may) for (const one of form.querySelectorAll("input, select, button:not(.close, .cancel)")) one.disabled = true;
    showMistakes(form, mistakes);
    if (what === "alarm" && !row) for (const name of ["point", "kind"]) form.elements[name].addEventListener("input", () => (form.elements.id.value = [form.elements.point.value.trim(), form.elements.kind.value].filter(Boolean).join(".")));
    (form.querySelector(".wrong:not(:empty)")?.closest("label").querySelector(".field") ?? form.querySelector(".field:not([readonly])"))?.focus({ preventScroll: false });
  }

  clicked(event) {
    const on = (selector) => event.target.closest(selector);
    if (on("[data-tab]")) return this.turn(on("[data-tab]").dataset.tab);
    if (on("tbody tr")) return this.choose(on("tr").dataset.id);
    if (on("[data-mistake]")) return this.toMistake(Number(on("[data-mistake]").dataset.mistake));
    if (on("[data-drop]")) return this.drop(Number(on("[data-drop]").dataset.drop));
    if (on("[data-decide]")) return this.decide(on("[data-decide]").dataset.decide);
    if (on(".cancel")) this.forgetTyped();
    if (on(".close, .cancel")) return this.choose(null);
    const acts = { new: () => this.showForm(this.tab, null, START[this.tab]), remove: () => this.remove(), preview: () => this.preview(), replay: () => this.preview(true), clear: () => this.clear(), back: () => this.bringBack() };
    acts[on("[data-act]")?.dataset.act]?.();
  }

  turn(tab) {
    this.tab = tab;
    this.chosen = null;
    this.show(null);
    this.querySelector("[type=search]").value = "";
    history.replaceState(null, "", `?tab=${tab}`);
    this.load();
  }

  /** A form that is left for another line keeps what was typed, until it goes into the draft or is cancelled. */
  keepTyped() {
    const form = this.side.querySelector("form.edit");
    if (!form || !this.editing) return;
    const { key, began, row } = this.editing;
    const now = valuesOf(form);
    if (Object.keys(now).every((name) => now[name] === began[name])) return void this.typed.delete(key);
    if (!this.typed.has(key)) toast(t("What you typed is kept: choose {id} again to go on.", { id: row?.id ?? t("Add…") }));
    this.typed.set(key, now);
  }

  forgetTyped() {
    this.typed.delete(this.editing?.key);
    this.editing = null;
  }

  // ---- the draft

  submitted(event) {
    event.preventDefault();
    if (event.target.matches(".edit")) this.take(event.target);
    else if (event.target.matches(".apply")) this.apply(event.target);
  }

  /** Into the draft, unless it is wrong in itself. */
  async take(form) {
    const { what, row } = this.editing;
    const edit = editOf(form, this.fieldsOf(what, row), row);
    if (!Object.keys(edit.change).length) return void (form.querySelector(".form-error").textContent = t("Nothing was changed."));
    const edits = [...this.edits.filter((one) => one.what !== edit.what || one.id !== edit.id), edit];
    const answer = await api.post("/api/v1/plant/draft/preview", { edits });
    if (answer.refused) return void (form.querySelector(".form-error").textContent = answer.refused);
    const own = answer.mistakes.filter((one) => one.fatal && one.edit === edits.length - 1);
    showMistakes(form, own);
    if (own.length) return form.querySelector(".wrong:not(:empty)")?.closest("label").querySelector(".field").focus();
    this.keep(edits);
    this.forgetTyped();
    toast(t("In the draft: {id}", { id: edit.id }));
    this.choose(null);
  }

  remove() {
    const { what, row } = this.editing;
    this.keep([...this.edits.filter((one) => one.what !== what || one.id !== row.id), { what, id: row.id, change: null }]);
    this.forgetTyped();
    this.choose(null);
  }

  drop(n) {
    this.keep(this.edits.filter((_, at) => at !== n));
    this.edits.length ? this.preview() : this.choose(null);
  }

  async clear() {
    const about = esc(this.edits.map((one) => one.id).join(", "));
    if (!(await ask({ title: t("Let the draft go"), about, fields: [], send: async () => ({ gone: true }) }))) return;
    this.forgetTyped();
    this.keep([]);
    this.choose(null);
  }

  keep(edits) {
    this.edits = edits;
    localStorage.setItem(KEPT, JSON.stringify(edits));
    this.showDraft();
    this.mark();
  }

  async preview(replay = false) {
    this.chosen = null;
    this.mark();
    const reason = replay ? (this.side.querySelector("form.apply [name=reason]")?.value ?? "") : "";
    this.show(`<section><p class="dim">${replay ? t("Replaying…") : t("Looking…")}</p></section>`);
    const answer = await api.post("/api/v1/plant/draft/preview", { edits: this.edits, replay });
    this.told = answer;
    if (answer.refused) return this.show(`<section><p class="form-error">${esc(answer.refused)}</p></section>`);
    const fatal = answer.mistakes.filter((one) => one.fatal);
    const said = (one) => `${one.edit === null ? "" : `<button type="button" class="button quiet" data-mistake="${answer.mistakes.indexOf(one)}">${esc(this.edits[one.edit].id)}</button> `}${esc(one.text[config.language])}`;
    const edits = this.edits.map((one, n) => `<b>${esc(one.id)}</b> ${one.change ? esc(this.wordsOf(one)) : t("taken away")} <button type="button" class="button quiet" data-drop="${n}" aria-label="${t("Out of the draft: {id}", { id: esc(one.id) })}">✕</button>`);
    const send = answer.accepted && answer.changes.length ? sending(answer) : "";
    this.show(`<div class="top"><div><h2>${t("Draft on version {n}", { n: answer.version })}</h2></div></div>
      ${block(t("Mistakes"), fatal.map(said), "two")}${block(t("In the draft"), edits, "drafts")}${answer.accepted ? reviewOf(answer) : ""}${send}${block(t("Remarks"), answer.mistakes.filter((one) => !one.fatal).map(said))}`);
    const first = this.side.querySelector("[name=reason], [data-mistake]");
    if (reason && first?.name === "reason") first.value = reason;
    first?.focus();
  }

  async toMistake(n) {
    const one = this.told.mistakes[n];
    const edit = this.edits[one.edit];
    if (this.tab !== edit.what) {
      this.tab = edit.what;
      await this.load();
    }
    this.showForm(edit.what, this.rows.get(edit.id) ?? null, { id: edit.id, ...edit.change }, this.told.mistakes.filter((each) => each.edit === one.edit && each.fatal));
  }

  async apply(form) {
    const reason = form.elements.reason.value.trim();
    const [path, body] = this.back ? [`/api/v1/plant/versions/${this.back.number}/bring-back`, { base: this.told.against, reason }] : ["/api/v1/plant/draft/apply", { edits: this.edits, base: this.told.version, reason }];
    form.querySelector("button.main").disabled = true;
    const answer = await api.post(path, body);
    form.querySelector("button.main").disabled = false;
    form.querySelector(".form-error").textContent = answer.refused ? t("Refused: {why}", { why: answer.refused }) : "";
    if (answer.refused) return;
    if (!this.back) this.keep([]);
    if (answer.request) {
      this.turn("requests");
      await this.showRequest(answer.request.id);
      return this.request.may?.includes("sign") && this.decide("sign");
    }
    toast(t("In force: version {n}", { n: answer.version }));
    this.show(null);
    this.load();
  }

  // ---- requests and versions

  async showRequest(id) {
    const answer = await api.get(`/api/v1/plant/requests/${id}`);
    this.request = answer;
    this.chosen = id;
    this.mark();
    this.show(answer.refused ? `<section><p class="form-error">${esc(answer.refused)}</p></section>` : requestDetails(answer));
  }

  async decide(act) {
    const { id, reason } = this.request;
    const path = `/api/v1/plant/requests/${id}/${act.replace("_", "-")}`;
    const own = SIGNED();
    const signed = (given) => withKey((body) => api.post(path, body), given);
    const forms = {
      sign: { title: t("Sign as who asks"), say: t("Sign"), note: t("Unsigned it waits for nobody: a console that is left open asks for no one."), fields: own, send: signed, done: t("Asked: it waits for a second person.") },
      approve: { title: t("Approve as the second person"), say: t("Approve"), fields: [...own, { name: "note", words: t("Note"), needed: false }], send: signed },
      override: { title: t("Loosen alone, at night"), say: t("Override alone…"), note: t("Only where nobody is on duty who could approve it; for half an hour at most. It sounds at every console and at the node, ends by itself, and a second person reviews it afterwards."), fields: [{ name: "minutes", words: t("Minutes, 30 at most"), kind: "number", value: 30, step: 1 }, { name: "note", words: t("Why it cannot wait") }, ...own], send: signed },
      end_override: { title: t("End it now"), fields: [], send: () => api.post(path, {}) },
      review: { title: t("Review of a night override"), say: t("Sign"), fields: [{ name: "verdict", words: t("What you say of it"), kind: "choice", choices: [["agreed", t("agreed")], ["objected", t("objected")]] }, { name: "note", words: t("Reason") }, ...own], send: signed },
      decline: { title: t("Decline"), fields: [{ name: "note", words: t("Reason") }], send: (given) => api.post(path, given) },
      withdraw: { title: t("Withdraw"), fields: [{ name: "note", words: t("Reason") }], send: (given) => api.post(path, given) },
      take_on: { title: t("Take on"), note: t("You then answer for having asked; another person approves."), fields: own, send: signed },
    };
    const done = await ask({ about: esc(reason), ...forms[act] });
    if (!done) return;
    if (done.version && ["approve", "override", "end_override"].includes(act)) toast(t("In force: version {n}", { n: done.version }));
    await this.load();
    await this.showRequest(id);
  }

  async showVersion(number) {
    const row = this.rows.get(String(number));
    const from = row.base === null ? null : await api.get(`/api/v1/plant/versions/${number}/difference?against=${row.base}`);
    const by = row.approved_by ? ` · ${t("approved by {name}", { name: esc(label(row.approved_by)) })}` : "";
    const newest = Math.max(...[...this.rows.keys()].map(Number)) === number;
    const act = this.may && !newest ? `<section><button type="button" class="button" data-act="back">${t("Bring back this version…")}</button></section>` : "";
    this.version = row;
    this.show(`<div class="top"><div><h2>${t("version {n}", { n: number })}</h2><div class="dim">${esc(stamp(row.at))} · ${esc(row.author)}${by}</div><p>${esc(row.reason)}</p></div></div>
      ${!from ? `<section><p class="dim">${t("The first version.")}</p></section>` : from.refused ? `<section><p class="form-error">${esc(from.refused)}</p></section>` : reviewOf({ ...from, alarms: null, sources_read_anew: [], missing_rights: [], missing_source_rights: [] })}${act}`);
  }

  async bringBack() {
    const answer = await api.get(`/api/v1/plant/versions/${this.version.number}/difference`);
    if (answer.refused) return toast(answer.refused, true);
    this.told = answer;
    this.show(`<div class="top"><div><h2>${t("Bring back version {n}", { n: this.version.number })}</h2><p class="dim">${t("As a new version, through the same checks.")}</p></div></div>${answer.changes.length ? reviewOf(answer) + sending(answer) : `<section><p>${t("Nothing differs from what is approved now.")}</p></section>`}`);
    this.back = this.version;
    this.side.querySelector("[name=reason]")?.focus();
  }
}

function sending(told) {
  const replay = told.effect === null && told.mistakes && told.changes.some((one) => one.what === "alarm" && ["limit", "dead_band", "on_delay", "off_delay", "priority", "enabled"].includes(one.key)) ? `<button type="button" class="button" data-act="replay">${t("Try over the last 24 h")}</button>` : "";
  return `<section><form class="apply"><label class="labelled">${t("Reason for the change")}<input class="field" name="reason" required minlength="3" maxlength="500" autocomplete="off"></label><div class="form-error" role="alert"></div>
    <div class="button-row">${replay}<span class="spacer"></span><button class="button main"${told.missing_rights.length || told.missing_source_rights.length ? " disabled" : ""}>${told.two_persons ? t("Ask a second person") : t("Bring into force")}</button></div></form></section>`;
}

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? [];
  } catch {
    return [];
  }
}

const query = (given) => new URLSearchParams(Object.entries(given).filter(([, value]) => value !== "")).toString();
const valuesOf = (form) => Object.fromEntries([...form.elements].filter((one) => one.name).map((one) => [one.name, one.value]));
const within = (text, search) => text.toLowerCase().includes(search.toLowerCase());

const READ = {
  point: (search, source) => api.get(`/api/v1/plant/points?${query({ search, ...(source === "guarded" ? { guarded: true } : { source }), limit: SHOWN })}`),
  alarm: (search, priority) => api.get(`/api/v1/alarms/master?${query({ search, priority, limit: SHOWN })}`),
  class: async (search, _, page) => {
    const answer = await api.get("/api/v1/plant/fields");
    page.classes = answer.classes ?? [];
    return answer.refused ? answer : { items: answer.classes.filter((one) => within(`${one.id} ${one.name.zh} ${one.name.en}`, search)) };
  },
  source: (search) => listOf("sources", search),
  place: (search) => listOf("places", search),
  requests: (_, state) => api.get(`/api/v1/plant/requests?state=${state}`),
  versions: () => api.get("/api/v1/plant/versions?limit=200"),
};

async function listOf(what, search) {
  const answer = await api.get(`/api/v1/plant/${what}`);
  return answer.refused ? answer : { items: answer.items.filter((one) => within(`${one.id} ${one.name.zh} ${one.name.en}`, search)) };
}

const FILTER = {
  point: (page) => [["", t("Every source")], ["guarded", t("only what guards safety")], ...(page.fields.point.find((one) => one.name === "source").choices ?? []).map(([id, zh, en]) => [id, config.language === "zh" ? zh : en])],
  alarm: () => [["", t("Every priority")], ...[1, 2, 3, 4].map((n) => [String(n), t("priority {n}", { n })])],
  requests: () => [["", t("Every state")], ["open", t("waits")]],
};

const START = { point: { decimals: 2, reporting: { mode: "cyclic", period: 1 } }, alarm: { priority: 3, enabled: true }, class: { shelvable: true } };

const yes = (value) => (value ? t("yes") : t("no"));
const guards = (row) => (row.guarded ? `<span class="strong">${t("two persons")}</span>` : "");
const cells = (id, list) => `<tr data-id="${esc(id)}" tabindex="0">${list.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;

const LINE = {
  point: (row, page) =>
    cells(row.id, [
      `<span class="strong nowrap">${esc(row.id)}</span>`, esc(label(row.name)), placeOf(row.place), esc(page.said("kind", row.kind)), esc(config.units[row.unit] ?? row.unit),
      `<span class="nowrap">${row.range_low === null && row.range_high === null ? "—" : `${esc(row.range_low ?? "")} … ${esc(row.range_high ?? "")}`}</span>`,
      esc(row.source), `<span class="mono">${esc(row.address)}</span>`, `<span class="nowrap">${esc(row.reporting.period)} s</span>`, guards(row),
    ]),
  alarm: (row) =>
    cells(row.id, [
      symbol(row.priority), `<span class="strong nowrap">${esc(row.id)}</span>`, `${esc(label(row.name))}<small>${esc(kindWords(row.kind))} · ${esc(label(row.origin))}</small>`,
      `<span class="nowrap">${row.limit === null ? esc(row.states.join(", ")) || "—" : `${esc(row.limit)} ${esc(config.units[row.unit] ?? row.unit)}`}</span>`,
      esc(row.dead_band || "—"), `<span class="nowrap">${esc(row.on_delay)} / ${esc(row.off_delay)} s</span>`, esc(row.post || "—"), esc(row.alarm_class || "—"), yes(row.enabled), guards(row),
    ]),
  class: (row) =>
    cells(row.id, [
      `<span class="strong">${esc(row.id)}</span>`, esc(label(row.name)), yes(row.comment_required), yes(row.shelvable), row.max_shelving ? `${esc(row.max_shelving)} s` : "—",
      row.test_interval ? t("{n} d", { n: row.test_interval }) : "—", row.review_interval ? t("{n} d", { n: row.review_interval }) : "—", yes(row.training),
    ]),
  source: (row) =>
    cells(row.id, [
      `<span class="strong nowrap">${esc(row.id)}</span>`, esc(label(row.name)), esc(row.driver), `<span class="mono">${esc(Object.entries(row.options).filter(([, value]) => typeof value !== "object").map(([name, value]) => `${name}=${value}`).join(" "))}</span>`,
      `<span class="nowrap">${esc(row.keep_alive)} s</span>`, String(row.points), guards(row),
    ]),
  place: (row, page) => cells(row.id, [placeOf(row.id), `<span class="mono">${esc(row.id)}</span>`, esc(page.postOf(row.post)), String(row.points)]),
  requests: (row) => requestLine(row),
  versions: (row) => versionLine(row),
};

const nothing = () => `<div class="empty"><span>${t("Choose a line to see and change it. Changes gather in a draft and come into force together.")}</span></div>`;

function frame() {
  const tabs = Object.entries(TABS).map(([tab, said]) => `<button type="button" role="tab" data-tab="${tab}" aria-selected="false">${t(said)}</button>`).join("");
  return `<div class="tabs views" role="tablist" aria-label="${t("Configuration")}">${tabs}</div>
    <div class="tools"><input class="field" type="search" placeholder="${t("Filter: tag, name, text")}" aria-label="${t("Filter: tag, name, text")}"><select class="field filter" aria-label="${t("Show")}"></select>
    <button type="button" class="button" data-act="new" hidden>${t("Add…")}</button><span class="tally"></span><span class="form-error"></span></div>
    <div class="draft panel" role="status" hidden><b></b> <span class="what dim"></span><span class="spacer"></span><button type="button" class="button" data-act="clear">${t("Let the draft go")}</button><button type="button" class="button main" data-act="preview">${t("See the effect")}</button></div>
    <div class="list panel"><table class="sheet master"><thead></thead><tbody></tbody></table><div class="empty" hidden><strong>${t("Nothing here fits.")}</strong></div></div><aside class="story panel">${nothing()}</aside>`;
}

customElements.define("anlan-configuration", Configuration);
