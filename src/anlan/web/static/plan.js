// The plant plan's life: the worst quality and the worst alarm at each spot, the worst alarm of each unit, a tip for what the pointer is on.

import { HIDDEN, alarms, symbol, worstFirst } from "./alarms.js";
import { esc, t } from "./config.js";
import { link } from "./link.js";
import { kindOf, liveValue } from "./values.js";

export const within = (place, branch) => place === branch || Boolean(place?.startsWith(`${branch}/`));
const placed = (svg, x, y, size) => svg.replace("<svg ", `<svg x="${x}" y="${y}" width="${size}" height="${size}" `);

/** Kept up until `leave`. */
export class PlanView {
  constructor(plan) {
    this.plan = plan;
    this.watched = [];
    for (const spot of plan.querySelectorAll(".spot")) this.watch(spot, spot.dataset.points.split(","));
    this.hear = () => this.showAlarms();
    alarms.addEventListener("change", this.hear);
    this.note = Object.assign(document.createElement("a"), { className: "plan-note", href: "/alarms", hidden: true });
    plan.parentElement.append(this.note);
    this.wireTip();
    if (alarms.loaded) this.showAlarms();
  }

  leave() {
    alarms.removeEventListener("change", this.hear);
    for (const [point, take] of this.watched) link.unwatch(point, take);
  }

  watch(spot, points) {
    const take = () => showSpot(spot, points);
    for (const point of points) {
      this.watched.push([point, take]);
      link.watch(point, take);
    }
  }

  showAlarms() {
    const rows = alarms.list().filter((row) => !HIDDEN.has(row.state)).sort(worstFirst);
    const byPoint = new Map();
    for (const row of rows) if (!byPoint.has(row.point)) byPoint.set(row.point, row);
    for (const spot of this.plan.querySelectorAll(".spot")) {
      const worst = spot.dataset.points.split(",").map((point) => byPoint.get(point)).filter(Boolean).sort(worstFirst)[0];
      spot.querySelector(".sym")?.remove();
      if (worst) spot.insertAdjacentHTML("beforeend", placed(symbol(worst.priority, worst.state), spot.dataset.x - 5.5, spot.dataset.y - 5.5, 11));
    }
    for (const mark of this.plan.querySelectorAll("[data-unit-mark]")) {
      const worst = rows.find((row) => within(row.place, mark.dataset.unitMark));
      mark.innerHTML = worst ? placed(symbol(worst.priority, worst.state), -7, -7, 14) : "";
    }
    this.tellOthers(rows);
  }

  /** What stands nowhere on this plan is counted on it: a plan that was placed in part must not look calm. */
  tellOthers(rows) {
    const spots = new Set([...this.plan.querySelectorAll(".spot")].flatMap((spot) => spot.dataset.points.split(",")));
    const marks = [...this.plan.querySelectorAll("[data-unit-mark]")].map((mark) => mark.dataset.unitMark);
    const scope = this.plan.dataset.place;
    const others = rows.filter((row) => (!scope || within(row.place, scope)) && !spots.has(row.point) && !marks.some((mark) => within(row.place, mark)));
    this.note.hidden = !others.length;
    this.note.innerHTML = others.length ? `${symbol(others[0].priority, others[0].state)} ${t("{n} alarms are not on this plan", { n: others.length })}` : "";
  }

  wireTip() {
    const { plan } = this;
    const tip = Object.assign(document.createElement("div"), { className: "plan-tip", hidden: true });
    plan.parentElement.append(tip);
    plan.addEventListener("pointerover", (event) => {
      const spot = event.target.closest(".spot");
      tip.hidden = !spot;
      if (!spot) return;
      tip.innerHTML = tipText(spot);
      const [box, at] = [plan.parentElement.getBoundingClientRect(), spot.getBoundingClientRect()];
      tip.style.left = `${Math.min(at.right - box.left + 10, box.width - tip.offsetWidth - 8)}px`;
      tip.style.top = `${Math.max(4, Math.min(at.top - box.top, box.height - tip.offsetHeight - 8))}px`;
    });
  }
}

/** A spot shows the worst quality among its points: what is unknown must not hide behind a neighbour. */
function showSpot(spot, points) {
  const kinds = points.map((point) => kindOf(point, link.readings.get(point)));
  const worst = ["none", "bad", "uncertain", "good"].find((kind) => kinds.includes(kind));
  if (spot.kind === worst) return;
  spot.kind = worst;
  spot.setAttribute("class", `spot ${worst}`);
}

function tipText(spot) {
  const lines = spot.querySelector("title").textContent.split("\n");
  const metas = JSON.parse(spot.dataset.meta);
  const rows = lines.map((line) => {
    const [id] = line.split(" ", 1);
    const meta = metas.find((one) => one.point === id);
    return `<div><b class="strong">${esc(id)}</b> ${esc(line.slice(id.length + 1))} ${meta ? liveValue(meta) : ""}</div>`;
  });
  return rows.join("");
}
