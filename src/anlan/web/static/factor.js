// Setting up a second factor: password, then a security key to touch or a phone's QR code and first code, then codes for paper. At the door
// and on the page of the own account.

import { esc, t } from "./config.js";
import { api } from "./link.js";
import { create, supported, withKey } from "./security_key.js";

/** Lead through the steps of `card`; `done` runs once the codes for paper, if there are new ones, have been seen. */
export function wireFactor(card, done) {
  const step = (name) => card.querySelector(`[data-step="${name}"]`);
  const show = (name) => {
    for (const one of card.querySelectorAll("[data-step]")) one.hidden = one.dataset.step !== name;
    step(name).querySelector("input, button")?.focus();
  };
  const error = card.querySelector(".form-error");

  function wire(form, send) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      error.textContent = "";
      const buttons = form.querySelectorAll("[type=submit]");
      for (const one of buttons) one.disabled = true;
      const answer = await send(Object.fromEntries(new FormData(form)), event.submitter?.value);
      for (const one of buttons) one.disabled = false;
      form.reset();
      if (answer.refused) error.textContent = answer.refused;
    });
  }

  function counts(answer) {
    if (answer.refused) return answer;
    if (!answer.recovery_codes.length) done();
    else {
      showCodes(step("done").querySelector(".recovery-codes"), answer.recovery_codes);
      show("done");
    }
    return answer;
  }

  async function key({ password, code, name }) {
    const begun = await withKey((given) => api.post("/api/v1/me/factor/keys", given), { password, code });
    if (begun.refused) return begun;
    const answer = await create(begun.options);
    return answer.refused ? answer : counts(await api.post("/api/v1/me/factor/keys/confirm", { name: name.trim() || t("Security key"), answer }));
  }

  async function phone({ password, code }) {
    const answer = await withKey((given) => api.post("/api/v1/me/factor", given), { password, code });
    if (answer.refused) return answer;
    step("scan").querySelector(".qr").innerHTML = answer.qr;
    step("scan").querySelector(".secret").textContent = answer.secret;
    show("scan");
    return answer;
  }

  wire(step("begin"), (given, kind) => (kind === "key" ? key(given) : phone(given)));
  wire(step("scan"), async ({ code }) => {
    const answer = await api.post("/api/v1/me/factor/confirm", { code });
    if (answer.refused) return answer;
    step("scan").querySelector(".qr").textContent = "";
    step("scan").querySelector(".secret").textContent = "";
    return counts(answer);
  });
  step("done").querySelector("button").addEventListener("click", done);
  api.get("/api/v1/me/factor").then((told) => prepare(step("begin"), told));
}

/** What is possible at this address, and whether a factor that there is must be shown first. */
function prepare(form, told) {
  const possible = told.keys_here?.possible && supported();
  for (const one of form.querySelectorAll(".for-key")) one.hidden = !possible;
  const why = form.querySelector(".no-keys");
  why.hidden = possible || Boolean(told.refused);
  why.textContent = told.keys_here?.why_not || t("This browser lets no security key answer here.");
  form.querySelector(".for-code").hidden = !told.enrolled;
}

export function showCodes(list, codes) {
  list.innerHTML = codes.map((code) => `<li>${esc(code)}</li>`).join("");
}
