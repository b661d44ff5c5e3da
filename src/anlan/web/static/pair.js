// Pairing this browser as an operator station: the code is exchanged for a key that no script can read.

import { api } from "./link.js";

const form = document.querySelector("form.pair");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const answer = await api.post("/api/v1/station", { code: new FormData(form).get("code") });
  button.disabled = false;
  if (!answer.refused) return location.assign("/emergency");
  form.querySelector(".form-error").textContent = answer.refused;
  form.querySelector("input").select();
});
