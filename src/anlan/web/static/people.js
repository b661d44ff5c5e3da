// <anlan-people>: everyone with an account, what they hold and where; whoever manages people adds, changes and closes accounts here.

import { esc, label, t } from "./config.js";
import { stamp } from "./format.js";
import { api } from "./link.js";
import { SIGNED, TOKENS, ask } from "./point_forms.js";
import { withKey } from "./security_key.js";
import { toast } from "./shell.js";

const KINDS = { view: "view", operate: "operate", approve: "approve", configure: "configure", manage: "manage" };

class People extends HTMLElement {
  connectedCallback() {
    this.may = new Set(this.getAttribute("may").split(" "));
    this.places = JSON.parse(this.getAttribute("places"));
    this.innerHTML = `<div class="waiting"></div><div class="once" role="status"></div>
      <section class="panel"><header><h2>${t("People")}</h2><span class="spacer"></span><input type="search" class="field" placeholder="${t("Filter: account, name, role, post")}" aria-label="${t("Filter: account, name, role, post")}">
      ${this.may.has("people.manage") ? `<button type="button" class="button main" data-act="add">${t("Add a person")}</button>` : ""}</header>
      <div class="wide-table list"></div></section>
      <anlan-roster${this.may.has("roster.manage") ? " may" : ""}></anlan-roster><section class="panel policy"></section>`;
    this.addEventListener("click", ({ target }) => this.act(target.closest("[data-act]")?.dataset));
    this.querySelector("[type=search]").addEventListener("input", () => this.list());
    this.load();
  }

  async load() {
    const [people, roles, posts, resets, policy] = await Promise.all(["people", "roles", "posts", "factor-resets", "policy"].map((name) => api.get(`/api/v1/${name}`)));
    if (people.refused) return void (this.querySelector(".list").innerHTML = `<div class="empty"><strong>${esc(people.refused)}</strong></div>`);
    this.people = people.items;
    this.roles = new Map(roles.items.map((role) => [role.id, role]));
    this.posts = new Map(posts.items.map((post) => [post.id, label(post.name) || post.id]));
    this.list();
    this.showResets(resets.items ?? []);
    this.showPolicy(policy);
    this.querySelector("anlan-roster").show(this.people);
  }

  name(id) {
    const found = this.people.find((one) => one.id === id);
    return found ? label(found.name) || found.account : "—";
  }

  role(id) {
    return label(this.roles.get(id)?.name ?? {}) || id;
  }

  place(path) {
    return path ? label(this.places[path] ?? {}) || path : t("whole plant");
  }

  held({ role, post, place, only }) {
    const kinds = only.map((kind) => t(KINDS[kind])).join(", ");
    return [this.role(role), post && (this.posts.get(post) ?? post), place || !post ? this.place(place) : "", kinds && t("only {kinds}", { kinds })].filter(Boolean).map(esc).join(" · ");
  }

  list() {
    const wanted = this.querySelector("[type=search]").value.trim().toLowerCase();
    const rows = this.people.map((one) => ({ one, held: one.held.map((held) => this.held(held)) }));
    const shown = rows.filter(({ one, held }) => [one.account, one.name.zh, one.name.en, ...held].join(" ").toLowerCase().includes(wanted));
    const heads = ["Name", "Account", "Roles", "Second factor", "State", ""].map((words) => `<th>${words && t(words)}</th>`).join("");
    this.querySelector(".list").innerHTML = shown.length ? `<table class="sheet"><thead><tr>${heads}</tr></thead><tbody>${shown.map((row) => this.line(row)).join("")}</tbody></table>` : `<div class="empty"><strong>${t("Nobody fits.")}</strong></div>`;
  }

  line({ one, held }) {
    const states = [one.disabled && t("closed"), one.must_change_password && !one.disabled && t("has a one-time password"), one.demo && t("demo")].filter(Boolean);
    const button = (act, words) => `<button type="button" class="button quiet" data-act="${act}" data-id="${one.id}">${t(words)}</button>`;
    const acts = this.may.has("people.manage") ? [button("roles", "Roles"), button("password", "One-time password"), one.second_factor ? button("factor", "Second factor lost") : "", button("sessions", "Sessions"), button("close", one.disabled ? "Reopen" : "Close account")].join("") : "";
    return `<tr${one.disabled ? ' class="closed"' : ""}><td class="strong nowrap">${esc(label(one.name) || one.account)}</td><td class="mono">${esc(one.account)}</td><td>${held.map((text) => `<div>${text}</div>`).join("") || `<span class="dim">${t("holds nothing")}</span>`}</td><td>${one.second_factor ? t("set up") : `<span class="dim">${t("none")}</span>`}</td><td>${states.map(esc).join(", ")}</td><td class="acts">${acts}</td></tr>`;
  }

