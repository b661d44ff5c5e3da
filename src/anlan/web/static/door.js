// Sign-in and first password, at the door and over a running page: the person changes, the picture stays.

import { config } from "./config.js";
import { wireFactor } from "./factor.js";
import { api } from "./link.js";
import { withKey } from "./security_key.js";

function wire(form, send) {
  const error = form.querySelector(".form-error");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    error.textContent = "";
    const answer = await send(Object.fromEntries(new FormData(form)));
    button.disabled = false;
    if (answer.code === "second-factor-needed") {
      const factor = form.querySelector(".second-factor");
      factor.hidden = false;
      error.textContent = answer.untouched ? answer.refused : "";
      factor.querySelector("input").focus();
    } else if (answer.refused) {
      error.textContent = answer.refused;
      const again = form.querySelector("[type=password], [name=code]");
      again.value = "";
      again.focus();
    }
  });
}

/** Where the person goes on: the page that was asked for, or the one that is open. */
const goOn = () => (config.target ? location.assign(config.target) : location.reload());

async function signIn({ account, password, post, code }) {
  const answer = await withKey((given) => api.post("/api/v1/session", given), { account, password, post, code, language: config.language });
  if (!answer.refused) entered(answer);
  return answer;
}

/** Go on, or to what must be done first. */
function entered(answer) {
  if (answer.must_change_password || answer.must_enrol_factor) location.assign(`/login?next=${encodeURIComponent(config.target ?? location.pathname + location.search)}`);
  else goOn();
}

/** The identity service has answered: begin the session, by the own second factor where its does not count. */
async function finish(form, { code }) {
  const answer = await withKey((given) => api.post("/api/v1/oidc/finish", given), { code });
  if (!answer.refused) entered(answer);
  else if (answer.code !== "second-factor-needed" && form.querySelector(".second-factor").hidden) form.querySelector("[type=submit]").hidden = true; // nothing to add here
  return answer;
}

async function changePassword(form, { old, new: chosen, again }) {
  if (chosen !== again) return { refused: form.dataset.mismatch };
  const answer = await api.post("/api/v1/me/password", { old, new: chosen });
  if (!answer.refused) goOn();
  return answer;
}

/** Every form of the door on this page, the one in the hand-over dialog too. */
export function wireDoor(root = document) {
  for (const form of root.querySelectorAll("form.sign-in")) wire(form, signIn);
  for (const form of root.querySelectorAll("form.oidc-finish")) {
    wire(form, (fields) => finish(form, fields));
    form.requestSubmit();
  }
  for (const card of root.querySelectorAll(".factor-set-up")) wireFactor(card, goOn);
  for (const form of root.querySelectorAll("form.change-password")) wire(form, (fields) => changePassword(form, fields));
}

/** Whether the identity service answers: its button says so, and the form stands beside it in any case. */
async function lookForService(way) {
  const told = await api.get("/api/v1/oidc");
  if (told.available) return;
  way.querySelector("a").setAttribute("aria-disabled", "true");
  way.querySelector("a").removeAttribute("href");
  way.querySelector(".away").hidden = false;
}

if (config.live === false) {
  wireDoor();
  for (const way of document.querySelectorAll(".identity-way")) lookForService(way);
}
