// <anlan-proof>: the weekly proof of the alarm chain at this station. The alarm comes over the same socket and sounds by the same device as every alarm;
// the script only says when it came and whether it sounds, the person whether they heard it.

import { alarms } from "./alarms.js";
import { esc, label, t } from "./config.js";
import { stamp } from "./format.js";
import { api, link } from "./link.js";
import { sound } from "./sound.js";

const STAGE_WORDS = { log: "log", engine: "engine", journal: "journal", console: "console", sound: "sound" };
const RESULT_WORDS = { heard: "heard", not_heard: "was not heard", unanswered: "nobody answered", failed: "the chain broke", broken_off: "broken off" };
const SOUND_EVERY = 2_500;
const STATION = "anlan-station-name";

class ProofPage extends HTMLElement {
  connectedCallback() {
    this.innerHTML = `<section class="panel now"><header><h2>${t("Alarm-chain proof")}</h2><span class="due dim"></span></header><div class="body"></div></section><section class="panel past"></section>`;
    this.addEventListener("click", ({ target }) => this.act(target.closest("button[data-act]")?.dataset.act));
    this.moved = () => this.look();
    alarms.addEventListener("change", this.moved);
    this.again = ({ detail }) => detail === "up" && !this.proof && this.load(); // the node was away
    link.addEventListener("state", this.again);
    this.load();
  }

  disconnectedCallback() {
    alarms.removeEventListener("change", this.moved);
    link.removeEventListener("state", this.again);
    clearInterval(this.sounding);
  }

  async load() {
    const answer = await api.get("/api/v1/proofs");
    if (answer.refused) {
      this.querySelector(".past").innerHTML = `<div class="notice wrong">${esc(answer.refused)}</div>`;
      return;
    }
    this.known = answer;
    if (this.hasAttribute("may") && !this.proof && answer.running?.mine) this.goOn(answer.running);
    const due = answer.overdue ? t("overdue since {time}", { time: stamp(answer.due_at) }) : t("due by {time}", { time: stamp(answer.due_at) });
    this.querySelector(".due").textContent = answer.last_heard ? `${t("last heard {time}", { time: stamp(answer.last_heard) })} · ${due}` : `${t("never heard yet")} · ${due}`;
    this.querySelector(".due").classList.toggle("overdue", answer.overdue);
    if (!this.proof) this.showStart();
    this.showPast(answer);
  }

  showStart(said = "") {
    const body = this.querySelector(".now .body");
    const may = this.hasAttribute("may");
    body.innerHTML = `<p>${t("A condition marked as an exercise goes the whole way of an alarm: log, engine, journal, this console, its sound. Say then whether you heard it here. No point of the plant is touched, and it counts in no measure.")}</p>
      ${said}${may ? `<label class="labelled">${t("Where it is to be heard")}<input class="field" name="station" maxlength="100" value="${esc(localStorage.getItem(STATION) ?? "")}"></label>
      <div class="form-error" role="alert"></div><div class="button-row"><button class="button main" type="button" data-act="start">${t("Prove the alarm chain here")}</button></div>` : ""}`;
  }

  act(what) {
    if (what === "start") return this.start();
    if (what === "heard" || what === "not-heard") return this.say(what === "heard");
  }

  async start() {
    const station = this.querySelector("[name=station]").value.trim();
    localStorage.setItem(STATION, station);
    const answer = await api.post("/api/v1/proofs", { station });
    if (answer.refused) {
      this.querySelector(".form-error").textContent = answer.refused;
      return;
    }
    if (answer.result) return this.over(answer);
    this.goOn(answer);
  }

  /** With one that was begun just now, or by this session before the page was left. */
  goOn(proof) {
    this.proof = proof;
    this.arrived = false;
    this.showRunning();
    this.look();
  }

