// Pictures of fixed size made to fit the width that there is, but never so small that they cannot be read.

const SMALLEST = 0.62;

/** Markup of `html` (a block of `width` × `height` px of class `kind`) scaled to `room` px. */
export function fitted(html, kind, width, height, room) {
  const scale = Math.max(SMALLEST, Math.min(1, room / width));
  return `<div class="scaled" style="width:${Math.ceil(width * scale)}px;height:${Math.ceil(height * scale)}px"><div class="${kind}" style="width:${width}px;height:${height}px;transform:scale(${scale.toFixed(4)})">${html}</div></div>`;
}
