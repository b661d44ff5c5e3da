// <anlan-roster>: who is on duty, post by post and shift by shift, a week at a time.

import { esc, label, t } from "./config.js";
import { api } from "./link.js";
import { ask } from "./point_forms.js";

const DAY = 86_400_000;

class Roster extends HTMLElement {
  connectedCallback() {
    this.from = "";
    this.innerHTML = `<section class="panel"><header><h2>${t("Duty roster")}</h2><span class="dim now"></span><span class="spacer"></span><button type="button" class="button" data-go="-7">${t("Week before")}</button><button type="button" class="button" data-go="7">${t("Week after")}</button></header><div class="wide-table week"></div></section>`;
    this.addEventListener("click", ({ target }) => this.act(target.closest("[data-go], [data-slot]")?.dataset));
  }

  /** `people`: as the API lists them; called again when they change. */
  async show(people) {
    this.people = people;
    const [told, now] = await Promise.all([api.get(`/api/v1/roster?days=7${this.from ? `&from=${this.from}` : ""}`), api.get("/api/v1/roster/now")]);
    if (told.refused) return;
    this.told = told;
    this.from = told.from;
    this.running = now;
    if (now.shift) this.querySelector(".now").textContent = t("running: {shift} of {day}", { shift: label(now.shift.name), day: now.day });
    const days = Array.from({ length: told.days }, (_, n) => new Date(Date.parse(told.from) + n * DAY).toISOString().slice(0, 10));
    const head = days.map((day) => `<th${day === told.today ? ' aria-current="date"' : ""}>${day.slice(5)}</th>`).join("");
    const posts = [...told.posts, { id: "", name: null }];
    const rows = posts.flatMap((post) => told.shifts.map((shift, n) => `<tr>${n ? "" : `<th rowspan="${told.shifts.length}">${esc(post.name ? label(post.name) || post.id : t("the shift as a whole"))}</th>`}<td class="dim nowrap">${esc(label(shift.name))} ${esc(shift.start)}</td>${days.map((day) => this.cell(day, shift.id, post.id)).join("")}</tr>`));
    this.querySelector(".week").innerHTML = `<table class="sheet"><thead><tr><th>${t("Post")}</th><th></th>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
  }

  on(day, shift, post) {
    return this.told.items.filter((one) => one.day === day && one.shift === shift && one.post === post).map((one) => one.person);
  }

  cell(day, shift, post) {
    const names = this.on(day, shift, post).map((id) => this.people.find((one) => one.id === id)).map((one) => (one ? label(one.name) || one.account : "—"));
    const now = this.running.day === day && this.running.shift?.id === shift ? ' class="running"' : "";
    const text = names.map(esc).join("<br>") || `<span class="dim">—</span>`;
    const slot = `data-slot="${esc(JSON.stringify([day, shift, post]))}"`;
    return `<td${now}>${this.hasAttribute("may") ? `<button type="button" class="button quiet" ${slot} aria-label="${t("Change: {day} {shift}", { day, shift: esc(shift) })}">${text}</button>` : text}</td>`;
  }

  async act(data) {
    if (!data) return;
    if (data.go) this.from = new Date(Date.parse(this.from) + Number(data.go) * DAY).toISOString().slice(0, 10);
    else if (!(await this.change(...JSON.parse(data.slot)))) return;
    this.show(this.people);
  }

  change(day, shift, post) {
    const may = this.people.filter((one) => !one.disabled && (!post || one.held.some((held) => held.post === post)));
    const name = this.told.shifts.find((one) => one.id === shift)?.name ?? {};
    return ask({
      title: t("On duty: {day} {shift}", { day, shift: label(name) }),
      about: may.length ? "" : t("Nobody holds a role at this post yet."),
      say: t("Save"),
      fields: [{ name: "people", words: t("People; several with Ctrl"), kind: "several", value: this.on(day, shift, post), choices: may.map((one) => [one.id, label(one.name) || one.account]) }],
      send: ({ people }) => api.put("/api/v1/roster", { day, shift, post, people }),
    });
  }
}

customElements.define("anlan-roster", Roster);
