// <anlan-account>: what a person does about the own account: password, second factor, sessions, tokens for programs.

import { esc, label, t } from "./config.js";
import { showCodes, wireFactor } from "./factor.js";
import { stamp } from "./format.js";
import { api } from "./link.js";
import { TOKENS, ask } from "./point_forms.js";
import { withKey } from "./security_key.js";
import { toast } from "./shell.js";

class Account extends HTMLElement {
  connectedCallback() {
    if (this.hasAttribute("unattended")) return void (this.innerHTML = `<div class="empty"><strong>${t("Nobody is signed in at this console.")}</strong></div>`);
    this.setUp = this.querySelector("template").innerHTML;
    const panel = (name, title) => `<section class="panel ${name}"><header><h2>${t(title)}</h2><span class="spacer"></span><span class="acts"></span></header><div class="body"></div></section>`;
    this.innerHTML = panel("factor", "Second factor") + panel("password", "Password") + panel("sessions", "Where I am signed in") + (this.hasAttribute("tokens") ? panel("tokens", "Tokens for programs") : "");
    this.addEventListener("click", ({ target }) => this.act(target.closest("[data-act]")?.dataset));
    this.body("password").innerHTML = `<div class="button-row"><button type="button" class="button" data-act="password">${t("Change the password")}</button></div>`;
    this.load();
  }

  body(name) {
    return this.querySelector(`.${name} .body`);
  }

  load() {
    return Promise.all([this.factor(), this.sessions(), this.hasAttribute("tokens") && this.tokens()]);
  }

  async factor() {
    const told = await api.get("/api/v1/me/factor");
    const body = this.body("factor");
    if (told.refused) return void (body.textContent = told.refused);
    if (!told.enrolled) {
      body.innerHTML = `${told.due ? `<p>${t("Your role needs one from {time}.", { time: esc(stamp(told.due)) })}</p>` : ""}${this.setUp}`;
      return wireFactor(body.querySelector(".factor-set-up"), () => this.load());
    }
    const remove = (act, id = "") => `<button type="button" class="button quiet" data-act="${act}" data-id="${id}">${t("Remove")}</button>`;
    const keys = told.keys.map((one) => `<tr><td class="strong">${esc(one.name)}</td><td class="mono">${esc(one.address)}${one.here ? "" : ` <span class="dim">${t("not at this address")}</span>`}</td><td>${esc(stamp(one.made_at))}</td><td>${one.used_at ? esc(stamp(one.used_at)) : t("never")}</td><td>${remove("remove-key", one.id)}</td></tr>`);
    const phone = told.phone ? [`<tr><td class="strong">${t("Phone")}</td><td></td><td>${esc(stamp(told.phone))}</td><td></td><td>${remove("remove")}</td></tr>`] : [];
    const heads = ["Key, card or phone", "Answers to", "Since", "Last used", ""].map((words) => `<th>${words && t(words)}</th>`).join("");
    body.innerHTML = `<div class="wide-table"><table class="sheet"><thead><tr>${heads}</tr></thead><tbody>${[...keys, ...phone].join("")}</tbody></table></div><p>${t("{n} codes on paper are left.", { n: told.recovery_left })}</p><ul class="recovery-codes"></ul><div class="button-row"><button type="button" class="button" data-act="more">${t(told.phone ? "Another key or phone" : "Another key, or a phone")}</button><button type="button" class="button" data-act="codes">${t("New codes for paper")}</button></div><div class="more"></div>`;
  }

  /** Another factor beside those there are; another phone takes the place of the one that is. */
  more() {
    const place = this.querySelector(".factor .more");
    place.innerHTML = this.setUp;
    wireFactor(place.querySelector(".factor-set-up"), () => this.load());
    place.querySelector("input").focus();
  }

