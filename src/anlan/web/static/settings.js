// <anlan-settings>: what I set for myself here, and what the node is set to, read from what is in force.

import { config, esc, t } from "./config.js";
import { api } from "./link.js";
import { ask } from "./point_forms.js";
import { sound } from "./sound.js";

class SettingsPage extends HTMLElement {
  connectedCallback() {
    this.innerHTML = `<section class="panel mine"><header><h2>${t("For me, at this browser")}</h2></header><div class="body"></div></section><div class="node"></div>`;
    this.addEventListener("click", ({ target }) => this.act(target.closest("[data-act]")));
    this.heard = () => this.showMine();
    sound.addEventListener("change", this.heard);
    this.showMine();
    if (this.hasAttribute("node")) this.load();
  }

  disconnectedCallback() {
    sound.removeEventListener("change", this.heard);
  }

  showMine() {
    const languages = Object.entries(JSON.parse(this.dataset.languages)).map(([id, name]) => `<button type="button" class="button${config.language === id ? " main" : ""}" data-act="language" data-language="${id}"${config.language === id ? ' aria-pressed="true"' : ""}>${name}</button>`).join("");
    const blocked = sound.blocked ? t("This browser does not sound") : t("This browser sounds");
    const ways = [["/account", "My account: password, second factor, sessions, tokens"], ...(this.hasAttribute("wall") ? [["/wall/choose", "Wall: choose its views"]] : []), ...(this.hasAttribute("proof") ? [["/proof", "Alarm-chain proof"]] : []), ...(this.hasAttribute("policy") ? [["/people", "People, posts, rules for passwords and sessions"]] : [])];
    this.querySelector(".mine .body").innerHTML = `<table class="sheet"><tbody>
      <tr><th>${t("Language")}</th><td><div class="button-row">${languages}</div></td></tr>
      <tr><th>${t("Sound of alarms")}</th><td><span class="${sound.blocked ? "wrong" : ""}">${blocked}</span> <button type="button" class="button" data-act="sound">${t("Try the sound")}</button></td></tr>
      <tr><th>${t("More")}</th><td><ul class="plain">${ways.map(([path, words]) => `<li><a href="${path}">${t(words)}</a></li>`).join("")}</ul></td></tr>
    </tbody></table>`;
  }

  async load() {
    const answer = await api.get("/api/v1/settings");
    const node = this.querySelector(".node");
    if (answer.refused) {
      node.innerHTML = `<div class="notice wrong">${esc(answer.refused)}</div>`;
      return;
    }
    node.innerHTML = answer.sections.map((one) => section(one, this.hasAttribute("policy"))).join("");
  }

  async act(button) {
    const what = button?.dataset.act;
    if (what === "language" && button.dataset.language !== config.language) {
      await api.patch("/api/v1/me", { language: button.dataset.language });
      location.reload();
    }
    if (what === "sound" && (await sound.enable())) sound.once(2);
    if (what === "policy") await choosePolicy(() => this.load());
  }
}

function section({ id, title, rows }, policy) {
  return `<section class="panel" data-section="${id}"><header><h2>${esc(title)}</h2><span class="spacer"></span>${policy && id === "people" ? `<button type="button" class="button" data-act="policy">${t("Choose other rules")}</button>` : ""}</header><div class="wide-table"><table class="sheet"><tbody>${rows.map(line).join("")}</tbody></table></div></section>`;
}

function line({ name, value, set_by: by, look }) {
  const way = by.startsWith("/") ? `<a href="${esc(by)}">${esc(by)}</a>` : esc(by);
  return `<tr><th>${esc(name)}</th><td class="${look}">${esc(value)}</td><td class="dim">${way && t("set by {what}", { what: way })}</td></tr>`;
}

/** Another profile of rules; every running console stays as it is. */
async function choosePolicy(done) {
  const told = await api.get("/api/v1/policy");
  if (told.refused) return;
  const choices = Object.entries(told.policies).map(([id, policy]) => [id, policy.name[config.language] || policy.name.en]);
  const answer = await ask({ title: t("Rules for passwords and sessions"), fields: [{ name: "policy", words: t("Rules in force"), kind: "choice", value: told.in_force, choices }, { name: "reason", words: t("Reason") }], say: t("Bring into force"), send: (given) => api.put("/api/v1/policy", given) });
  if (answer) done();
}

customElements.define("anlan-settings", SettingsPage);
