// <anlan-drawing>: the plant's own drawing, and what stands where on it. Drag from the list onto the drawing, or choose in the list and press Enter;
// what is chosen moves with the arrow keys (Shift: ten times as far), grows and shrinks with + and −, leaves with Delete. Nothing is kept until it is saved.

import { esc, label, t } from "./config.js";
import { api } from "./link.js";
import { toast } from "./shell.js";

const STEP = 0.005;
const BOX = [0.12, 0.1];
const clamp = (value, most = 1) => Math.min(most, Math.max(0, value));
const round = (value) => Math.round(value * 1e4) / 1e4;

class Drawing extends HTMLElement {
  connectedCallback() {
    const given = JSON.parse(this.getAttribute("given"));
    this.version = given.version;
    this.drawing = given.drawing;
    [this.place, this.named, this.shownAt] = [given.place, given.id, given.shown_at];
    this.things = [...given.places.map((one) => ({ ...one, what: "places" })), ...given.points.map((one) => ({ ...one, what: "points" }))];
    this.placed = { points: { ...given.drawing?.points }, places: { ...given.drawing?.places }, invert: given.drawing?.invert ?? false };
    this.chosen = null;
    this.wanted = "";
    this.show();
    this.addEventListener("click", ({ target }) => this.click(target.closest("[data-act]")));
    this.addEventListener("input", ({ target }) => target.name === "find" && this.find(target.value));
    this.addEventListener("change", ({ target }) => target.name === "invert" && this.invert(target.checked));
    this.addEventListener("change", ({ target }) => target.type === "file" && target.files[0] && this.bring(target.files[0]));
    this.addEventListener("keydown", (event) => this.key(event));
    this.addEventListener("pointerdown", (event) => this.grab(event));
    window.addEventListener("beforeunload", (event) => this.dirty && event.preventDefault());
  }

  show() {
    const file = `<button type="button" class="button${this.drawing ? "" : " main"}" data-act="pick">${this.drawing ? t("Another picture …") : t("Choose a drawing …")}</button><input type="file" hidden accept=".svg,.png,.jpg,.jpeg,image/svg+xml,image/png,image/jpeg">`;
    if (!this.drawing) {
      this.innerHTML = `<div class="empty"><strong>${t("Lay your own drawing of the plant under its live state.")}</strong><span>${t("SVG, PNG or JPEG, at most 8 MiB. Scripts and references to anything outside are taken out.")}</span>${file}</div><p class="form-error" role="alert"></p>`;
      return;
    }
    this.innerHTML = `<div class="drawing-head"><h2>${esc(label(this.drawing.name) || this.drawing.file)}</h2><span class="dim">${t("Drag from the list, or choose and press Enter. Arrows move, + and − change the size, Delete takes away.")}</span><span class="spacer"></span><label class="tick"><input type="checkbox" name="invert"${this.placed.invert ? " checked" : ""}> ${t("Exchange light and dark")}</label><a class="button quiet" href="${esc(this.shownAt)}">${t("Back")}</a>${file}<button type="button" class="button" data-act="remove">${t("Take the drawing away")}</button><button type="button" class="button main" data-act="save" disabled>${t("Save")}</button></div><p class="form-error" role="alert"></p>
      <div class="drawing-sides"><section class="panel drawing-list"><input class="field" name="find" type="search" aria-label="${t("Find")}" placeholder="${t("Find")}" autocomplete="off"><ul></ul></section><section class="panel drawing-sheet">${this.sheet()}</section></div>`;
    this.showList();
    this.showPlaced();
  }

  sheet() {
    const { width, height, image } = this.drawing;
    this.height = (340 * height) / width;
    return `<svg class="plan on-drawing" viewBox="0 0 340 ${this.height}" tabindex="0" role="application" aria-label="${t("The drawing with what stands on it")}"><image href="${esc(image)}" width="340" height="${this.height}" class="own${this.placed.invert ? " invert" : ""}"/><g class="areas"></g><g class="spots"></g></svg>`;
  }

  find(text) {
    this.wanted = text.trim().toLowerCase();
    this.showList();
  }