  /** Whether the alarm has come by the socket; once it has gone again, the node has ended the proof. */
  async look() {
    if (!this.proof) return;
    const stands = alarms.list().some((row) => row.id === this.known.alarm && row.state === "UNACKNOWLEDGED");
    if (this.arrived && !stands && !this.saying) return this.gone();
    if (this.arrived || !stands) return;
    this.arrived = true;
    if (!this.take(await this.stage("console", true))) return;
    const ok = await sound.enable();
    if (ok) {
      sound.once(1);
      this.sounding = setInterval(() => sound.once(1), SOUND_EVERY);
    }
    this.take(await this.stage("sound", ok));
  }

  stage(stage, ok) {
    return api.post(`/api/v1/proofs/${this.proof.id}/stage`, { stage, ok });
  }

  /** Whether it goes on. */
  take(answer) {
    if (answer.refused || answer.result) {
      this.over(answer);
      return false;
    }
    this.proof = answer;
    this.showRunning();
    return true;
  }

  async say(heard) {
    const note = this.querySelector("[name=note]").value.trim();
    this.saying = true;
    const answer = await api.post(`/api/v1/proofs/${this.proof.id}/heard`, { heard, note });
    this.saying = false;
    if (answer.refused && !answer.status) this.querySelector(".now .form-error").textContent = answer.refused;
    else this.over(answer);
  }

  /** Nobody answered within the time: what became of it is told by its row. */
  async gone() {
    const { id } = this.proof;
    clearInterval(this.sounding);
    const answer = await api.get("/api/v1/proofs");
    if (this.proof?.id !== id) return;
    if (answer.running?.id === id) return; // acknowledged at another console: the proof goes on
    const ended = answer.items?.find((row) => row.id === id);
    this.over(ended ?? { refused: answer.refused ?? t("The node no longer runs this proof, and no result of it is kept: begin again.") });
  }

  over(answer) {
    clearInterval(this.sounding);
    this.proof = null;
    const words = answer.refused ? esc(answer.refused) : result(answer);
    const good = answer.result === "heard";
    this.showStart(`<div class="notice${good ? " done" : " wrong"}" role="status">${words}${answer.stages ? ` · ${stages(answer.stages, this.known.stages)}` : ""}</div>`);
    this.load();
  }

  showRunning() {
    const note = this.querySelector("[name=note]")?.value ?? "";
    this.querySelector(".now .body").innerHTML = `<p class="stages">${stages(this.proof.stages, this.known.stages)}</p>
      <p><b>${t("Do you hear the alarm at this station?")}</b></p><label class="labelled">${t("Note")}<input class="field" name="note" maxlength="500" value="${esc(note)}"></label><div class="form-error" role="alert"></div>
      <div class="button-row"><button class="button main" type="button" data-act="heard">${t("I hear it")}</button><button class="button" type="button" data-act="not-heard">${t("I hear nothing")}</button></div>`;
  }

  showPast({ items, stages: all }) {
    const head = ["Time", "Who", "Where it is to be heard", "Result", "Stages", "Note"].map((words) => `<th>${t(words)}</th>`).join("");
    const rows = items.map((row) => `<tr data-proof="${esc(row.id)}"><td>${stamp(row.at)}</td><td>${esc(label(row.by))}</td><td>${esc(row.station || row.post)} <span class="dim">${esc(row.from)}</span></td><td>${result(row)}</td><td>${stages(row.stages, all)}</td><td>${esc(row.note)}</td></tr>`);
    const body = rows.length ? `<table class="sheet"><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>` : `<p class="nothing dim">${t("No proof was made yet.")}</p>`;
    this.querySelector(".past").innerHTML = `<header><h2>${t("Proofs so far")}</h2></header><div class="wide-table">${body}</div>`;
  }
}

function result(row) {
  const words = t(RESULT_WORDS[row.result]);
  return row.failed_at ? `${words}: ${t(STAGE_WORDS[row.failed_at])}` : words;
}

/** Milliseconds from the start to each stage; a stage that was not reached is told as such. */
function stages(reached, all) {
  return all.map((stage) => `<span class="stage${stage in reached ? "" : " missing"}">${t(STAGE_WORDS[stage])} ${stage in reached ? `<b>${(reached[stage] / 1000).toFixed(0)}</b> ms` : "—"}</span>`).join(" → ");
}

customElements.define("anlan-proof", ProofPage);
