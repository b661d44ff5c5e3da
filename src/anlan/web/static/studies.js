// <anlan-studies>: the studies in force, the most worsened first: factor against baseline, what moved it, the share unknown. Kept alive by the
// event stream. <anlan-study> is one of them (study.js).

import { config, esc, label, t } from "./config.js";
import { shortStamp } from "./format.js";
import { api } from "./link.js";

/** 0.00081695 → 8.17×10⁻⁴; between a thousandth and a thousand as people write it. */
export function figure(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "—";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e4) return String(Number(value.toPrecision(digits)));
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  return `${mantissa}×10${[...String(Number(power))].map((c) => SUPERSCRIPT[c]).join("")}`;
}

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** ×12; a thing that is less than its baseline ×0.4. */
export const factorText = (factor) => (factor === null || factor === undefined ? "—" : `×${figure(factor, factor >= 100 ? 3 : 2)}`);

/** The factor of a whole outcome; what was impossible before has none. */
export const against = (outcome) => (outcome && outcome.factor === null && outcome.baseline === 0 && outcome.value > 0 ? "×∞" : factorText(outcome?.factor));

export const isWorse = (outcome) => Boolean(outcome) && (outcome.factor > 1.005 || (outcome.baseline === 0 && outcome.value > 0));

export const share = (unknown) => `${Math.round(unknown * 100)} %`;

/** "SIF-07 已旁路 ×12", the facts that worsen it, the strongest first. */
export function reason(outcome) {
  const worse = outcome.moved.filter((one) => (one.factor === null ? outcome.baseline === 0 && one.adverse : Math.abs(one.factor - 1) > 5e-3));
  return worse.map((one) => `${label(one.why)} ${one.factor === null ? "" : factorText(one.factor)}`);
}

class Studies extends HTMLElement {
  connectedCallback() {
    this.rows = [];
    this.innerHTML = frame(this.hasAttribute("edits"));
    this.querySelector("select").addEventListener("change", () => this.show());
    this.querySelector("tbody").addEventListener("click", ({ target }) => target.closest("tr")?.querySelector("a")?.click());
    this.begin();
    this.stream = new EventSource("/api/v1/risk/stream");
    this.stream.addEventListener("studies", ({ data }) => {
      this.rows = JSON.parse(data).items;
      this.show();
    });
  }

  disconnectedCallback() {
    this.stream.close();
  }

  async begin() {
    const answer = await api.get("/api/v1/risk/studies");
    this.querySelector(".form-error").textContent = answer.refused ?? "";
    if (answer.refused) return;
    const choice = this.querySelector("select");
    choice.insertAdjacentHTML("beforeend", answer.kinds.map(({ kind, name }) => `<option value="${esc(kind)}">${esc(label(name))}</option>`).join(""));
    this.rows = answer.items;
    this.loaded = answer.loaded;
    this.show();
  }

  show() {
    const kind = this.querySelector("select").value;
    const shown = this.rows.filter((row) => !kind || row.kind === kind);
    const focused = document.activeElement?.closest?.("tr")?.dataset.id;
    const html = shown.map(line).join("");
    if (html !== this.html) this.querySelector("tbody").innerHTML = this.html = html;
    if (focused) this.querySelector(`tr[data-id="${CSS.escape(focused)}"] a`)?.focus();
    this.querySelector(".empty").hidden = shown.length > 0;
    this.querySelector(".tally").textContent = t("{n} studies", { n: shown.length });
  }
}

const frame = (edits) => `
  <div class="study-tools"><select class="field" aria-label="${t("Kind of study")}"><option value="">${t("All kinds")}</option></select>
    <span class="tally dim"></span><span class="spacer"></span>${edits ? `<a class="button" href="/risk/studies/new">${t("New study")}</a>` : ""}</div>
  <div class="form-error" role="alert"></div>
  <section class="panel list wide-table"><table class="sheet"><thead><tr><th>${t("Study")}</th><th>${t("Kind of study")}</th><th>${t("Place")}</th>
    <th class="number">${t("Against baseline")}</th><th>${t("Reason")}</th><th class="number">${t("Unknown")}</th><th class="number">${t("At present")}</th><th class="number">${t("Baseline")}</th><th>${t("Since")}</th><th class="number">${t("Version")}</th></tr></thead>
    <tbody></tbody></table><p class="empty" hidden><strong>${t("No study is kept here.")}</strong></p></section>
  <p class="dim note">${t("A factor is the model's answer to the facts of now, against its own answer without them. Unknown facts never lower it.")}</p>`;

function line(row) {
  const outcome = row.outcome;
  const unit = outcome?.unit ?? "";
  const worse = isWorse(outcome);
  const why = row.failure ? `<span class="wrong">${esc(label(row.failure))}</span>` : !outcome ? `<span class="dim">${t("not computed yet")}</span>` : (reason(outcome).slice(0, 2).map((one) => `<div>${esc(one)}</div>`).join("") || `<span class="dim">${outcome.moved.length ? t("no fact moves it") : t("nothing is bound to the plant")}</span>`);
  return `<tr data-id="${esc(row.id)}" class="${worse ? "worse" : ""}"><td><a href="/risk/studies/${encodeURIComponent(row.id)}"><b>${esc(label(row.name))}</b></a><div class="dim mono">${esc(row.id)}</div></td>
    <td>${esc(label(row.kind_name))}</td><td>${esc(row.place_name ? label(row.place_name) : row.place || t("whole plant"))}</td>
    <td class="number factor">${against(outcome)}</td><td class="why">${why}</td>
    <td class="number">${outcome?.moved.length ? `<span class="${outcome.unknown ? "unknown" : ""}">${share(outcome.unknown)}</span>` : "—"}</td>
    <td class="number">${figure(outcome?.value)} ${esc(unit)}</td><td class="number dim">${figure(outcome?.baseline)} ${esc(unit)}</td>
    <td class="nowrap dim">${row.changed_at ? shortStamp(row.changed_at, Date.now() * 1000) : "—"}</td><td class="number dim">${row.version}</td></tr>`;
}

customElements.define("anlan-studies", Studies);
