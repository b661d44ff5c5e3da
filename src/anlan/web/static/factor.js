// Setting up a second factor: password, QR code, first code, codes for paper. At the door and on the page of the own account.

import { esc } from "./config.js";
import { api } from "./link.js";

/** Lead through the steps of `card`; `done` runs once the codes for paper have been seen. */
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
      const button = form.querySelector("[type=submit]");
      button.disabled = true;
      const answer = await send(Object.fromEntries(new FormData(form)));
      button.disabled = false;
      form.reset();
      if (answer.refused) error.textContent = answer.refused;
    });
  }

  wire(step("begin"), async ({ password }) => {
    const answer = await api.post("/api/v1/me/factor", { password });
    if (answer.refused) return answer;
    step("scan").querySelector(".qr").innerHTML = answer.qr;
    step("scan").querySelector(".secret").textContent = answer.secret;
    show("scan");
    return answer;
  });
  wire(step("scan"), async ({ code }) => {
    const answer = await api.post("/api/v1/me/factor/confirm", { code });
    if (answer.refused) return answer;
    step("scan").querySelector(".qr").textContent = "";
    step("scan").querySelector(".secret").textContent = "";
    showCodes(step("done").querySelector(".recovery-codes"), answer.recovery_codes);
    show("done");
    return answer;
  });
  step("done").querySelector("button").addEventListener("click", done);
}

export function showCodes(list, codes) {
  list.innerHTML = codes.map((code) => `<li>${esc(code)}</li>`).join("");
}
