// The map: a point is chosen by the mouse or by arrow keys, and opened by a click or Enter.
"use strict";

const CONE = 2; // how much more a step sideways counts than one ahead
const AHEAD = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

function address(path, point) {
  return `${path}?${new URLSearchParams({ id: point.dataset.id })}`;
}

function choose(point) {
  document.querySelector("[data-map] .chosen")?.classList.remove("chosen");
  point.classList.add("chosen");
  const panel = document.querySelector("[data-map-point]");
  panel.hidden = false;
  panel.querySelector("[data-map-picture]").src = address("/thumbnail", point);
  panel.querySelector("[data-map-said]").textContent = point.dataset.label;
  panel.querySelector("[data-map-id]").textContent = point.dataset.id;
  panel.querySelector("[data-map-open]").href = address("/search", point);
}

function place(shape) {
  return [Number(shape.getAttribute("cx")), Number(shape.getAttribute("cy"))];
}

function nextTo(map, chosen, [right, down]) {
  const [x, y] = place(chosen);
  let best = null;
  let least = Infinity;
  for (const point of map.querySelectorAll("circle")) {
    const [px, py] = place(point);
    const ahead = (px - x) * right + (py - y) * down;
    const aside = Math.abs((px - x) * down) + Math.abs((py - y) * right);
    const cost = ahead + CONE * aside;
    if (ahead > 0 && cost < least) [best, least] = [point, cost];
  }
  return best;
}

document.addEventListener("pointerover", (event) => {
  if (event.target.matches("[data-map] circle")) choose(event.target);
});

document.addEventListener("click", (event) => {
  if (event.target.matches("[data-map] circle")) location.href = address("/search", event.target);
});

document.addEventListener("keydown", (event) => {
  const map = event.target.closest("[data-map]");
  if (!map || event.ctrlKey || event.metaKey || event.altKey) return;
  const chosen = map.querySelector(".chosen");
  if (event.key === "Enter" && chosen) location.href = address("/search", chosen);
  if (!(event.key in AHEAD)) return;
  event.preventDefault();
  const next = chosen ? nextTo(map, chosen, AHEAD[event.key]) : map.querySelector("circle");
  if (next) choose(next);
});
