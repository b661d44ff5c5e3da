// What a source's link is doing, in words.

import { t } from "./config.js";

const LINK_WORDS = { up: "connected", down: "no connection", connecting: "connecting" };

export const linkWords = (state) => t(LINK_WORDS[state] ?? "unknown");

/** Readings per second, with a figure's worth of precision. */
export const rateFigure = (rate) => (rate === null || rate === undefined ? "—" : rate >= 100 ? String(Math.round(rate)) : rate.toFixed(1));

export const rateWords = (rate) => t("{n} readings/s", { n: rateFigure(rate) });
