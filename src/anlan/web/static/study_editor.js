// The text of a study: checked by the node as one types, mistakes at their lines, what the change would do before it is kept, then kept with a
// reason as the next version.

import { esc, label, t } from "./config.js";
import { api } from "./link.js";
import { factorText, figure } from "./studies.js";

const PAUSE = 450;
const EXAMPLE = `study: pump
kind: fault-tree
name: {en: No cooling water}

top: no-flow
gates:
  no-flow: {or: [power, {and: [pump-a, pump-b]}]}
events:
  pump-a: 0.01
  pump-b: {rate: 2.0e-6, test-interval: 4380}
  power: {label: Power lost, is: 1.0e-4}
`;

export class Editor {
  constructor(host, id, saved) {
    Object.assign(this, { host, id, saved, version: null, turn: 0 });
    this.host.addEventListener("input", ({ target }) => {
      if (!target.matches("textarea.file")) return;
      this.attached[target.dataset.file] = target.value;
      this.changed();
    });
  }

  begin(text, attached, version, may) {
    this.version = version;
    this.attached = { ...attached };
    this.first = text;
    this.host.innerHTML = frame(may, Object.entries(this.attached));
    this.area = this.host.querySelector("textarea.code");
    this.area.value = version === null ? EXAMPLE : text;
    this.area.readOnly = !may;
    this.area.addEventListener("input", () => this.changed());
    this.area.addEventListener("scroll", () => (this.host.querySelector(".lines").scrollTop = this.area.scrollTop));
    this.area.addEventListener("keydown", (event) => this.key(event));
    this.host.querySelector("[type=file]").addEventListener("change", ({ target }) => this.attach(target.files));
    this.host.querySelector(".mistakes").addEventListener("click", ({ target }) => {
      const line = Number(target.closest("[data-line]")?.dataset.line);
      if (line) this.go(line);
    });
    this.host.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.save(event.target.elements.reason.value);
    });
    this.number([]);
    if (may) this.check();
  }

  /** A tree in Open-PSA that the text names by `file:`. */
  async attach(files) {
    for (const one of files) {
      this.attached[one.name] = await one.text();
      this.host.querySelector(`textarea[data-file="${CSS.escape(one.name)}"]`)?.closest("label").remove();
      this.host.querySelector(".files").insertAdjacentHTML("beforeend", fileOf(one.name, this.attached[one.name], true));
    }
    this.changed();
  }

  /** Of the files that were put beside the text the one that it names: a study has no other. */
  beside() {
    const named = /^file:\s*["']?([^"'#\n]+?)["']?\s*(#.*)?$/m.exec(this.area.value)?.[1];
    return named in this.attached ? { [named]: this.attached[named] } : {};
  }

  /** Tab stays in the text; Escape first, then Tab leaves it. */
  key(event) {
    if (event.key === "Escape") this.leaves = true;
    else if (event.key === "Tab" && !event.shiftKey && !this.leaves && !this.area.readOnly) {
      event.preventDefault();
      this.area.setRangeText("  ", this.area.selectionStart, this.area.selectionEnd, "end");
      this.changed();
    } else if (event.key !== "Tab") this.leaves = false;
  }

  changed() {
    this.number(this.mistakes ?? []);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), PAUSE);
  }

  number(mistakes) {
    const wrong = new Set(mistakes.map((one) => one.line));
    const count = this.area.value.split("\n").length;
    this.host.querySelector(".lines").innerHTML = Array.from({ length: count }, (_, n) => `<i class="${wrong.has(n + 1) ? "wrong" : ""}">${n + 1}</i>`).join("");
    this.host.querySelector(".lines").scrollTop = this.area.scrollTop;
  }

  go(line) {
    const before = this.area.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    const end = this.area.value.indexOf("\n", before);
    this.area.focus();
    this.area.setSelectionRange(before, end < 0 ? this.area.value.length : end);
    this.area.scrollTop = (line - 4) * 21;
  }

  async check() {
    const turn = ++this.turn;
    const told = await api.post("/api/v1/risk/studies/preview", { text: this.area.value, attached: this.beside(), study: this.id ?? "" });
    if (turn !== this.turn || told.superseded) return;
    this.mistakes = told.refused ? [{ line: 0, text: told.refused }] : told.mistakes;
    this.number(this.mistakes);
    this.drafted = told.study;
    this.host.querySelector(".mistakes").innerHTML = this.mistakes.map((one) => `<li><button type="button" class="button quiet" data-line="${one.line}">${esc(label(one.text))}</button></li>`).join("");
    this.host.querySelector(".effect").innerHTML = told.outcome ? effect(told) : "";
    this.host.querySelector("form .main").disabled = this.mistakes.length > 0;
  }

  async save(reason) {
    const id = this.id || this.drafted;
    const answer = await api.put(`/api/v1/risk/studies/${encodeURIComponent(id)}`, { text: this.area.value, attached: this.beside(), base: this.version, reason });
    this.host.querySelector("form .form-error").textContent = answer.refused ?? "";
    if (!answer.refused) this.saved(answer);
  }
}