  showResets(resets) {
    const rows = resets.map((one) => {
      const own = one.asked_by === this.getAttribute("me") || one.person === this.getAttribute("me");
      const acts = this.may.has("people.approve") ? `${own ? "" : `<button type="button" class="button main" data-act="approve" data-id="${one.id}">${t("Approve")}</button>`}<button type="button" class="button" data-act="refuse" data-id="${one.id}">${t(own ? "Withdraw" : "Refuse")}</button>` : "";
      return `<div class="panel"><div class="body"><p>${t("{who} asks to take away the second factor of {person}: {reason}", { who: `<b>${esc(this.name(one.asked_by))}</b>`, person: `<b>${esc(this.name(one.person))}</b>`, reason: esc(one.reason) })} <span class="dim">${esc(stamp(one.asked_at))}</span></p><div class="button-row">${acts}</div></div></div>`;
    });
    this.querySelector(".waiting").innerHTML = rows.join("");
  }

  showPolicy({ in_force, policies }) {
    const policy = policies?.[in_force];
    if (!policy) return;
    const rows = policy.sources.map((one) => `<tr><td>${esc(label(one))}</td><td class="mono nowrap">${esc(one.clause)}</td><td>${one.checked ? "" : t("not checked against the original text")}</td></tr>`).join("");
    const choose = this.may.has("people.manage") ? `<button type="button" class="button" data-act="policy">${t("Choose another")}</button>` : "";
    this.policies = policies;
    this.querySelector(".policy").innerHTML = `<header><h2>${t("Rules for passwords and sessions")}</h2><span class="dim">${esc(label(policy.name))}</span><span class="spacer"></span>${choose}</header><div class="wide-table"><table class="sheet"><tbody>${rows}</tbody></table></div>`;
  }

  async act(data) {
    if (!data) return;
    const one = this.people?.find((person) => person.id === data.id);
    const acts = { add: () => this.add(), roles: () => this.changeRoles(one), password: () => this.password(one), factor: () => this.factor(one), sessions: () => this.sessions(one), close: () => this.close(one), approve: () => this.decide(data), refuse: () => this.decide(data), policy: () => this.choosePolicy() };
    if (await acts[data.act]?.()) this.load();
  }

  roleFields(held = {}) {
    const first = (words) => [["", words]];
    return [
      { name: "role", words: t("Role"), kind: "choice", value: held.role, choices: [...this.roles.values()].map((role) => [role.id, label(role.name)]) },
      { name: "post", words: t("Post, for roles that work at one"), kind: "choice", value: held.post ?? "", choices: [...first("—"), ...this.posts] },
      { name: "place", words: t("Branch of the plant"), kind: "choice", value: held.place ?? "", choices: [...first(t("whole plant")), ...Object.entries(this.places).map(([path, name]) => [path, `${"\u2003".repeat(path.split("/").length - 1)}${label(name) || path}`])] },
      { name: "only", words: t("Only these kinds of action; none chosen: all of the role's"), kind: "several", value: held.only ?? [], choices: Object.entries(KINDS).map(([kind, words]) => [kind, t(words)]) },
    ];
  }

  add() {
    return ask({
      title: t("Add a person"),
      say: t("Add"),
      fields: [{ name: "account", words: t("Account, for example wang.li") }, { name: "zh", words: t("Name") }, { name: "en", words: t("Name in Latin letters"), needed: false }, ...this.roleFields()],
      send: ({ account, zh, en, ...held }) => api.post("/api/v1/people", { account, name: { zh, en }, held: [held] }),
    }).then((made) => made && this.once(label(made.name), made.one_time_password));
  }

