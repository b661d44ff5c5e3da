// <anlan-stations>: operator stations that may answer alarms when nobody can sign in. A code is told once; a key is revoked at once.

import { esc, label, t } from "./config.js";
import { stamp } from "./format.js";
import { api } from "./link.js";
import { ask } from "./point_forms.js";

const STATES = { waiting: "waits for its code", paired: "paired", expired: "code expired", revoked: "revoked" };

class Stations extends HTMLElement {
  connectedCallback() {
    this.posts = JSON.parse(this.getAttribute("posts"));
    this.innerHTML = `<div class="page-head"><p class="dim">${t("A paired station answers alarms of its post when nobody can sign in. What is done there is recorded as unidentified, with post and station.")}</p><button type="button" class="button main" data-act="make">${t("Make a station")}</button></div><div class="code" role="status"></div><div class="list"></div>`;
    this.addEventListener("click", ({ target }) => this.act(target.closest("[data-act]")?.dataset));
    this.load();
  }

  async load() {
    const answer = await api.get("/api/v1/stations");
    const heads = ["Station", "Post", "State", "Made by", "Paired", "From where", ""];
    const rows = (answer.items ?? []).map(line).join("");
    this.querySelector(".list").innerHTML = rows ? `<div class="panel wide-table"><table class="sheet"><thead><tr>${heads.map((words) => `<th>${words && t(words)}</th>`).join("")}</tr></thead><tbody>${rows}</tbody></table></div>` : `<div class="empty"><strong>${esc(answer.refused ?? t("No station is paired."))}</strong></div>`;
  }

  async act(data) {
    if (!data) return;
    if (data.act === "make") {
      const posts = Object.entries(this.posts).map(([id, name]) => [id, label(name) || id]);
      const made = await ask({ title: t("Make a station"), say: t("Make"), fields: [{ name: "name", words: t("Name of the station, as people call it") }, { name: "post", words: t("Post"), kind: "choice", choices: posts }], send: (given) => api.post("/api/v1/stations", given) });
      if (made) this.querySelector(".code").innerHTML = `<div class="panel"><div class="body"><p>${t("Open {address} in the station's browser and type this code. It is shown only now and lasts an hour.", { address: `<b>${esc(location.origin)}/pair</b>` })}</p><p class="big">${esc(made.code)}</p></div></div>`;
    } else await ask({ title: t("Revoke the station"), about: esc(data.name), fields: [{ name: "reason", words: t("Reason") }], note: t("Its key is worth nothing from then on."), send: (given) => api.post(`/api/v1/stations/${encodeURIComponent(data.station)}/revoke`, given), done: t("Recorded.") });
    await this.load();
  }
}

function line(row) {
  const paired = row.paired_at === null ? "—" : stamp(row.paired_at);
  const revoke = row.state === "revoked" ? "" : `<button type="button" class="button" data-act="revoke" data-station="${esc(row.id)}" data-name="${esc(row.name)}">${t("Revoke")}</button>`;
  const cells = [esc(row.name), esc(label(row.post_name) || row.post), `<b>${t(STATES[row.state])}</b>`, `${esc(row.made_by)} <span class="dim">${stamp(row.made_at)}</span>`, paired, esc(row.paired_from || "—"), revoke];
  return `<tr class="${esc(row.state)}">${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

customElements.define("anlan-stations", Stations);