/** What the text says, and what it changes of the version in force. */
function effect({ outcome, difference }) {
  const sets = difference?.cut_sets;
  const list = (words, found) => (found.length ? `<h3>${t(words)}</h3><ul>${found.slice(0, 12).map((one) => `<li class="mono">${esc(one.join(" · "))}</li>`).join("")}</ul>` : "");
  const from = (words, pair) => `<tr><td>${t(words)}</td><td class="number">${figure(pair.before)}</td><td class="number strong">${figure(pair.after)}</td><td class="number">${pair.before ? factorText(pair.after / pair.before) : "—"}</td></tr>`;
  const changes = difference
    ? `<table class="sheet"><thead><tr><th></th><th class="number">${t("Version")} ${difference.version}</th><th class="number">${t("This text")}</th><th class="number">${t("Changed by")}</th></tr></thead><tbody>${from("Baseline", difference.baseline)}${from("At present", difference.value)}${sets ? `<tr><td>${t("Cut sets")}</td><td class="number">${sets.before ?? "—"}</td><td class="number strong">${sets.after ?? "—"}</td><td></td></tr>` : ""}</tbody></table>${sets ? list("Cut sets that come", sets.new) + list("Cut sets that go", sets.gone) : ""}`
    : `<p>${t("Baseline")} <b>${figure(outcome.baseline)}</b> ${esc(outcome.unit)} · ${t("At present")} <b>${figure(outcome.value)}</b> ${factorText(outcome.factor)}</p>`;
  return `<h2>${t("What this text says")}</h2>${changes}`;
}

const frame = (may, files) => `
  <div class="study-editor"><div class="panel code-box"><div class="lines" aria-hidden="true"></div><textarea class="code mono" spellcheck="false" autocomplete="off" wrap="off" aria-label="${t("Text of the study")}"></textarea></div>
    <div class="side"><ul class="mistakes" role="status"></ul><div class="effect"></div>
      <form ${may ? "" : "hidden"}><label class="labelled">${t("Reason")}<input class="field" name="reason" minlength="3" maxlength="500" required></label><div class="form-error" role="alert"></div><div class="button-row"><button class="button main">${t("Keep as the next version")}</button></div></form>
      <p class="dim">${t("Checked by the node as you type. Esc, then Tab leaves the text.")}</p></div></div>
  <div class="files">${files.map(([name, text]) => fileOf(name, text, may)).join("")}</div>
  <label class="labelled attach" ${may ? "" : "hidden"}>${t("Put a file beside it (Open-PSA XML), which the text names by file:")}<input type="file" class="field" accept=".xml,.yaml,.yml" multiple></label>`;

const fileOf = (name, text, may) => `<label class="labelled">${esc(name)}<textarea class="file field mono" data-file="${esc(name)}" rows="14" wrap="off" ${may ? "" : "readonly"}>${esc(text)}</textarea></label>`;
