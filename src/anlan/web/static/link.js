// The one connection of a page to the node. Values, alarms, sources and the summary come over it, pushed; nothing is polled.
//
// Frames (monitor/console_socket.py): {t: the server's µs, core: whether the app hears the core, v: [[id, time, value, quality, received]…], a: [alarm rows], whole, s: [source rows],
// sum: summary, cal: [ids of detectors under calibration], f: [faults of the node], fl: [alarm floods that run], ev: [evacuation calls that stand], pl: {path: counts} of the places asked for, page: what pages are made from now, bl: what can't be seen, for a page that wants it}. A frame comes at least once a second; after three seconds without one the page is no longer live and says so.

import { config, t } from "./config.js";

const LOST_AFTER = 3000;

class Link extends EventTarget {
  constructor() {
    super();
    /** connecting, up, deaf (the node answers but its core does not), lost */
    this.state = "connecting";
    this.readings = new Map();
    this.watchers = new Map();
    /** What else this page wants to be told. */
    this.also = new Set();
    /** Detectors whose own state says calibration: their readings look plain. */
    this.calibrating = new Set();
    /** Questions to the node that wait for their answer. */
    this.asking = 0;
    this.faults = [];
    this.floods = [];
    this.offset = 0;
    this.heard = performance.now();
    this.retry = 500;
    if (config.live !== false) setInterval(() => this.check(), 500);
  }

  /** The node's clock as this page knows it. [µs] */
  now() {
    return Math.round(Date.now() * 1000 + this.offset);
  }

  /** How long nothing was heard. [ms] */
  silence() {
    return performance.now() - this.heard;
  }

  watch(point, take) {
    if (!this.watchers.has(point)) this.watchers.set(point, new Set());
    this.watchers.get(point).add(take);
    take(this.readings.get(point));
    this.subscribeSoon();
  }

  unwatch(point, take) {
    const all = this.watchers.get(point);
    all?.delete(take);
    if (all?.size === 0) {
      this.watchers.delete(point);
      this.subscribeSoon();
    }
  }

  /** Be told of one thing more: "blind". */
  want(name) {
    this.also.add(name);
    this.subscribeSoon();
  }

  /** Be told the counts of these places, and of no others any more. */
  wantPlaces(paths) {
    for (const one of [...this.also]) if (one.startsWith("place:")) this.also.delete(one);
    for (const path of paths) this.also.add(`place:${path}`);
    this.subscribeSoon();
  }

  /** One message for all that a page shows, however many elements ask. */
  subscribeSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.subscribe(), 30);
  }

  subscribe() {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ points: [...this.watchers.keys()], also: [...this.also] }));
  }

  open() {
    const address = new URL("/api/v1/live/ws", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    this.socket = socket;
    this.opened = performance.now();
    socket.onopen = () => {
      socket.wasOpen = true;
      this.subscribe();
    };
    socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    socket.onclose = (event) => this.closed(socket, event);
  }

  closed(socket, event) {
    if (socket !== this.socket) return;
    this.socket = null;
    if (event.code === 1008 || !socket.wasOpen) this.stillSignedIn();
    setTimeout(() => this.open(), this.retry);
    this.retry = Math.min(5000, this.retry * 1.6);
  }

  /** A connection that is refused may mean that the session is over, or that the right to see live values is: the page, loaded anew, then
   *  says who has to sign in, or no longer asks for what it may not see. Not while an answer is awaited: one that signs somebody else in ends the
   *  session before it is here, and loading anew would lose it. */
  async stillSignedIn() {
    for (const until = performance.now() + 10_000; this.asking && performance.now() < until; ) await new Promise((resolve) => setTimeout(resolve, 50));
    const answer = await api.get("/api/v1/me");
    if (answer.status === 401 || (answer.actions && !answer.actions.includes("live.view"))) location.reload();
  }

  take(frame) {
    this.heard = performance.now();
    this.retry = 500;
    if (frame.t) this.offset = frame.t - Date.now() * 1000;
    this.core = frame.core ?? true;
    const state = this.core ? "up" : "deaf";
    if (this.state !== state) this.become(state);
    for (const [id, time, value, quality, received] of frame.v ?? []) this.reading(id, { time, value, quality, received });
    if (frame.cal) this.calibrate(frame.cal);
    if (frame.f) this.tell("faults", (this.faults = frame.f));
    if (frame.ev) this.tell("evacuations", (this.evacuations = frame.ev));
    if (frame.rq !== undefined) this.tell("requests", frame.rq);
    if (frame.fl) this.tell("floods", (this.floods = frame.fl));
    if (frame.bl) this.tell("blind", frame.bl);
    if (frame.a) this.tell("alarms", { rows: frame.a, whole: Boolean(frame.whole) });
    if (frame.s) this.tell("sources", (this.sources = frame.s));
    if (frame.page) this.tell("page", frame.page);
    if (frame.who) this.tell("who", frame.who);
    if (frame.pl) this.tell("places", frame.pl);
    if (frame.sum) this.tell("summary", (this.summary = frame.sum));
  }

  reading(id, reading) {
    this.readings.set(id, reading);
    for (const take of this.watchers.get(id) ?? []) take(reading);
  }

  /** Whoever shows a point that enters or leaves calibration is told its reading again. */
  calibrate(ids) {
    const before = this.calibrating;
    this.calibrating = new Set(ids);
    for (const id of new Set([...before, ...ids]))
      for (const take of this.watchers.get(id) ?? []) take(this.readings.get(id));
  }

  check() {
    if (!this.socket && !this.opened) this.open();
    if (this.state !== "lost" && this.silence() > LOST_AFTER) this.become("lost");
    // A connection that was cut without a word (cable, sleep) never closes by itself.
    if (this.socket && this.silence() > 10_000 && performance.now() - this.opened > 10_000) {
      const dead = this.socket;
      this.socket = null;
      dead.close();
      this.open();
    }
  }

  become(state) {
    this.state = state;
    this.tell("state", state);
  }

  tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}

export const link = new Link();

/** JSON from the API: the answer, or {refused: why} in the page's language. Never throws. */
async function ask(path, options = {}) {
  link.asking += 1;
  try {
    const answer = await fetch(path, { credentials: "same-origin", headers: { Accept: "application/json", ...options.headers }, ...options });
    const body = answer.status === 204 ? {} : await answer.json();
    if (!answer.ok) return { refused: body.detail || body.title || answer.statusText, code: body.code, facts: body.facts, status: answer.status };
    return body.accepted === false ? { ...body, refused: body.why || body.detail } : body;
  } catch (error) {
    console.warn(path, error);
    return { refused: t("The node does not answer.") };
  } finally {
    link.asking -= 1;
  }
}

const send = (method) => (path, body) =>
  ask(path, {
    method,
    body: JSON.stringify(body ?? {}),
    headers: { Accept: "application/json", "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` },
  });

export const api = {
  get: (path) => ask(path),
  post: send("POST"),
  put: send("PUT"),
  patch: send("PATCH"),
  delete: send("DELETE"),
};
