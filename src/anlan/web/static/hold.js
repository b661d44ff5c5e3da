// A button that acts only when it is held for two seconds, by pointer or by Space or Enter: no slip triggers what it does.

export const HOLD = 2_000;

/** `act` runs once per full hold; `ready` is asked as it begins, so that nobody holds in vain. */
export function held(button, act, ready = () => true) {
  let since = 0;
  let frame = 0;

  const stop = () => {
    since = 0;
    cancelAnimationFrame(frame);
    button.style.setProperty("--held", "0%");
  };
  const step = () => {
    const part = Math.min(1, (performance.now() - since) / HOLD);
    button.style.setProperty("--held", `${part * 100}%`);
    if (part < 1) frame = requestAnimationFrame(step);
    else {
      stop();
      act();
    }
  };
  const begin = () => {
    if (since || button.disabled || !ready()) return;
    since = performance.now();
    step();
  };
  const isKey = ({ key }) => key === " " || key === "Enter";

  button.addEventListener("pointerdown", (event) => event.button === 0 && begin());
  for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(end, stop);
  button.addEventListener("keydown", (event) => {
    if (!isKey(event)) return;
    event.preventDefault();
    begin();
  });
  button.addEventListener("keyup", (event) => isKey(event) && stop());
  button.addEventListener("click", (event) => event.preventDefault());
}