  showList() {
    const fits = (one) => !this.wanted || `${one.tag} ${one.name.zh ?? ""} ${one.name.en ?? ""}`.toLowerCase().includes(this.wanted);
    const rows = this.things.filter(fits).slice(0, 400).map((one) => {
      const on = one.id in this.placed[one.what];
      return `<li><button type="button" data-act="choose" data-what="${one.what}" data-id="${esc(one.id)}" aria-pressed="${this.is(one.what, one.id)}" class="${on ? "on" : ""}"><i>${one.what === "places" ? "▭" : one.guard ? "■" : "●"}</i><b>${esc(one.tag)}</b> <span>${esc(label(one.name))}</span><small>${on ? t("stands on it") : ""}</small></button></li>`;
    });
    this.querySelector(".drawing-list ul").innerHTML = rows.join("") || `<li class="dim">${t("Nothing fits.")}</li>`;
  }

  is(what, id) {
    return this.chosen?.what === what && this.chosen.id === id;
  }

  showPlaced() {
    const { height } = this;
    const boxes = Object.entries(this.placed.places).map(([id, [x, y, w, h]]) => {
      const one = this.things.find((thing) => thing.what === "places" && thing.id === id);
      return `<g class="area${this.is("places", id) ? " chosen" : ""}" data-what="places" data-id="${esc(id)}"><rect x="${x * 340}" y="${y * height}" width="${w * 340}" height="${h * height}"/><text x="${x * 340 + 3}" y="${y * height + 8}">${esc(one ? label(one.name) || one.tag : id)}</text><rect class="corner" x="${(x + w) * 340 - 5}" y="${(y + h) * height - 5}" width="5" height="5"/></g>`;
    });
    const spots = Object.entries(this.placed.points).map(([id, [x, y]]) => `<g class="spot${this.is("points", id) ? " chosen" : ""}" data-what="points" data-id="${esc(id)}"><circle class="hit" cx="${x * 340}" cy="${y * height}" r="6"/><circle class="glyph" cx="${x * 340}" cy="${y * height}" r="2.2"/><text x="${x * 340 + 4}" y="${y * height - 3}">${esc(id)}</text></g>`);
    this.querySelector(".drawing-sheet .areas").innerHTML = boxes.join("");
    this.querySelector(".drawing-sheet .spots").innerHTML = spots.join("");
  }

  click(at) {
    if (!at) return;
    const { act, what, id } = at.dataset;
    if (act === "choose") this.choose(what, id);
    else if (act === "pick") this.querySelector("[type=file]").click();
    else if (act === "save") this.save();
    else if (act === "remove") this.remove();
  }

  choose(what, id) {
    this.chosen = { what, id };
    this.showList();
    this.showPlaced();
    this.querySelector(`.drawing-list [data-id="${CSS.escape(id)}"][data-what=${what}]`)?.focus();
  }

  key(event) {
    if (!this.chosen || event.target.matches("input")) return;
    const { what, id } = this.chosen;
    const at = this.placed[what][id];
    const far = event.shiftKey ? 10 * STEP : STEP;
    const move = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
    if (event.key === "Enter" && !at && event.target.dataset.act === "choose") this.put(what, id, 0.5, 0.5);
    else if (at && move) this.put(what, id, at[0] + move[0], at[1] + move[1]);
    else if (at && what === "places" && "+=-_−".includes(event.key)) this.size(id, "+=".includes(event.key) ? far : -far);
    else if (at && event.key === "Delete") this.takeAway(what, id);
    else return;
    event.preventDefault();
  }

  put(what, id, x, y) {
    const [, , w, h] = this.placed[what][id] ?? [0, 0, ...BOX];
    this.placed[what][id] = what === "places" ? [round(clamp(x, 1 - w)), round(clamp(y, 1 - h)), w, h] : [round(clamp(x)), round(clamp(y))];
    this.changed();
  }

  size(id, by, up = by) {
    const [x, y, w, h] = this.placed.places[id];
    this.placed.places[id] = [x, y, round(Math.max(0.02, Math.min(1 - x, w + by))), round(Math.max(0.02, Math.min(1 - y, h + up)))];
    this.changed();
  }

