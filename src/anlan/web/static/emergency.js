// <anlan-emergency>: the open alarms of a paired station's post when nobody can sign in. Asked for every two seconds by the station's key; nothing of it
// needs the records of people. Each answer is recorded as unidentified, with post and station.

import { UNACKNOWLEDGED, kindWords, stateWords, symbol } from "./alarms.js";
import { esc, label, t } from "./config.js";
import { clock, stamp } from "./format.js";
import { api } from "./link.js";
import { callForm, showCalls } from "./evacuation.js";
import { ask } from "./point_forms.js";
import { figure } from "./sentences.js";

const AGAIN = 2_000;

class Emergency extends HTMLElement {
  connectedCallback() {
    this.innerHTML = `<div class="said" role="status"></div><div class="button-row"><a class="button" href="#evacuate">${t("Call a branch to evacuate")} ↓</a></div><div class="list"></div><p class="form-error" role="alert"></p><div class="evacuation" id="evacuate"></div>`;
    this.addEventListener("click", ({ target }) => this.act(target.closest("button[data-step]")));
    this.timer = setInterval(() => this.load(), AGAIN);
    this.load();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  async load() {
    const answer = await api.get("/api/v1/emergency");
    this.querySelector(".said").innerHTML = answer.refused ? `<div class="notice wrong">${esc(answer.refused)} ${answer.status === 401 ? `<a href="/pair">${t("Pair this station")}</a>` : t("What stands below is from before.")}</div>` : head(answer);
    this.classList.toggle("deaf", Boolean(answer.refused) || !answer.connected || !answer.journal);
    this.identity = answer.identity;
    if (answer.refused) return;
    this.show(answer);
    this.showEvacuation(answer);
  }

  /** The form stays as it is while somebody fills it in. */
  showEvacuation({ evacuations, places }) {
    const declares = () => this.identity; // as it is when the button is pressed
    const send = (call, reason, declared) => api.post("/api/v1/emergency/evacuate/end", { call: call.id, reason, identity_unavailable: declared });
    showCalls(evacuations, send, declares);
    const place = this.querySelector(".evacuation");
    if (!place.childElementCount) place.append(callForm(places, (call) => api.post("/api/v1/emergency/evacuate", call)));
  }

  /** Rows that did not move keep their buttons: a key press must not fall between two. */
  show(answer) {
    const live = answer.connected && answer.journal;
    const key = JSON.stringify([live, answer.more, answer.items.map((row) => [row.id, row.episode, row.state, row.priority])]);
    if (key === this.key) return;
    this.key = key;
    const focus = document.activeElement?.dataset;
    const held = focus?.step && `[data-step="${focus.step}"][data-alarm="${CSS.escape(focus.alarm)}"]`;
    this.items = new Map(answer.items.map((row) => [row.id, row]));
    const list = this.querySelector(".list");
    list.innerHTML = answer.items.map(line).join("") || `<div class="empty"><strong>${live ? t("No alarm of this post stands.") : t("Whether an alarm of this post stands is not known now.")}</strong></div>`;
    if (answer.more) list.insertAdjacentHTML("beforeend", `<p class="dim">${t("… and {n} more", { n: answer.more })}</p>`);
    if (held) list.querySelector(held)?.focus();
  }

  async act(button) {
    const row = button && this.items.get(button.dataset.alarm);
    if (!row) return;
    button.disabled = true;
    const { step } = button.dataset;
    const send = (given) => api.post(`/api/v1/emergency/${step}`, { alarm: row.id, episode: row.episode, priority: row.priority, ...given });
    const answer = step === "acknowledge" && this.identity ? await declare(row, send) : await send({});
    this.querySelector(".form-error").textContent = answer?.refused ? t("Refused: {why}", { why: answer.refused }) : "";
    button.disabled = false;
    await this.load();
  }
}

/** While people can sign in, who does not says why; null if turned back. */
function declare(row, send) {
  return ask({
    title: t("Declare: identity not available"),
    about: `<b>${esc(row.id)}</b> ${esc(label(row.name))}`,
    fields: [{ name: "reason", words: t("Reason") }],
    note: t("People can sign in now. Journal and audit record keep this declaration, and every console shows it for half an hour."),
    say: t("Declare and acknowledge"),
    send: ({ reason }) => send({ reason, identity_unavailable: true }),
  });
}

function head(told) {
  const post = label(told.post_name) || told.post;
  const why = told.identity ? t("People can sign in: answer by your own name if there is time.") : t("The records of people cannot be read: nobody can sign in now.");
  const deaf = told.connected && told.journal ? "" : `<div class="notice wrong" role="alert">${t("The node's core does not answer: nothing on this screen is live and no alarm is decided here now.")}</div>`;
  const here = told.signed_in ? `<div class="notice wrong">${t("{name} is signed in here: answer on the ordinary pages.", { name: esc(label(told.signed_in)) })} <a href="/alarms">${t("Alarms")}</a></div>` : "";
  const wrong = (told.wrong ?? []).map((words) => `<div class="notice wrong" role="alert">${esc(words)}</div>`).join("");
  return `${deaf}${wrong}${here}<header><h1>${t("Unidentified, post {post}", { post: esc(post) })}</h1><p>${t("Each answer here is recorded as unidentified, at this post and station ({station}), and shown on every console.", { station: esc(told.station) })}</p><p class="dim">${why} ${told.identity ? `<a href="/login">${t("Sign in")}</a>` : ""} <time>${clock(told.at)}</time></p></header>`;
}

function line(row) {
  const open = UNACKNOWLEDGED.has(row.state);
  const button = (step, words, main) => `<button class="button${main ? " main" : ""}" data-step="${step}" data-alarm="${esc(row.id)}">${t(words)}</button>`;
  const value = row.value === null || row.kind === "VIEW" ? "" : `${esc(figure(row, row.value))}${row.limit === null ? "" : ` / ${esc(figure(row, row.limit))}`}`;
  return `<section class="panel alarm" data-alarm="${esc(row.id)}">${symbol(row.priority, row.state)}<div class="what"><b>${esc(row.point || row.source)}</b> ${esc(label(row.name))} · ${esc(kindWords(row.kind))}<br><span class="dim">${esc(stateWords(row.state))} · ${stamp(row.noticed_at)} ${value}</span>
    ${label(row.corrective_action) ? `<p class="do"><span class="dim">${t("What to do")}</span> ${esc(label(row.corrective_action))}</p>` : ""}</div>
    <div class="button-row">${open ? button("acknowledge", "Acknowledge", true) : ""}${open ? button("silence", "Silence") : ""}</div></section>`;
}

customElements.define("anlan-emergency", Emergency);
