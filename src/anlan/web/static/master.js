// <anlan-master>: the approved alarms with their rationalisation; one rule changed while the node runs; workbooks out and in, difference first.

import { kindWords, symbol } from "./alarms.js";
import { config, esc, label, t } from "./config.js";
import { effectOf } from "./effect.js";
import { helpOf } from "./help.js";
import { api, link } from "./link.js";

const SHOWN = 500;
const LABELS = new Set(["consequence", "corrective_action", "cause", "basis"]);
const LONG = new Set([...LABELS, "when", "suppress_when"]);
/** Fields that the form offers, in its order; others are changed in the workbook. */
const OFFERED = ["limit", "dead_band", "on_delay", "off_delay", "latching", "priority", "post", "enabled", "time_to_respond", "severity", "alarm_class", "cause", "consequence", "corrective_action", "basis", "rationalised"];
/** Fields that are changed only with their replayed effect, and those that a trial can change. */
const DEMANDING = ["dead_band", "on_delay", "off_delay"];
const TRIED = [...DEMANDING, "limit", "priority", "enabled"];
const LOOKED_BACK = 86_400e6;

class Master extends HTMLElement {
  connectedCallback() {
    this.innerHTML = frame(this.hasAttribute("may"));
    this.tbody = this.querySelector("tbody");
    this.side = this.querySelector(".story");
    this.querySelector("input[type=search]").addEventListener("input", () => this.soon());
    for (const one of this.querySelectorAll(".tools select")) one.addEventListener("change", () => this.load());
    this.querySelector("input[type=file]")?.addEventListener("change", (event) => this.upload(event.target));
    this.tbody.addEventListener("click", (event) => this.choose(event.target.closest("tr")?.dataset.id));
    this.tbody.addEventListener("keydown", (event) => event.key === "Enter" && this.choose(event.target.closest("tr")?.dataset.id));
    this.side.addEventListener("submit", (event) => this.submit(event));
    this.side.addEventListener("input", (event) => event.target.closest("form.rule") && this.lead());
    this.side.addEventListener("click", (event) => {
      if (event.target.closest(".close")) this.choose(null);
      else if (event.target.closest("[data-try]")) this.tryIt();
    });
    this.querySelector(".difference").addEventListener("click", (event) => event.target.closest("[data-reapply]") && this.reapply());
    this.load().then(() => this.choose(new URLSearchParams(location.search).get("alarm")));
    this.compare();
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), 250);
  }

  query() {
    const [priority, alarmClass] = this.querySelectorAll(".tools select");
    const search = this.querySelector("input[type=search]").value.trim();
    const given = { priority: priority.value, alarm_class: alarmClass.value, search, limit: SHOWN };
    return new URLSearchParams(Object.entries(given).filter(([, value]) => value)).toString();
  }

  async load() {
    const answer = await api.get(`/api/v1/alarms/master?${this.query()}`);
    this.note(answer.refused);
    if (answer.refused) return;
    this.answer = answer;
    this.rows = new Map(answer.items.map((row) => [row.id, row]));
    this.tbody.innerHTML = answer.items.map((row) => line(row, answer)).join("");
    this.querySelector(".empty").hidden = answer.items.length > 0;
    this.querySelector(".tally").textContent = tally(answer);
    this.offerClasses(answer.classes);
    this.mark();
  }

  offerClasses(classes) {
    const select = this.querySelectorAll(".tools select")[1];
    if (select.options.length > 1 || !classes.length) return;
    select.innerHTML += classes.map((one) => `<option value="${esc(one.id)}">${esc(label(one.name))}</option>`).join("");
  }

  note(text) {
    this.querySelector(".tools .form-error").textContent = text ?? "";
  }

  mark() {
    for (const row of this.tbody.rows) row.setAttribute("aria-selected", row.dataset.id === this.chosen ? "true" : "false");
  }

  async choose(id) {
    this.chosen = id;
    this.mark();
    if (!id) return void (this.side.innerHTML = nothing());
    const answer = await api.get(`/api/v1/alarms/${encodeURIComponent(id)}/rule`);
    this.side.innerHTML = answer.refused ? `<p class="form-error">${esc(answer.refused)}</p>` : details(answer, this.answer);
    this.detail = answer;
    this.trial = null;
    if (!answer.refused) this.lead();
  }

  form() {
    return this.side.querySelector("form.rule");
  }

  /** Try, see the effect, put into force: one button that says what comes next. */
  lead() {
    const form = this.form();
    if (!form?.elements.reason) return;
    const change = changed(form, this.detail.rule);
    const tried = triable(change);
    const stale = this.trial && this.trial.of !== JSON.stringify(tried);
    if (stale) this.tell(`<p class="form-error">${t("The values were changed since they were tried: try them again.")}</p>`);
    if (stale) this.trial = null;
    const first = DEMANDING.some((name) => name in change) && !this.trial;
    const step = this.trial ? 1 : 0;
    form.querySelector(".steps").hidden = !first && !this.trial;
    form.querySelectorAll(".steps li").forEach((one, n) => (n === step ? one.setAttribute("aria-current", "step") : one.removeAttribute("aria-current")));
    form.elements.reason.required = !first;
    form.querySelector("[data-try]").hidden = first || Boolean(this.trial) || !Object.keys(tried).length;
    form.querySelector(".main").textContent = first ? t("Try over the last 24 h") : this.trial ? t("Bring into force with this effect") : t("Bring into force");
  }

  tell(html) {
    const place = this.form().querySelector(".tried");
    place.innerHTML = html;
    return place;
  }

  /** What the change would have done to the node's own last day; the node keeps the answer, the edit names it. */
  async tryIt() {
    const form = this.form();
    const tried = triable(changed(form, this.detail.rule));
    const [end, button, alarm] = [link.now(), form.querySelector(".main"), this.chosen];
    form.querySelector(".tried + .form-error").textContent = "";
    this.tell(`<p class="dim">${t("Replaying…")}</p>`);
    button.disabled = true;
    const answer = await api.post("/api/v1/replay/what-if", { start: end - LOOKED_BACK, end, changes: [{ id: alarm, ...tried }] });
    button.disabled = false;
    if (this.chosen !== alarm || this.form() !== form) return;
    this.trial = answer.refused ? null : { id: answer.trial, of: JSON.stringify(tried) };
    this.tell(answer.refused ? `<p class="form-error">${esc(answer.refused)}</p>` : effectOf(answer)).focus();
    this.lead();
    button.scrollIntoView({ block: "nearest" });
  }

  async submit(event) {
    event.preventDefault();
    const form = event.target;
    if (form.matches(".import")) return this.bringIn(form);
    const change = changed(form, this.detail.rule);
    const error = form.querySelector(".tried + .form-error");
    if (!Object.keys(change).length) return void (error.textContent = t("Nothing was changed."));
    if (DEMANDING.some((name) => name in change) && !this.trial) return this.tryIt();
    const answer = await api.patch(`/api/v1/alarms/${encodeURIComponent(this.chosen)}/rule`, { change, base: this.detail.version, reason: form.elements.reason.value.trim(), ...(this.trial ? { trial: this.trial.id } : {}) });
    error.textContent = answer.refused ? t("Refused: {why}", { why: answer.refused }) : "";
    if (answer.code === "trial-unfit") {
      this.trial = null;
      this.tell("");
      this.lead();
    }
    if (answer.refused) return;
    await this.load();
    await this.choose(this.chosen);
    if (answer.request) return void (this.side.querySelector(".done").innerHTML = waits(answer.request));
    this.side.querySelector(".done").textContent = [t("In force: version {n}", { n: answer.version }), ...answer.warnings.map((one) => one[config.language])].join(" · ");
  }

  async compare() {
    const answer = await api.get("/api/v1/alarms/master/difference");
    const place = this.querySelector(".difference");
    place.hidden = answer.equal !== false;
    if (answer.equal !== false) return;
    const button = this.hasAttribute("may") ? `<button type="button" class="button" data-reapply>${t("Bring the approved version into force")}</button>` : "";
    const facts = { running: answer.running.version, approved: answer.approved.version };
    place.innerHTML = `<strong>${t("What runs (version {running}) differs from the approved version {approved}:", facts)}</strong> ${changes(answer.changes)} ${button}`;
  }

  async reapply() {
    const answer = await api.post("/api/v1/alarms/master/reapply");
    this.note(answer.refused);
    await this.compare();
  }

  async upload(input) {
    const [file] = input.files;
    input.value = "";
    if (!file) return;
    this.file = await file.arrayBuffer();
    const answer = await bytes("/api/v1/alarms/master/preview", this.file);
    this.chosen = null;
    this.mark();
    this.preview = answer;
    this.side.innerHTML = answer.refused ? `<p class="form-error">${esc(answer.refused)}</p>` : preview(answer, file.name);
  }

  async bringIn(form) {
    const query = new URLSearchParams({ base: this.preview.current, reason: form.elements.reason.value.trim() });
    const answer = await bytes(`/api/v1/alarms/master/import?${query}`, this.file);
    form.querySelector(".form-error").textContent = answer.refused ? t("Refused: {why}", { why: answer.refused }) : "";
    if (answer.refused) return;
    await this.load();
    if (answer.request) return void (this.side.innerHTML = `<div class="top"><h2>${waits(answer.request)}</h2></div>`);
    const effect = answer.effect ? `<section class="tried">${applied(answer.effect)}</section>` : "";
    this.side.innerHTML = `<div class="top"><h2>${t("In force: version {n}", { n: answer.version })}</h2></div>${effect}`;
  }
}

