// The standing alarms as this browser knows them: a snapshot, then every change from the shared stream. One copy per page, many views.
//
// Sound: an alarm of this post that is new, has returned to life or became worse sounds until somebody silences here (this console
// only) or acknowledges (everywhere). Silence remembers which episodes it answered; anything newer sounds again. An alarm of another
// post sounds here once it has been passed on to this post or this person's role because nobody acknowledges it.

import { config, t } from "./config.js";
import { api, link } from "./link.js";
import { sound } from "./sound.js";

export const UNACKNOWLEDGED = new Set(["UNACKNOWLEDGED", "RETURNED_UNACKNOWLEDGED", "LATCHED_UNACKNOWLEDGED"]);
export const ACTIVE = new Set(["UNACKNOWLEDGED", "ACKNOWLEDGED"]);
export const LATCHED = new Set(["LATCHED_UNACKNOWLEDGED", "LATCHED_ACKNOWLEDGED"]);
export const HIDDEN = new Set(["SHELVED", "SUPPRESSED", "OUT_OF_SERVICE"]);

const STATE_WORDS = {
  NORMAL: "condition gone",
  UNACKNOWLEDGED: "active, unacknowledged",
  ACKNOWLEDGED: "active, acknowledged",
  RETURNED_UNACKNOWLEDGED: "returned, unacknowledged",
  LATCHED_UNACKNOWLEDGED: "latched, unacknowledged",
  LATCHED_ACKNOWLEDGED: "latched, acknowledged",
  SHELVED: "shelved",
  SUPPRESSED: "suppressed by design",
  OUT_OF_SERVICE: "out of service",
};

const KIND_WORDS = {
  LL: "low-low",
  L: "low",
  H: "high",
  HH: "high-high",
  ST: "state",
  BAD: "bad quality",
  STALE: "no longer updated",
  VIEW: "loss of view",
  ROC: "rate of change",
  DEV: "deviation",
  FRZ: "frozen",
  DIS: "discrepancy",
  TIS: "time in state",
  CNT: "count",
  IF: "condition",
};

export const stateWords = (state) => t(STATE_WORDS[state] ?? state);
export const kindWords = (kind) => (kind == null ? "—" : t(KIND_WORDS[kind] ?? kind));

/** The symbol: its shape and number are the priority, filled while active, hollow once returned, dashed while latched. */
export function symbol(priority, state = "ACKNOWLEDGED") {
  const look = state.startsWith("RETURNED") ? " returned" : state.startsWith("LATCHED") ? " latched" : "";
  const flash = UNACKNOWLEDGED.has(state) ? " flash" : "";
  return `<svg class="sym p${priority}${look}${flash}" viewBox="0 0 24 24" role="img" aria-label="${t("priority {n}", { n: priority })}"><use href="#sym-${priority}"/></svg>`;
}

/** How several alarms of one priority are drawn as one symbol: flashing if any waits for an answer, filled if any is active. */
export function commonState(rows) {
  const open = rows.some((row) => UNACKNOWLEDGED.has(row.state));
  if (rows.some((row) => ACTIVE.has(row.state))) return open ? "UNACKNOWLEDGED" : "ACKNOWLEDGED";
  return open ? "RETURNED_UNACKNOWLEDGED" : "LATCHED_ACKNOWLEDGED";
}

/** How many of each priority, as symbols with their counts. */
export function byPriority(rows) {
  return [1, 2, 3, 4]
    .map((priority) => rows.filter((row) => row.priority === priority))
    .filter((group) => group.length)
    .map((group) => `<span>${symbol(group[0].priority, commonState(group))}${group.length}</span>`)
    .join("");
}

const RANK = { true: 0, false: 1 };

/** Worst first: unacknowledged before the rest, then priority, then the newest. */
export function worstFirst(a, b) {
  return (
    RANK[UNACKNOWLEDGED.has(a.state)] - RANK[UNACKNOWLEDGED.has(b.state)] ||
    a.priority - b.priority ||
    RANK[ACTIVE.has(a.state)] - RANK[ACTIVE.has(b.state)] ||
    b.noticed_at - a.noticed_at
  );
}

class Alarms extends EventTarget {
  constructor() {
    super();
    this.rows = new Map();
    this.loaded = false;
    this.silenced = new Set();
    link.addEventListener("alarms", ({ detail }) => this.take(detail.rows, detail.whole));
  }

  take(rows, whole = false) {
    if (whole) this.rows.clear();
    for (const row of rows) row.state === "NORMAL" ? this.rows.delete(row.id) : this.rows.set(row.id, row);
    this.loaded = true;
    this.forgetSilenced();
    this.soundOrNot();
    this.dispatchEvent(new Event("change"));
  }

  list() {
    return [...this.rows.values()];
  }

  forgetSilenced() {
    const standing = new Set(this.list().map(keyOf));
    for (const key of this.silenced) if (!standing.has(key)) this.silenced.delete(key);
  }

  sounding() {
    return this.list().filter((row) => UNACKNOWLEDGED.has(row.state) && concernsHere(row) && !this.silenced.has(keyOf(row)));
  }

  soundOrNot() {
    if (config.silent) return; // a wall that nobody can silence makes no sound; the consoles and the node do
    const worst = Math.min(...this.sounding().map((row) => row.priority), 9);
    worst <= 4 ? sound.start(worst) : sound.stop();
  }

  /** Silence this console: everything that sounds now; nothing is acknowledged. Journalled by the node for each alarm silenced. */
  async silence() {
    const now = this.sounding();
    for (const row of now) this.silenced.add(keyOf(row));
    this.soundOrNot();
    this.dispatchEvent(new Event("change"));
    const answers = await Promise.all(now.map((row) => this.command(row, "silence")));
    return answers.filter((answer) => answer.refused);
  }

  /** One person's step on one alarm, naming the episode and severity it answers. Returns {refused: reason or ""}. */
  async command(row, kind, more = {}) {
    const body = kind === "seen" ? { episode: row.episode } : { episode: row.episode, priority: row.priority, ...more };
    return api.post(`/api/v1/alarms/${encodeURIComponent(row.id)}/${kind}`, body);
  }
}

const here = new Set([config.post, ...(config.roles ?? [])].filter(Boolean));
/** At no post one hears every alarm, unless alarms are passed on to one's role: then only those that are. */
const hearsAll = !config.post && !(config.escalation ?? []).some((to) => here.has(to));

/** How often the alarm was passed on to this post or role; 0: not yet. */
export const passedOnHere = (row) => (row.told_to ?? []).filter((to) => here.has(to)).length;

/** Whether this console has to answer, or at least to hear, the alarm. */
export const concernsHere = (row) => hearsAll || !row.post || row.post === config.post || passedOnHere(row) > 0;

// One that comes on again is another episode; one that is passed on to here sounds here again, whatever was silenced before.
const keyOf = (row) => `${row.id}#${row.episode}#${row.priority}#${passedOnHere(row)}`;

export const alarms = new Alarms();
