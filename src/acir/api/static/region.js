// A region is drawn in the picture that was given; the page then asks about it alone.
"use strict";

const SMALLEST = 0.02; // of a side: a click is no region

let drawing = null;

function share(surface, event) {
  const box = surface.getBoundingClientRect();
  const { width, height } = surface.viewBox.baseVal;
  // The picture fills the frame in one direction and is centred in the other.
  const scale = Math.min(box.width / width, box.height / height);
  const x = (event.clientX - box.left - (box.width - width * scale) / 2) / (width * scale);
  const y = (event.clientY - box.top - (box.height - height * scale) / 2) / (height * scale);
  return [Math.max(0, Math.min(1, x)), Math.max(0, Math.min(1, y))];
}

function sides({ from, to }) {
  const [left, right] = [from[0], to[0]].sort((a, b) => a - b);
  const [top, bottom] = [from[1], to[1]].sort((a, b) => a - b);
  return [left, top, right, bottom];
}

function show(surface, [left, top, right, bottom]) {
  const { width, height } = surface.viewBox.baseVal;
  const shape = surface.querySelector("rect");
  shape.setAttribute("x", left * width);
  shape.setAttribute("y", top * height);
  shape.setAttribute("width", (right - left) * width);
  shape.setAttribute("height", (bottom - top) * height);
}

document.addEventListener("pointerdown", (event) => {
  const surface = event.target.closest("[data-region]");
  if (!surface || event.button !== 0) return;
  event.preventDefault();
  surface.setPointerCapture(event.pointerId);
  const at = share(surface, event);
  drawing = { surface, from: at, to: at };
});

document.addEventListener("pointermove", (event) => {
  if (!drawing) return;
  drawing.to = share(drawing.surface, event);
  show(drawing.surface, sides(drawing));
});

document.addEventListener("pointerup", () => {
  if (!drawing) return;
  const [left, top, right, bottom] = sides(drawing);
  const form = document.querySelector("[data-region-form]");
  drawing = null;
  if (right - left < SMALLEST || bottom - top < SMALLEST) return;
  const inputs = form.querySelectorAll('[name="box"]');
  [left, top, right, bottom].forEach((side, i) => {
    inputs[i].value = (100 * side).toFixed(1);
  });
  form.submit();
});