/** A file as the request's body, from this page, which the browser says by its Origin. */
async function bytes(path, body) {
  try {
    const headers = { Accept: "application/json", "Content-Type": "application/octet-stream", "Idempotency-Key": crypto.randomUUID?.() ?? `${Date.now()}` };
    const answer = await fetch(path, { method: "POST", credentials: "same-origin", headers, body });
    const told = await answer.json();
    return answer.ok ? told : { refused: told.detail || told.title };
  } catch (error) {
    console.warn(path, error);
    return { refused: t("The node does not answer.") };
  }
}

function frame(may) {
  const heads = ["", "Alarm", "Name", "Limit", "Delays", "Post", "Class", "Severity", "Time to respond", "By matrix", "Cause", "What to do", "Rationalised"];
  const upload = may ? `<label class="button">${t("Import a workbook…")}<input type="file" accept=".xlsx" hidden></label>` : "";
  return `<div class="tools"><input class="field" type="search" placeholder="${t("Filter: tag, name, text")}" aria-label="${t("Filter: tag, name, text")}">
    <select class="field" aria-label="${t("Priority")}"><option value="">${t("Every priority")}</option>${[1, 2, 3, 4].map((n) => `<option value="${n}">${t("priority {n}", { n })}</option>`).join("")}</select>
    <select class="field" aria-label="${t("Class")}"><option value="">${t("Every class")}</option></select>
    <a class="button" href="/api/v1/alarms/master?format=xlsx" download>${t("Export as a workbook")}</a>${upload}<span class="tally"></span><span class="form-error"></span></div>
    <div class="difference panel" role="alert" hidden></div>
    <div class="list panel"><table class="sheet master"><thead><tr>${heads.map((head) => `<th>${head && t(head)}</th>`).join("")}</tr></thead><tbody></tbody></table>
    <div class="empty" hidden><strong>${t("No alarm fits.")}</strong></div></div><aside class="story panel">${nothing()}</aside>`;
}