  takeAway(what, id) {
    delete this.placed[what][id];
    this.changed();
  }

  invert(on) {
    this.placed.invert = on;
    this.querySelector("image.own").classList.toggle("invert", on);
    this.changed();
  }

  changed() {
    this.dirty = true;
    this.querySelector("[data-act=save]").disabled = false;
    const focused = document.activeElement?.dataset?.id;
    this.showPlaced();
    this.showList();
    if (focused) this.querySelector(`.drawing-list [data-id="${CSS.escape(focused)}"]`)?.focus();
  }

  /** From the list onto the sheet, or on the sheet to another place; the corner of a box changes its size. */
  grab(event) {
    const at = event.target.closest("[data-what]");
    const sheet = this.querySelector(".drawing-sheet svg");
    if (!at || !sheet || event.button !== 0) return;
    const { what, id } = at.dataset;
    const corner = event.target.classList.contains("corner");
    const inSheet = sheet.contains(at);
    const begin = this.where(event, sheet);
    const from = this.placed[what][id];
    let moved = false;
    if (inSheet) event.preventDefault();
    const move = (to) => {
      if (!moved && Math.hypot(to.clientX - event.clientX, to.clientY - event.clientY) < 4) return;
      moved = true;
      const [x, y] = this.where(to, sheet);
      this.chosen = { what, id };
      if (corner) {
        const [, , w, h] = this.placed.places[id];
        this.size(id, x - (from[0] + w), y - (from[1] + h));
      } else if (inSheet) this.put(what, id, from[0] + x - begin[0], from[1] + y - begin[1]);
      else if (x >= 0 && x <= 1 && y >= 0 && y <= 1) this.put(what, id, x, y);
    };
    const up = () => {
      document.removeEventListener("pointermove", move);
      document.removeEventListener("pointerup", up);
      if (inSheet && !moved) this.choose(what, id);
    };
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", up);
  }

  where({ clientX, clientY }, sheet) {
    const point = new DOMPoint(clientX, clientY).matrixTransform(sheet.getScreenCTM().inverse());
    return [point.x / 340, point.y / this.height];
  }

  told(text) {
    this.querySelector(".form-error").textContent = text;
  }

  async bring(file) {
    this.querySelector("[type=file]").value = ""; // the same file may be chosen again
    if (this.dirty) return this.told(t("Save what stands on the drawing first: another picture loads the page anew."));
    this.told("");
    const query = new URLSearchParams({ base: this.version, place: this.place, reason: t("Drawing {file}", { file: file.name }).slice(0, 400), zh: file.name.slice(0, 100) });
    try {
      const answer = await fetch(`/api/v1/plant/drawings/${this.named}/image?${query}`, { method: "PUT", credentials: "same-origin", headers: { Accept: "application/json", "Content-Type": "application/octet-stream" }, body: file });
      const body = await answer.json();
      if (!answer.ok) this.told(body.detail ?? body.title);
      else this.reload();
    } catch (error) {
      console.warn(file.name, error);
      this.told(t("The node does not answer."));
    }
  }

  async save() {
    this.told("");
    const answer = await api.put(`/api/v1/plant/drawings/${this.drawing.id}/placed`, { ...this.placed, base: this.version, reason: t("Points and places on the drawing") });
    if (answer.refused) this.told(answer.refused);
    else {
      this.dirty = false;
      this.version = answer.version;
      this.querySelector("[data-act=save]").disabled = true;
      toast(t("Saved: version {n}", { n: answer.version }));
    }
  }

  async remove() {
    if (!window.confirm(t("Take the drawing away? The overview is then drawn from areas and positions again."))) return;
    const query = new URLSearchParams({ base: this.version, reason: t("The drawing is taken away") });
    const answer = await api.delete(`/api/v1/plant/drawings/${this.drawing.id}?${query}`);
    if (answer.refused) this.told(answer.refused);
    else this.reload();
  }

  reload() {
    this.dirty = false;
    location.reload();
  }
}

customElements.define("anlan-drawing", Drawing);