  changeRoles(one) {
    const held = one.held.map((row, n) => `<li><span>${this.held(row)}</span> <button type="button" class="button quiet" data-take="${n}">${t("Take away")}</button></li>`).join("");
    const done = ask({
      title: t("Roles of {name}", { name: label(one.name) }),
      about: `<ul class="held">${held}</ul>${t("Give one more:")}`,
      say: t("Give"),
      fields: this.roleFields(),
      send: (given) => api.patch(`/api/v1/people/${one.id}`, { held: [...one.held, given] }),
      done: t("Given; in force at once."),
    });
    const dialog = document.querySelector("dialog.aside[open]");
    for (const button of dialog.querySelectorAll("[data-take]")) {
      button.addEventListener("click", async () => {
        const answer = await api.patch(`/api/v1/people/${one.id}`, { held: one.held.filter((_, n) => n !== Number(button.dataset.take)) });
        dialog.querySelector(".form-error").textContent = answer.refused ?? "";
        if (answer.refused) return;
        toast(t("Taken away; in force at once."));
        dialog.close();
        this.load();
      });
    }
    return done;
  }

  async password(one) {
    const made = await ask({ title: t("A new one-time password for {name}?", { name: label(one.name) }), say: t("Make"), fields: [], note: t("The present password and all sessions end. Consoles at a post stay in view with nobody signed in."), send: () => api.post(`/api/v1/people/${one.id}/password`, {}) });
    return made && this.once(label(one.name), made.one_time_password);
  }

  factor(one) {
    return ask({ title: t("Take away the second factor of {name}?", { name: label(one.name) }), say: t("Ask"), note: t("A second person decides: neither you nor its owner."), fields: [{ name: "reason", words: t("Reason") }, ...SIGNED()], send: (given) => withKey((body) => api.post(`/api/v1/people/${one.id}/factor-reset`, body), given), done: t("Asked: it waits for a second person.") });
  }

  async sessions(one) {
    const { items = [], refused } = await api.get(`/api/v1/people/${one.id}/sessions`);
    if (refused) return toast(refused, true);
    const rows = items.map((row) => `<li>${esc(row.unattended_at ? t("console left in view") : t("signed in"))} · ${esc(this.posts.get(row.post) ?? t("at no post"))} · <span class="mono">${esc(row.from_where)}</span> · ${esc(stamp(row.began_at))}</li>`).join("");
    return ask({ title: t("Sign {name} out everywhere?", { name: label(one.name) }), about: rows ? `<ul class="held">${rows}</ul>` : t("No session runs."), say: t("Sign out everywhere"), note: t("Consoles at a post stay in view with nobody signed in."), fields: [TOKENS()], send: ({ tokens }) => api.delete(`/api/v1/people/${one.id}/sessions?tokens=${tokens === "revoke"}`) });
  }

  close(one) {
    const [title, say, note] = one.disabled ? ["Reopen the account of {name}?", "Reopen", ""] : ["Close the account of {name}?", "Close account", "All sessions and tokens end at once; the record keeps the name."];
    return ask({ title: t(title, { name: label(one.name) }), say: t(say), note: note && t(note), fields: [], send: () => api.patch(`/api/v1/people/${one.id}`, { disabled: !one.disabled }) });
  }

  async decide({ act, id }) {
    if (act === "approve") return ask({ title: t("Approve as the second person"), say: t("Approve"), fields: SIGNED(), send: (given) => withKey((body) => api.post(`/api/v1/factor-resets/${id}/approve`, body), given) });
    const answer = await api.post(`/api/v1/factor-resets/${id}/${act}`, {});
    if (answer.refused) toast(answer.refused, true);
    return !answer.refused;
  }

  choosePolicy() {
    return ask({ title: t("Rules for passwords and sessions"), say: t("Bring into force"), note: t("It counts from everyone's next sign-in and empties no running console."), fields: [{ name: "policy", words: t("Profile"), kind: "choice", choices: Object.entries(this.policies).map(([id, one]) => [id, label(one.name)]) }, { name: "reason", words: t("Reason") }], send: (given) => api.put("/api/v1/policy", given) });
  }

  /** Told once: it is nowhere else. */
  once(name, password) {
    this.querySelector(".once").innerHTML = `<div class="panel"><div class="body"><p>${t("One-time password of {name}. It is shown only now and is good for a week.", { name: `<b>${esc(name)}</b>` })}</p><p class="big">${esc(password)}</p></div></div>`;
    return true;
  }
}

customElements.define("anlan-people", People);
