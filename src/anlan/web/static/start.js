// <anlan-start>: choose a way in, look at the device, tick what is wanted, name it, see what it changes, bring it into force.
//
// A step is a module with `markup(wizard)` and, where it has something to do, `act(wizard, data, element)`. What was ticked stays when a person
// goes back. Once the plant has a new version the page is another: /start?added=SOURCE shows the values as they arrive (start_after.js).

import { t } from "./config.js";
import { api } from "./link.js";
import { after } from "./start_after.js";
import { list } from "./start_list.js";
import { modbus } from "./start_modbus.js";
import { mqtt } from "./start_mqtt.js";
import { opcua } from "./start_opcua.js";
import { points } from "./start_points.js";

const WAYS = { opcua, modbus, mqtt, list };
const STEPS = ["Choose a source", "Look at the device", "Name the points", "Values arrive", "First alarm"];

class Start extends HTMLElement {
  connectedCallback() {
    this.given = JSON.parse(this.getAttribute("given"));
    this.way = null;
    this.step = this.given.added ? 3 : 0;
    /** What the person typed of the source: id, name, and the driver's own fields. */
    this.source = {};
    /** Address → the line of a point list that it became. */
    this.rows = new Map();
    this.extra = { places: {} };
    this.addEventListener("click", ({ target }) => {
      const at = target.closest("[data-act]");
      if (at) this.act(at.dataset, at);
    });
    this.addEventListener("submit", (event) => {
      event.preventDefault();
      this.act({ act: event.target.dataset.send }, event.target);
    });
    window.addEventListener("beforeunload", (event) => this.step < 3 && this.rows.size && !this.added && event.preventDefault());
    this.addEventListener("change", ({ target }) => target.dataset.change && this.act({ act: target.dataset.change, ...target.dataset }, target));
    this.show();
  }

  get module() {
    return this.step >= 3 ? after : this.step === 2 ? points : this.step === 1 ? WAYS[this.way] : choice;
  }

  show() {
    this.innerHTML = `${steps(this)}<div class="start-body">${this.module.markup(this)}</div>`;
    this.module.mounted?.(this);
    this.querySelector("[autofocus]")?.focus();
  }

  async act(data, element) {
    if (data.act === "back") this.go(this.step - 1);
    else if (data.act === "way") this.choose(data.way);
    else if (data.act === "points") this.go(2);
    else await this.module.act?.(this, data, element);
  }

  go(step) {
    this.step = step;
    this.show();
  }

  choose(way) {
    if (way !== this.way) this.rows.clear();
    this.way = way;
    const driver = WAYS[way].driver;
    const taken = new Set(this.given.sources.map((one) => one.id));
    let n = 1;
    while (taken.has(`${driver}-${n}`)) n += 1;
    if (way !== "list") this.source = { driver, id: `${driver}-${n}`, name: "", ...WAYS[way].source };
    this.go(1);
  }

  /** A look at a device: the answer, or null after showing why not beside the form. */
  async look(path, body, note) {
    const out = this.querySelector(".start-error");
    const busy = this.querySelector(".start-busy");
    out.textContent = "";
    busy.textContent = note ?? t("Connecting …");
    this.classList.add("busy");
    const told = await api.post(`/api/v1/devices/${path}`, body);
    this.classList.remove("busy");
    if (busy.isConnected) busy.textContent = "";
    if (told.refused) {
      if (out.isConnected) out.textContent = told.refused;
      return null;
    }
    return told;
  }

  tick(address, row, on) {
    if (on) this.rows.set(address, { source: this.source.id, address, ...row });
    else this.rows.delete(address);
    this.count();
  }

  count() {
    const foot = this.querySelector("[data-count]");
    if (!foot) return;
    foot.textContent = t("{n} ticked", { n: this.rows.size });
    this.querySelector("[data-act=points]").disabled = this.rows.size === 0;
  }

  /** A row of fields of the source. Each is kept as it is typed. */
  read(form) {
    for (const [name, value] of new FormData(form)) this.source[name] = typeof value === "string" ? value.trim() : value;
  }
}

const choice = {
  markup: ({ given }) => `<div class="start-head"><h2>${given.empty ? t("This plant has no source yet. Where do its values come from?") : t("Add a source: where do its values come from?")}</h2><p class="dim">${t("Anlan only reads. It looks at the device first, and nothing changes until you have seen what will.")}</p></div>
    <div class="start-ways">${Object.entries(WAYS).map(([way, one]) => `<button type="button" class="panel start-way" data-act="way" data-way="${way}"><b>${t(one.title)}</b><span>${t(one.about)}</span></button>`).join("")}</div>`,
};

function steps({ step }) {
  return `<ol class="start-steps">${STEPS.map((words, n) => `<li${n === step ? ' aria-current="step"' : ""} class="${n < step ? "done" : ""}"><b>${n + 1}</b><span>${t(words)}</span></li>`).join("")}</ol>`;
}

customElements.define("anlan-start", Start);
