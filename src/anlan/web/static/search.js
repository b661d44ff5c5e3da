// The search box of every page: / or Ctrl-K opens it, ↑ ↓ choose, Enter goes there, Esc closes. The node searches (monitor/search); this
// shows what it found, best first, with the live value of points.

import { symbol } from "./alarms.js";
import { esc, label, t } from "./config.js";
import { api } from "./link.js";
import { whenMounted } from "./mounted.js";
import { notForPage } from "./shell.js";
import { liveValue } from "./values.js";

const WAIT = 90;
const KINDS = { page: "Page", place: "Place", source: "Source", person: "Person", point: "Point", alarm: "Alarm" };

class SearchBox {
  constructor(dialog) {
    this.dialog = dialog;
    this.input = dialog.querySelector("input");
    this.list = dialog.querySelector("[role=listbox]");
    this.note = dialog.querySelector(".note");
    this.hint = this.note.textContent;
    this.asked = 0;
    this.input.addEventListener("input", () => this.soon());
    this.input.addEventListener("keydown", (event) => this.key(event));
    // What it showed is let go, so that the page no longer asks for those values.
    dialog.addEventListener("close", () => this.clear());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    addEventListener("keydown", (event) => this.opens(event));
    for (const button of document.querySelectorAll('[data-shell="search"]')) button.addEventListener("click", () => this.open());
  }

  /** The slash by its key, too: with a Chinese input method on, it would write 、 */
  opens(event) {
    const combined = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k";
    const slash = (event.key === "/" || (event.code === "Slash" && !event.shiftKey)) && !notForPage(event);
    if (!(combined ? !document.querySelector("dialog[open]") : slash)) return;
    event.preventDefault();
    this.open();
  }

  open() {
    this.dialog.showModal();
    this.input.value = "";
    this.input.focus();
  }

  clear() {
    this.asked += 1;
    this.list.replaceChildren();
    this.note.textContent = this.hint;
    this.mark(-1);
  }

  soon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.ask(), WAIT);
  }

  /** Answers may come in another order than their questions: only the newest counts. */
  async ask() {
    const query = this.input.value.trim();
    if (!query) return this.clear();
    this.asked += 1;
    const mine = this.asked;
    const answer = await api.get(`/api/v1/search?${new URLSearchParams({ q: query })}`);
    if (mine !== this.asked) return;
    this.list.innerHTML = answer.refused ? "" : answer.items.map(line).join("");
    this.note.textContent = answer.refused ?? told(answer);
    this.mark(answer.items?.length ? 0 : -1);
  }

  key(event) {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const rows = this.list.children.length;
    if (step && rows) this.mark((this.at + step + rows) % rows);
    else if (event.key === "Enter") this.go(event);
    else return;
    event.preventDefault();
  }

  mark(at) {
    this.at = at;
    [...this.list.children].forEach((row, n) => row.setAttribute("aria-selected", String(n === at)));
    const chosen = this.list.children[at];
    if (chosen) this.input.setAttribute("aria-activedescendant", chosen.id);
    else this.input.removeAttribute("aria-activedescendant");
    chosen?.scrollIntoView({ block: "nearest" });
  }

  go(event) {
    const href = this.list.children[this.at]?.querySelector("a[href]")?.href;
    if (!href) return;
    if (event.ctrlKey || event.metaKey) open(href, "_blank");
    else location.assign(href);
  }
}

function line(row, n) {
  const value = row.point ? `<span class="value">${liveValue(row)}</span>` : "";
  const sign = row.what === "alarm" ? symbol(row.priority).replace("sym p", row.stands ? "sym p" : "sym none p") : "";
  const inside =
    `<span class="kind">${esc(t(KINDS[row.what]))}</span><span class="sign">${sign}</span>` +
    `<span class="name">${row.tag ? `<b>${esc(row.tag)}</b> ` : ""}${esc(label(row.name))}</span><span class="where">${esc(label(row.where))}</span>${value}`;
  const whole = row.href ? `<a href="${esc(row.href)}" tabindex="-1">${inside}</a>` : `<span>${inside}</span>`;
  return `<li role="option" id="found-${n}" aria-selected="false">${whole}</li>`;
}

/** How many there are of each kind: the list shows the best of them only. */
function told({ items, counts }) {
  if (!items.length) return t("Nothing was found that you may see.");
  return Object.keys(KINDS).filter((what) => counts[what]).map((what) => `${t(KINDS[what])} ${counts[what]}`).join(" · ");
}

whenMounted("#search-dialog", (dialog) => new SearchBox(dialog));
