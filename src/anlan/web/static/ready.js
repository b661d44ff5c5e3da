// A page takes no click that could get lost or meet another button than the one that was meant.
//
// Its `main` comes inert and stays so until every script has run: this one is the last. Then it settles: bars above come with the first frame,
// lists with the first answers, and buttons move. Keys and fields work meanwhile, the pointer waits. The same for a moment whenever a bar comes
// or goes above; who clicks within it has aimed at what stood there before.

import { config } from "./config.js";
import { link } from "./link.js";
import { whenMounted } from "./mounted.js";

const AT_MOST = 3_000; // ms; nobody waits longer for a node that is slow
const MOVED = 300; // ms; shorter than a person needs to see where a button went

function settle(main) {
  const began = performance.now();
  let quiet = 0;
  main.classList.add("settling");
  main.setAttribute("aria-busy", "true");
  const look = () => {
    const fills = link.asking > 0 || (config.live !== false && link.state === "connecting");
    quiet = fills ? 0 : quiet + 1;
    if (quiet < 3 && performance.now() - began < AT_MOST) return setTimeout(look, 30);
    main.removeAttribute("aria-busy");
    main.classList.remove("settling");
    watch(main);
  };
  look();
}

/** What stands above the page grows or shrinks: nothing below it is clicked until that was seen. */
function watch(main) {
  const top = document.querySelector(".shell > .top");
  let height = top.offsetHeight;
  let timer;
  new ResizeObserver(() => {
    if (top.offsetHeight === height) return;
    height = top.offsetHeight;
    main.classList.add("settling");
    clearTimeout(timer);
    timer = setTimeout(() => main.classList.remove("settling"), MOVED);
  }).observe(top);
}

whenMounted("#page, main.door", (main) => {
  main.inert = false;
  if (main.id === "page") settle(main);
  else main.querySelector("form input")?.focus(); // the door's
});