const nothing = () => `<div class="empty"><span>${t("Choose an alarm to see its rationalisation and to change its rule.")}</span></div>`;

/** What a post, class or severity is called; its id while the plant gives it no name. */
const called = (list, id) => label(list.find((one) => one.id === id)?.name ?? {}) || id;

function line(row, whole) {
  const differs = row.matrix_priority !== null && row.matrix_priority !== row.priority;
  const named = row.rationalised ? `${esc(row.rationalised.by)}<small>${esc(row.rationalised.on)}${row.review_due ? ` → ${esc(row.review_due)}` : ""}</small>` : `<span class="dim">—</span>`;
  const cells = [
    symbol(row.priority),
    `<span class="strong nowrap">${esc(row.id)}</span>${row.enabled ? "" : `<small>${t("not in use")}</small>`}`,
    `${esc(label(row.name))}<small>${esc(kindWords(row.kind))} · ${esc(label(row.origin))}</small>`,
    `<span class="nowrap">${row.limit === null ? esc(row.states.join(", ")) || "—" : `${esc(row.limit)} ${esc(config.units[row.unit] ?? row.unit)}`}</span>`,
    `<span class="nowrap">${esc(row.on_delay)} / ${esc(row.off_delay)} s</span>`,
    `<span class="nowrap">${esc(called(whole.posts, row.post)) || "—"}</span>`,
    `<span class="nowrap">${esc(called(whole.classes, row.alarm_class)) || "—"}</span>`,
    `<span class="nowrap">${esc(called(whole.matrix.severities, row.severity)) || "—"}</span>`,
    row.time_to_respond ? `<span class="nowrap">${esc(row.time_to_respond)} s</span>` : "—",
    row.matrix_priority === null ? "—" : `<span class="${differs ? "strong" : "dim"}">${row.matrix_priority}${differs ? " ≠" : ""}</span>`,
    esc(label(row.cause)) || "—",
    esc(label(row.corrective_action)) || "—",
    named,
  ];
  return `<tr data-id="${esc(row.id)}" tabindex="0">${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

function tally(answer) {
  const shares = answer.distribution.map((one) => `${one.priorities.join("/")}: ${one.count} (${Math.round(one.share * 100)} %, ${t("target about {n} %", { n: Math.round(one.target * 100) })})`);
  const more = answer.total > answer.items.length ? ` · ${t("the first {n} are shown", { n: answer.items.length })}` : "";
  return `${t("version {n}", { n: answer.version })} · ${t("{n} alarms", { n: answer.total })}${more} · ${shares.join(" · ")} · ${t("targets and matrix not verified against the original text")}`;
}

function details(answer, whole) {
  const row = answer.rule;
  const may = answer.editable.length > 0;
  const fields = OFFERED.filter((name) => name in row && !(name === "limit" && row.limit === null)).map((name) => input(name, row, whole, may));
  const send = may
    ? `<label class="labelled">${t("Reason for the change")}<input class="field" name="reason" required minlength="3" maxlength="500"></label>
      <ol class="steps" hidden><li>${t("Try")}</li><li>${t("See the effect")}</li><li>${t("Bring into force")}</li></ol><div class="tried" role="status" tabindex="-1"></div><div class="form-error" role="alert"></div>
      <div class="button-row"><button type="button" class="button" data-try hidden>${t("Try over the last 24 h")}</button><span class="spacer"></span><button class="button main">${t("Bring into force")}</button></div>`
    : "";
  const guarded = row.guarded ? `<p class="dim">${t("Guards safety: tightening takes one person, loosening two.")}</p>` : "";
  return `<div class="top">${symbol(row.priority)}<div><h2>${esc(row.id)} ${esc(label(row.name))}</h2><div class="dim">${t("version {n}", { n: answer.version })} · ${esc(answer.author)}</div></div>
    <button type="button" class="button quiet close" aria-label="${t("Close")}">✕</button></div><section><p class="done strong" role="status"></p>${guarded}<form class="rule">${fields.join("")}${send}</form></section>`;
}

/** One field of the form, titled as the workbook's column is. */
function input(name, row, whole, may) {
  const off = may ? "" : " disabled";
  const one = (part, value, type = "text", extra = "") => `<label class="labelled"><span>${esc(title(part, whole))} ${helpOf(part)}</span><input class="field" name="${part}" type="${type}" value="${esc(value ?? "")}"${extra}${off}></label>`;
  const many = (part, value) => `<label class="labelled"><span>${esc(title(part, whole))} ${helpOf(part)}</span><textarea class="field" name="${part}" rows="2"${off}>${esc(value ?? "")}</textarea></label>`;
  const select = (options) => `<label class="labelled"><span>${esc(title(name, whole))} ${helpOf(name)}</span><select class="field" name="${name}"${off}>${options.map(([value, words]) => `<option value="${esc(value)}"${String(row[name]) === String(value) ? " selected" : ""}>${esc(words)}</option>`).join("")}</select></label>`;
  if (LABELS.has(name)) return many(`${name}_zh`, row[name].zh) + many(`${name}_en`, row[name].en);
  if (LONG.has(name)) return many(name, row[name]);
  if (name === "rationalised") return one("rationalised_by", row.rationalised?.by) + one("rationalised_on", row.rationalised?.on, "date");
  if (name === "priority") return select([1, 2, 3, 4].map((n) => [n, t("priority {n}", { n })]));
  if (name === "post") return select([["", "—"], ...whole.posts.map((p) => [p.id, label(p.name) || p.id])]);
  if (name === "severity") return select([["", "—"], ...whole.matrix.severities.map((s) => [s.id, label(s.name) || s.id])]);
  if (name === "alarm_class") return select([["", "—"], ...whole.classes.map((c) => [c.id, label(c.name)])]);
  if (typeof row[name] === "boolean") return select([[true, t("yes")], [false, t("no")]]);
  if (typeof row[name] === "number") return one(name, row[name], "number", ' step="any"');
  return one(name, row[name]);
}

function title(name, whole) {
  const column = whole.columns.find((one) => one.name === name);
  return column ? label(column) : name;
}

/** What the form holds otherwise than the rule does, as the API takes it. */
function changed(form, rule) {
  const change = {};
  const given = (name) => form.elements[name]?.value ?? null;
  for (const name of OFFERED) {
    if (LABELS.has(name)) {
      const pair = { zh: given(`${name}_zh`), en: given(`${name}_en`) };
      if (pair.zh !== null && (pair.zh !== rule[name].zh || pair.en !== rule[name].en)) change[name] = pair;
    } else if (name === "rationalised") {
      const [by, on] = [given("rationalised_by"), given("rationalised_on")];
      if (by !== null && (by !== (rule.rationalised?.by ?? "") || on !== (rule.rationalised?.on ?? ""))) change[name] = by || on ? { by, on } : null;
    } else if (given(name) !== null && given(name) !== String(rule[name] ?? "")) {
      change[name] = typeof rule[name] === "boolean" ? given(name) === "true" : typeof rule[name] === "number" ? Number(given(name)) : given(name);
    }
  }
  return change;
}

/** What loosens is not in force: where who asked signs, and it then waits for a second person. */
const waits = (request) => `<a href="/configuration?tab=requests&request=${request.id}">${t("It takes two persons: sign it, then another approves it.")} →</a>`;

/** What the node replayed while it applied a workbook. */
function applied(effect) {
  if (effect.why) return `<div class="sum unknown">${t("effect unknown")}</div><p class="form-error">${esc(effect.why[config.language])}</p>`;
  const left = effect.left_out?.length ? `<p class="form-error">${t("Not replayed: {alarms}", { alarms: esc(effect.left_out.join(", ")) })}</p>` : "";
  return `<h3>${t("What would have been different")}</h3>${effectOf(effect)}${left}`;
}

/** Of a change what a trial can try. */
const triable = (change) => Object.fromEntries(TRIED.filter((name) => name in change).map((name) => [name, name === "priority" ? Number(change[name]) : change[name]]));

const changes = (list) => `<ul class="changes">${list.slice(0, 200).map((one) => `<li>${esc(one.text[config.language])}</li>`).join("")}</ul>`;

function preview(answer, name) {
  const wrong = answer.findings.filter((one) => one.fatal);
  const other = answer.findings.filter((one) => !one.fatal);
  const list = (items) => `<ul class="changes">${items.slice(0, 100).map((one) => `<li>${esc(one.text[config.language])}</li>`).join("")}</ul>`;
  const block = (head, items) => (items.length ? `<section><h3>${head}</h3>${list(items)}</section>` : "");
  const send = answer.accepted && answer.changes.length
    ? `<section><form class="import"><label class="labelled">${t("Reason for the change")}<input class="field" name="reason" required minlength="3" maxlength="500"></label><div class="form-error" role="alert"></div><button class="button main">${t("Bring into force")}</button></form></section>`
    : "";
  const old = answer.version !== null && answer.version !== answer.current ? `<p class="strong">${t("The workbook was exported from version {n}; version {current} is current.", { n: answer.version, current: answer.current })}</p>` : "";
  return `<div class="top"><div><h2>${esc(name)}</h2>${old}</div><button type="button" class="button quiet close" aria-label="${t("Close")}">✕</button></div>
    ${block(t("Mistakes"), wrong)}${block(t("Takes two persons"), answer.loosened)}
    <section><h3>${t("Changes")} (${answer.changes.length})</h3>${changes(answer.changes)}</section>${send}${block(t("Remarks"), other)}`;
}

customElements.define("anlan-master", Master);
