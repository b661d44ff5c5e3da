// The alarm list in groups, as a view (DOMAIN.md 3): of each group the alarm that happened first stands for all of it, with how many they are and
// how bad; opened, all of them follow. Nothing is left out: every alarm is in one item, priority 1 always stands alone, and no group
// reaches across posts. The same rule as monitor/flood.py's `grouped`.

import { UNACKNOWLEDGED, commonState, symbol } from "./alarms.js";
import { esc, label, t } from "./config.js";
import { link } from "./link.js";
import { qualityClass } from "./quality.js";

const BY = [
  ["", "not grouped"],
  ["unit", "by unit"],
  ["equipment", "by equipment"],
  ["point", "by point"],
  ["source", "by source"],
  ["first_out", "by first-out group"],
];
const KEPT = "anlan.alarms.group";

const LEADS = { register: "first out by the SIS register", stamps: "first by time stamps", unknown: "first out unknown" };

/** Items in the order of the list's first row of each; of an item, the alarm that happened first in front. `register`: the state that a
 *  first-out point holds now, null where it is not known; a first-out group begins with the alarm of the cause that is trapped there. */
export function grouped(rows, by, register = () => null) {
  const items = new Map();
  rows.forEach((row, i) => {
    const key = row.groups?.[by] || "";
    const place = row.priority === 1 || !key ? i : `${row.post}\n${key}`;
    if (!items.has(place)) items.set(place, { place, key: typeof place === "number" ? "" : key, rows: [] });
    items.get(place).rows.push(row);
  });
  const began = (row) => row.happened_at - (by === "first_out" ? Math.round(row.on_delay * 1e6) : 0);
  for (const item of items.values()) {
    item.rows.sort((a, b) => began(a) - began(b) || a.n - b.n);
    if (by === "first_out" && item.rows.length > 1) leadByRegister(item, register(item.key));
  }
  return [...items.values()];
}

function leadByRegister(item, state) {
  const trapped = state === null ? -1 : item.rows.findIndex((row) => row.first_out_states.includes(state));
  item.lead = state === null ? "unknown" : trapped < 0 ? "stamps" : "register";
  if (trapped > 0) item.rows.unshift(...item.rows.splice(trapped, 1));
}

export class AlarmGroups {
  /** `tools`: where the choice is offered; `changed`: called when the list has to be drawn anew. */
  constructor(tools, changed) {
    this.changed = changed;
    this.open = new Set();
    this.heads = new Map();
    this.registers = new Map();
    const asked = new URLSearchParams(location.search).get("group");
    const known = (by) => BY.some(([one]) => one === by);
    this.by = known(asked) ? asked : known(localStorage.getItem(KEPT)) ? localStorage.getItem(KEPT) : "";
    const choice = document.createElement("select");
    choice.className = "field grouping";
    choice.setAttribute("aria-label", t("Group the list"));
    choice.innerHTML = BY.map(([by, words]) => `<option value="${by}"${by === this.by ? " selected" : ""}>${t(words)}</option>`).join("");
    choice.addEventListener("change", () => this.choose(choice.value));
    tools.querySelector(".spacer").after(choice);
  }

  choose(by) {
    this.by = by;
    this.open.clear();
    localStorage.setItem(KEPT, by);
    this.changed();
  }

  /** The rows to show: of a closed group the first alone. The group of the chosen alarm is open, or the choice would be out of sight. */
  arrange(rows, chosen) {
    this.heads.clear();
    this.members = new Set();
    if (this.by === "first_out") this.watch(rows);
    this.items = this.by ? grouped(rows, this.by, (point) => this.registers.get(point) ?? null) : [];
    if (!this.by) return rows;
    return this.items.flatMap((item) => this.shown(item, chosen));
  }

  /** Be told of the first-out points that these rows belong to. */
  watch(rows) {
    for (const point of new Set(rows.map((row) => row.groups?.first_out).filter(Boolean))) {
      if (this.registers.has(point)) continue;
      this.registers.set(point, null);
      link.watch(point, (reading) => this.hear(point, reading));
    }
  }

  hear(point, reading) {
    const known = Number.isFinite(reading?.value) && ["good", "uncertain"].includes(qualityClass(reading));
    const state = known ? Math.trunc(reading.value) : null;
    if (state === this.registers.get(point)) return;
    this.registers.set(point, state);
    queueMicrotask(() => this.changed());
  }

  shown(item, chosen) {
    const [first, ...rest] = item.rows;
    if (!rest.length) return [first];
    if (rest.some((row) => row.id === chosen)) this.open.add(item.place);
    this.heads.set(first.id, item);
    if (!this.open.has(item.place)) return [first];
    for (const row of rest) this.members.add(row.id);
    return item.rows;
  }

  /** Write upon the lines which of them stand for a group: how many alarms, how many of them open, the worst. */
  mark(lines) {
    for (const [id, line] of lines) {
      const item = this.heads.get(id);
      line.classList.toggle("group", Boolean(item));
      line.classList.toggle("member", this.members?.has(id) ?? false);
      const badge = line.querySelector(".group-badge");
      if (!item) badge?.remove(), line.classList.remove("waits");
      else this.badge(line, badge, item);
    }
  }

  badge(line, badge, item) {
    const waiting = item.rows.filter((row) => UNACKNOWLEDGED.has(row.state)).length;
    const worst = Math.min(...item.rows.map((row) => row.priority));
    const open = this.open.has(item.place);
    const text = t("{count} alarms, {open} unacknowledged", { count: item.rows.length, open: waiting });
    const lead = item.lead ? ` <span class="lead ${item.lead}">${t(LEADS[item.lead])}</span>` : "";
    const look = `${symbol(worst, commonState(item.rows.filter((row) => row.priority === worst)))} <b>${esc(name(item, this.by))}</b> ${esc(text)}${lead}`;
    line.classList.toggle("waits", waiting > 0);
    const place = badge ?? line.querySelector(".what").appendChild(newBadge(() => this.toggle(item.place, line.dataset.alarm)));
    place.setAttribute("aria-expanded", String(open));
    if (place.look !== look + open) {
      place.look = look + open;
      place.innerHTML = `<span aria-hidden="true">${open ? "▾" : "▸"}</span> ${look}`;
    }
  }

  toggle(place, first) {
    this.open.has(place) ? this.open.delete(place) : this.open.add(place);
    this.changed(first);
  }

  /** "137 standing in 9 items": a grouped list says how many it holds. */
  count() {
    return this.by ? t("in {n} items", { n: this.items.length }) : "";
  }
}

function newBadge(toggle) {
  const badge = document.createElement("button");
  badge.type = "button";
  badge.className = "group-badge";
  badge.addEventListener("click", (event) => {
    event.stopPropagation();
    toggle();
  });
  return badge;
}

/** What the group is called: the words of its first row where it has some. */
function name({ key, rows: [row] }, by) {
  const words = { unit: row.unit_name, equipment: row.place_name, point: row.name }[by];
  return label(words) || key.split("/").at(-1);
}
