// <anlan-handover>: the shift handover at the own post. Facts come from the node in the words of the paper; the outgoing person adds remarks and open
// items and signs, the incoming one reads and signs with own credentials at this station. What was handed over before is a list away.

import { esc, label, t } from "./config.js";
import { stamp } from "./format.js";
import { api } from "./link.js";
import { withKey } from "./security_key.js";
import { ask } from "./point_forms.js";
import { toast } from "./shell.js";

const AGAIN = 20_000;

class Handover extends HTMLElement {
  connectedCallback() {
    this.innerHTML = `<nav class="tabs page-head" aria-label="${t("Views")}"><a href="/handover">${t("This shift")}</a><a href="/handover?past=1">${t("Earlier handovers")}</a></nav><div class="handover"></div>`;
    this.place = this.querySelector(".handover");
    this.addEventListener("click", ({ target }) => this.act(target.closest("[data-act]")));
    this.addEventListener("submit", (event) => this.submitted(event));
    this.addEventListener("input", () => (this.typed = true));
    const asked = new URLSearchParams(location.search);
    this.chosen = asked.get("id");
    this.list = asked.has("past") || !this.hasAttribute("may");
    this.querySelectorAll("nav a")[Number(this.list || Boolean(this.chosen))].setAttribute("aria-current", "page");
    this.timer = setInterval(() => document.visibilityState === "visible" && !document.querySelector("dialog[open]") && this.again(), AGAIN);
    this.load();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  async load() {
    if (this.chosen) return this.show(await api.get(`/api/v1/handovers/${encodeURIComponent(this.chosen)}`));
    if (this.list) return this.past(await api.get("/api/v1/handovers"));
    return this.show(await api.get("/api/v1/handover"));
  }

  /** The facts move on; what is being typed stays. */
  async again() {
    if (this.chosen || this.list || this.told?.state === "signed") return;
    const answer = await api.get("/api/v1/handover");
    if (answer.refused) return;
    if (this.typed && answer.state === "draft" && answer.edition === this.told?.edition) {
      this.told = { ...this.told, facts: answer.facts, sections: answer.sections };
      this.place.querySelector(".facts-of-shift").innerHTML = facts(answer);
    } else if (!this.typed || answer.state !== this.told?.state) this.show(answer);
  }

  show(told) {
    if (told.refused) {
      this.place.innerHTML = `<div class="empty"><strong>${esc(told.refused)}</strong></div>`;
      return;
    }
    this.told = told;
    this.typed = false;
    const side = { draft: writing, offered: taking, signed }[told.state](told);
    this.place.innerHTML = `${head(told)}<div class="sides"><div class="facts-of-shift">${facts(told)}</div><aside>${side}</aside></div>`;
  }

  past(answer) {
    const rows = (answer.items ?? []).map(line).join("");
    this.place.innerHTML = rows
      ? `<div class="panel wide-table"><table class="sheet"><thead><tr>${["Signed", "Post", "Facts up to", "Handed over by", "Taken over by", "Open items", ""].map((name) => `<th>${name && t(name)}</th>`).join("")}</tr></thead><tbody>${rows}</tbody></table></div>`
      : `<div class="empty"><strong>${esc(answer.refused ?? t("No shift has been handed over yet."))}</strong></div>`;
  }

  async act(button) {
    if (!button) return;
    const { act } = button.dataset;
    if (act === "add") {
      this.place.querySelector(".items").insertAdjacentHTML("beforeend", item({ id: "", text: "", closed: false, note: "", carried: null }));
      this.place.querySelector(".items li:last-child textarea").focus();
    } else if (act === "drop") button.closest("li").remove();
    else if (act === "withdraw") {
      const answer = await ask({ title: t("Withdraw the signature"), fields: [{ name: "reason", words: t("Reason") }], send: (given) => api.post(`/api/v1/handovers/${this.told.id}/withdraw`, given), done: t("Withdrawn: the draft goes on.") });
      if (answer) this.show(answer);
    } else if (act === "addendum") {
      const answer = await ask({ title: t("Add to this handover"), fields: [{ name: "text", words: t("Words") }], note: t("The signed record stays as it is; this stands beside it with your name."), send: (given) => api.post(`/api/v1/handovers/${this.told.id}/addenda`, given), done: t("Recorded.") });
      if (answer) this.show(answer);
    }
  }

  async submitted(event) {
    const form = event.target.closest("form[data-form]");
    if (!form) return;
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    await this[form.dataset.form](form);
    button.disabled = false;
  }

  async save(form) {
    const items = [...this.place.querySelectorAll(".items li")].map((li) => ({ id: li.dataset.id || null, text: li.querySelector("[name=text]").value.trim(), closed: li.querySelector("[name=closed]").checked, note: li.querySelector("[name=note]").value.trim() }));
    const answer = await api.patch("/api/v1/handover", { edition: this.told.edition, remarks: this.place.querySelector("[name=remarks]").value, items: items.filter((one) => one.text || one.id) });
    if (answer.refused) toast(t("Refused: {why}", { why: answer.refused }), true);
    else {
      this.show(answer);
      if (form) toast(t("Saved."));
    }
    return !answer.refused;
  }

  /** What was typed is part of what is signed. */
  async sign(form) {
    const [password, code] = ["password", "code"].map((name) => form.querySelector(`[name=${name}]`).value);
    if (this.typed && !(await this.save())) return;
    this.answered(this.place.querySelector("form[data-form=sign]"), await withKey((given) => api.post("/api/v1/handover/sign", given), { edition: this.told.edition, password, code }));
  }

  async accept(form) {
    const fields = new FormData(form);
    const take_over = fields.get("take_over") !== null;
    const answer = await withKey((given) => api.post(`/api/v1/handovers/${this.told.id}/sign`, given), { account: fields.get("account"), password: fields.get("password"), code: fields.get("code"), remarks: fields.get("remarks"), take_over });
    if (!answer.refused && take_over) location.assign(`/handover?id=${encodeURIComponent(answer.id)}`);
    else this.answered(form, answer);
  }

  answered(form, answer) {
    if (!answer.refused) return this.show(answer);
    form.querySelector(".form-error").textContent = answer.refused;
    const code = form.querySelector("[name=code]");
    if (answer.code === "second-factor-needed" && code) {
      code.closest("label").hidden = false;
      code.focus();
      return;
    }
    form.querySelector("[name=password]").value = "";
    form.querySelector("[name=password]").focus();
  }
}

function head(told) {
  const words = { draft: t("Draft: the facts are of now"), offered: t("Signed by who hands over: the next person reads and signs"), signed: t("Signed by both") };
  const print = told.state === "draft" ? "draft=true" : `id=${encodeURIComponent(told.id)}`;
  const doubt = told.unchanged === false || told.addenda.some((one) => !one.unchanged) ? `<div class="notice wrong" role="alert">${t("This record is no longer what was signed: its hash does not match.")}</div>` : "";
  const unknown = told.state === "signed" && told.unchanged === null ? `<div class="notice wrong" role="alert">${t("The audit record has no leaf of this signature: whether this still is what was signed is unknown.")}</div>` : "";
  const from = told.facts?.start ?? told.start;
  return `${doubt}${unknown}<header class="handover-head"><h2>${esc(label(told.post_name) || told.post)}</h2><span>${esc(stamp(from))} — ${esc(stamp(told.facts?.as_of ?? told.as_of))}</span><strong class="state ${told.state}">${words[told.state]}</strong><span class="spacer"></span><a class="button" target="_blank" href="/api/v1/print/handover?${print}">${t("Print")}</a></header>`;
}

const facts = (told) => told.sections.map(section).join("");

/** One section of the paper: a table, lines, or that there is nothing. */
function section(one) {
  const unknown = one.title === t("What is unknown") && one.lines.length ? " unknown" : "";
  const table = one.rows.length ? `<div class="wide-table" tabindex="0"><table class="sheet"><thead><tr>${one.columns.map((column) => `<th class="${column.align}">${esc(column.head)}</th>`).join("")}</tr></thead><tbody>${one.rows.map((row) => `<tr>${row.map((cell, i) => `<td class="${one.columns[i].align}">${one.columns[i].mark && cell ? mark(cell) : esc(cell)}</td>`).join("")}</tr>`).join("")}</tbody></table></div>` : "";
  const lines = one.lines.length ? `<ul class="body">${one.lines.map((words) => `<li>${esc(words)}</li>`).join("")}</ul>` : "";
  const none = table || lines ? "" : `<p class="body dim">${esc(one.empty)}</p>`;
  return `<section class="panel${unknown}"><header><h3>${esc(one.title)}</h3>${one.note ? `<span class="dim">${esc(one.note)}</span>` : ""}</header>${table}${lines}${none}</section>`;
}

const mark = (priority) => `<svg class="sym p${esc(priority)}" viewBox="0 0 24 24" role="img" aria-label="${t("priority {n}", { n: esc(priority) })}"><use href="#sym-${esc(priority)}"/></svg>`;

function writing(told) {
  return `<form class="panel" data-form="save"><header><h3>${t("Remarks and open items")}</h3></header><div class="body">
    <label class="labelled">${t("Remarks of who hands over")}<textarea class="field" name="remarks" rows="6" maxlength="4000">${esc(told.remarks)}</textarea></label>
    <h4>${t("Open items")}</h4><ul class="items">${told.items.map(item).join("")}</ul>
    <div class="button-row"><button type="button" class="button" data-act="add">${t("Add an open item")}</button><button type="submit" class="button">${t("Save")}</button></div></div></form>
    <form class="panel" data-form="sign"><header><h3>${t("Hand over")}</h3></header><div class="body"><p class="dim">${t("With your signature the facts of this moment are kept. The next person signs after you, here or at another station.")}</p>
    <label class="labelled">${t("Your password")}<input class="field" name="password" type="password" autocomplete="current-password" required></label>
    <label class="labelled" hidden>${t("Code of the second factor")}<input class="field" name="code" inputmode="numeric" autocomplete="one-time-code"></label>
    <div class="form-error" role="alert"></div><div class="button-row"><button type="submit" class="button main">${t("Sign")}</button></div></div></form>`;
}

function item(one) {
  const carried = one.carried ? `<small class="dim">${t("carried over since {time}, {who}", { time: stamp(one.since), who: esc(label(one.by)) })}</small>` : "";
  const drop = one.carried ? "" : `<button type="button" class="button quiet" data-act="drop" aria-label="${t("Remove this item")}">✕</button>`;
  return `<li data-id="${esc(one.id)}"><div class="in-line"><textarea class="field" name="text" rows="2" maxlength="500" aria-label="${t("Open item")}"${one.carried ? " readonly" : ""}>${esc(one.text)}</textarea>${drop}</div>${carried}
    <div class="in-line"><label class="check"><input type="checkbox" name="closed"${one.closed ? " checked" : ""}> ${t("settled")}</label><input class="field" name="note" maxlength="500" value="${esc(one.note)}" placeholder="${t("how it was settled")}" aria-label="${t("how it was settled")}"></div></li>`;
}

function taking(told) {
  return `${read(told)}<form class="panel" data-form="accept"><header><h3>${t("Take over")}</h3></header><div class="body"><p class="dim">${t("Who takes over reads the facts and signs with the own account. The picture stays.")}</p>
    <label class="labelled">${t("Account")}<input class="field" name="account" autocomplete="off" autocapitalize="off" required></label>
    <label class="labelled">${t("Password")}<input class="field" name="password" type="password" autocomplete="off" required></label>
    <label class="labelled" hidden>${t("Code of the second factor")}<input class="field" name="code" inputmode="numeric" autocomplete="one-time-code"></label>
    <label class="labelled">${t("Remarks of who takes over")}<textarea class="field" name="remarks" rows="3" maxlength="4000"></textarea></label>
    <label class="check"><input type="checkbox" name="take_over" checked> ${t("Take over this console too")}</label>
    <div class="form-error" role="alert"></div><div class="button-row"><button type="submit" class="button main">${t("Sign and take over")}</button><button type="button" class="button" data-act="withdraw">${t("Withdraw the signature")}</button></div></div></form>`;
}

function signed(told) {
  const added = told.addenda.map((one) => `<li>${esc(one.text)}<br><small class="dim">${esc(label(one.by.name))} · ${stamp(one.by.at)}</small></li>`).join("");
  return `${read(told)}<section class="panel"><header><h3>${t("Addenda")}</h3></header>${added ? `<ul class="body">${added}</ul>` : `<p class="body dim">${t("None.")}</p>`}<div class="body button-row"><button type="button" class="button" data-act="addendum">${t("Add to this handover")}</button></div></section>
    <p class="dim hash">SHA-256 ${esc(told.sha256)}</p>`;
}

/** Remarks, items and signatures as they were written. */
function read(told) {
  const items = told.items.map((one) => `<li class="${one.closed ? "closed" : ""}">${esc(one.text)} <b>${one.closed ? t("settled") : t("still open")}</b>${one.note ? ` <span class="dim">${esc(one.note)}</span>` : ""}</li>`).join("");
  const by = (words, one) => `<p><span class="dim">${words}</span> ${one ? `<b>${esc(label(one.name))}</b> <small class="dim">${stamp(one.at)}</small>` : "—"}</p>`;
  return `<section class="panel"><header><h3>${t("Remarks and open items")}</h3></header><div class="body"><p class="said">${esc(told.remarks) || `<span class="dim">${t("No remark.")}</span>`}</p><ul class="items-read">${items || `<li class="dim">${t("No open item.")}</li>`}</ul>
    ${told.incoming_remarks ? `<h4>${t("Remarks of who takes over")}</h4><p class="said">${esc(told.incoming_remarks)}</p>` : ""}${by(t("Hands over"), told.outgoing)}${by(t("Takes over"), told.incoming)}</div></section>`;
}

function line(one) {
  const cells = [`<span class="nowrap">${stamp(one.incoming.at)}</span>`, esc(label(one.post_name) || one.post), `<span class="nowrap">${stamp(one.as_of)}</span>`, esc(label(one.outgoing.name)), esc(label(one.incoming.name)), one.open_items, `<a class="button" href="/handover?id=${encodeURIComponent(one.id)}">${t("Read")}</a>`];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

customElements.define("anlan-handover", Handover);
