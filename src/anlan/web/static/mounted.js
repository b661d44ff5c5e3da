// When the page's markup stands.

/** NiceGUI mounts the page's markup after this module has run; wait for the frame to stand. */
export function whenMounted(selector, run) {
  const found = document.querySelector(selector);
  if (found) return run(found);
  const watcher = new MutationObserver(() => {
    const late = document.querySelector(selector);
    if (!late) return;
    watcher.disconnect();
    run(late);
  });
  watcher.observe(document.documentElement, { childList: true, subtree: true });
}
