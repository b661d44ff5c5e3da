// Evacuation calls on every page: a band across the screen that stands until the call is ended, and a sound of its own beside that of alarms.

import { config, esc, label, t } from "./config.js";
import { stamp } from "./format.js";
import { api, link } from "./link.js";
import { ask } from "./point_forms.js";
import { sound } from "./sound.js";

const band = Object.assign(document.createElement("section"), { className: "evacuation-band" });
band.setAttribute("role", "alert");
band.tabIndex = 0; // many calls are scrolled by keyboard too

/** The page begins below the band, however wide the window is made. */
const measure = () => document.documentElement.style.setProperty("--evacuation", `${band.isConnected ? band.offsetHeight : 0}px`);
new ResizeObserver(measure).observe(band);

/** `send(call, reason, declared)` ends a call; a station has a way of its own. `declares()`: whether who ends it there declares that they can't be known. */
export function showCalls(calls, send = endByPerson, declares = () => false) {
  const key = JSON.stringify(calls);
  if (key === band.dataset.key) return;
  band.dataset.key = key;
  band.replaceChildren(...calls.map((call) => line(call, send, declares)));
  if (calls.length) document.body.prepend(band);
  else band.remove();
  document.body.classList.toggle("evacuating", calls.length > 0);
  measure();
  sound.evacuate(calls.length > 0);
}

function line(call, send, declares) {
  const row = Object.assign(document.createElement("div"), { className: "call" });
  const post = label(call.post_name ?? {}) || call.post;
  row.innerHTML = `${call.exercise ? `<span class="drill">${t("EXERCISE")}</span>` : ""}<b>${t("EVACUATE")}</b><span class="where">${esc(label(call.place_name))}</span>
    <span class="why">${esc(call.reason)}<small>${stamp(call.at)} · ${esc(label(call.by))}${post ? ` · ${esc(post)}` : ""} · ${t("how many people are there is not known to this system")}</small></span>`;
  if (call.may_end && !config.silent) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: t("End the call") });
    button.addEventListener("click", () => endForm(call, send, declares()));
    row.append(button);
  }
  return row;
}

export function endForm(call, send = endByPerson, declared = false) {
  const effect = t("The band and the sound end on every console. Whether people may go back is decided by who leads the response.");
  return ask({
    title: t("End the evacuation call"),
    about: `<b>${esc(label(call.place_name))}</b> ${esc(call.reason)}`,
    fields: [{ name: "reason", words: t("Reason") }],
    note: declared ? `${effect} ${t("People can sign in now. Here you declare that your identity is not available: the audit record keeps it, and every console shows it for half an hour.")}` : effect,
    say: declared ? t("Declare and end the call") : t("End the call"),
    send: ({ reason }) => send(call, reason, declared),
  });
}

const endByPerson = (call, reason) => api.post(`/api/v1/evacuations/${encodeURIComponent(call.id)}/end`, { reason });

/** The form that calls: place, reason, exercise, and a button to be held. `send({place, reason, exercise})`. */
export function callForm(places, send) {
  const form = Object.assign(document.createElement("form"), { className: "panel" });
  form.innerHTML = `<div class="body evacuation-form"><h2>${t("Call a branch to evacuate")}</h2>
    <label class="labelled">${t("Branch to evacuate")}<select class="field" name="place" required><option value="">${t("Choose a branch")}</option>${places.map(([path, name, depth]) => `<option value="${esc(path)}">${"　".repeat(depth)}${esc(name)}</option>`).join("")}</select></label>
    <label class="labelled">${t("Reason")}<input class="field" name="reason" maxlength="300" pattern=".*\\S.*" required autocomplete="off"></label>
    <label class="check"><input type="checkbox" name="exercise"> ${t("This is an exercise: the call says so wherever it shows, and in its record")}</label>
    <p class="dim">${t("It shows and sounds on every console of the branch, on walls and at paired stations, until it is ended. It opens no door and stops nothing in the plant; how many people are there is not known to this system.")}</p>
    <div class="form-error" role="alert"></div>
    <div class="button-row"><button type="button" class="hold">${t("Hold for 2 s: call to evacuate")}</button></div></div>`;
  form.addEventListener("submit", (event) => event.preventDefault());
  import("./hold.js").then(({ held }) =>
    held(form.querySelector(".hold"), call, () => form.reportValidity()),
  );
  const call = async () => {
    if (!form.reportValidity()) return;
    const { place, reason, exercise } = form.elements;
    const answer = await send({ place: place.value, reason: reason.value, exercise: exercise.checked });
    const nowhere = answer.refused && !answer.status ? t("Nobody was called: call by telephone, radio or the plant's own alarm, and try here again.") : "";
    form.querySelector(".form-error").textContent = [answer.refused, nowhere].filter(Boolean).join(" ");
    if (!answer.refused) form.reset();
  };
  return form;
}

link.addEventListener("evacuations", ({ detail }) => showCalls(detail));
