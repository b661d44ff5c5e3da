// Times as a person types them, in the site's zone: "2026-01-01 08:00" or with seconds; µs since 1970 UTC elsewhere.

import { zoneOffset } from "./format.js";

/** µs → what stands in the field. */
export function wallOf(micros) {
  const millis = Math.round(micros / 1000);
  return new Date(millis + zoneOffset(millis)).toISOString().slice(0, 19).replace("T", " ");
}

/** What stands in the field → µs; NaN when it is no time. */
export function instantOf(text) {
  const wall = Date.parse(`${text.trim().replace(" ", "T")}${text.trim().length > 10 ? "" : "T00:00"}Z`);
  return (wall - zoneOffset(wall - zoneOffset(wall))) * 1000;
}