  async sessions() {
    const { items = [] } = await api.get("/api/v1/me/sessions");
    const rows = items.map((one) => `<tr><td>${esc(one.this ? t("here") : one.unattended_at ? t("console left in view") : t("signed in"))}</td><td>${esc(one.post || t("at no post"))}</td><td class="mono">${esc(one.from_where)}</td><td>${esc(stamp(one.began_at))}</td><td>${esc(stamp(one.seen_at))}</td><td>${one.this ? "" : `<button type="button" class="button quiet" data-act="end" data-id="${one.id}">${t("End")}</button>`}</td></tr>`);
    const heads = ["", "Post", "From where", "Since", "Last used", ""].map((words) => `<th>${words && t(words)}</th>`).join("");
    this.body("sessions").innerHTML = `<div class="wide-table"><table class="sheet"><thead><tr>${heads}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
    this.querySelector(".sessions .acts").innerHTML = items.length > 1 ? `<button type="button" class="button" data-act="everywhere">${t("Sign out everywhere else")}</button>` : "";
  }

  async tokens() {
    const { items = [] } = await api.get("/api/v1/me/tokens");
    const rows = items.map((one) => `<tr><td class="strong">${esc(one.name)}</td><td>${esc(one.actions.join(", "))}</td><td>${esc(one.place || t("whole plant"))}</td><td>${esc(stamp(one.expires_at))}${one.expired ? ` ${t("expired")}` : ""}</td><td>${one.used_at ? `${esc(stamp(one.used_at))} · <span class="mono">${esc(one.used_from)}</span>` : t("never")}</td><td><button type="button" class="button quiet" data-act="revoke" data-id="${one.id}">${t("Revoke")}</button></td></tr>`);
    const heads = ["Name", "For", "Branch of the plant", "Until", "Last used", ""].map((words) => `<th>${words && t(words)}</th>`).join("");
    this.body("tokens").innerHTML = `<div class="once" role="status"></div>${rows.length ? `<div class="wide-table"><table class="sheet"><thead><tr>${heads}</tr></thead><tbody>${rows.join("")}</tbody></table></div>` : `<p class="dim">${t("A program shows a token instead of signing in. It may no more than you.")}</p>`}`;
    this.querySelector(".tokens .acts").innerHTML = `<button type="button" class="button" data-act="make">${t("Make a token")}</button>`;
  }

  async act(data) {
    const acts = { password: () => this.password(), codes: () => this.codes(), more: () => this.more(), remove: () => this.remove("/api/v1/me/factor/remove"), "remove-key": () => this.remove(`/api/v1/me/factor/keys/${data.id}/remove`), end: () => api.delete(`/api/v1/me/sessions/${data.id}`), everywhere: () => this.everywhere(), make: () => this.make(), revoke: () => api.delete(`/api/v1/me/tokens/${data.id}`) };
    const answer = await acts[data?.act]?.();
    if (answer?.refused) toast(answer.refused, true);
    else if (answer && !answer.told) this.load();
  }

  password() {
    const word = (name, words, complete) => ({ name, words, kind: "password", complete });
    return ask({
      title: t("Change the password"),
      fields: [word("old", t("Present password"), "current-password"), word("new", t("New password"), "new-password"), word("again", t("New password again"), "new-password"), ...(this.hasAttribute("tokens") ? [TOKENS()] : [])],
      send: ({ old, new: chosen, again, tokens }) => (chosen === again ? api.post("/api/v1/me/password", { old, new: chosen, tokens: tokens === "revoke" }) : { refused: t("The two new passwords differ.") }),
      done: t("Changed; all other sessions have ended."),
    });
  }

  async codes() {
    const answer = await ask({ title: t("New codes for paper"), note: t("The earlier ones are worth nothing then."), fields: [CODE()], send: (given) => withKey((one) => api.post("/api/v1/me/factor/recovery-codes", one), given) });
    if (answer) showCodes(this.querySelector(".recovery-codes"), answer.recovery_codes);
    return { told: true };
  }

  remove(path) {
    return ask({ title: t("Remove a second factor"), say: t("Remove"), note: t("The last one stays where your role needs one: set up another first."), fields: [CODE()], send: (given) => withKey((one) => api.post(path, one), given) });
  }

  everywhere() {
    if (!this.hasAttribute("tokens")) return api.post("/api/v1/me/sign-out-everywhere", {});
    return ask({ title: t("Sign out everywhere else"), say: t("Sign out"), fields: [TOKENS()], send: ({ tokens }) => api.post("/api/v1/me/sign-out-everywhere", { tokens: tokens === "revoke" }) });
  }

  async make() {
    const [{ actions }, me, { items: tree = [] }, factor] = await Promise.all(["roles", "me", "places", "me/factor"].map((name) => api.get(`/api/v1/${name}`)));
    const may = me.actions.filter((one) => one !== "session.self" && !["approve", "manage"].includes(actions?.[one]?.kind)).map((one) => [one, label(actions?.[one] ?? {}) || one]);
    const branches = flat(tree).map(({ path, name, depth }) => [path, `${"\u2003".repeat(depth)}${label(name) || path}`]);
    const made = await ask({
      title: t("Make a token"),
      say: t("Make"),
      fields: [{ name: "name", words: t("Name of the program") }, { name: "actions", words: t("What it may do; several with Ctrl"), kind: "several", value: [], choices: may }, { name: "place", words: t("Branch of the plant"), kind: "choice", choices: [["", t("wherever mine hold")], ...branches] }, { name: "days", words: t("Days until it expires"), kind: "number", value: 90, step: 1 }, { name: "password", words: t("Your password"), kind: "password", complete: "current-password" }, ...(factor.enrolled ? [CODE()] : [])],
      send: (given) => withKey((one) => api.post("/api/v1/me/tokens", one), given),
    });
    if (!made) return null;
    await this.tokens();
    this.querySelector(".tokens .once").innerHTML = `<p>${t("Copy it now: it is not shown again.")}</p><p class="big">${esc(made.token)}</p>`;
    return { told: true };
  }
}

/** Empty lets a security key answer (`withKey`). */
const CODE = () => ({ name: "code", words: t("Code from the phone, or one on paper; empty for the security key"), needed: false });

const flat = (places, depth = 0) => places.flatMap((place) => [{ ...place, depth }, ...flat(place.places, depth + 1)]);

customElements.define("anlan-account", Account);
