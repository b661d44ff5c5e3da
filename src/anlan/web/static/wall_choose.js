// The form that makes a wall's link: an empty field names no view, and tags alone are enough for a trend.

import { whenMounted } from "./mounted.js";

whenMounted(".wall-choose", (form) => {
  form.addEventListener("formdata", ({ formData }) => {
    const views = formData.getAll("view").map((one) => one.trim()).filter(Boolean);
    formData.delete("view");
    for (const one of views) formData.append("view", /^(overview|alarms|trend:.*|place:.*)$/.test(one) ? one : `trend:${one.replace(/\s+/g, "")}`);
  });
});
