// Side by side: one window, one zoom and one place for all pictures.
"use strict";

const tools = document.querySelector("[data-tools]");
const panes = [...document.querySelectorAll(".pane")];
const PAN = 0.05;
let shift = { x: 0, y: 0 };

function apply() {
  const level = tools.elements.level.value / 100;
  const width = tools.elements.width.value / 100;
  const slope = 1 / width;
  const intercept = 0.5 - level * slope;
  for (const channel of document.querySelectorAll("#window feComponentTransfer > *")) {
    channel.setAttribute("slope", slope);
    channel.setAttribute("intercept", intercept);
  }
  const zoom = Number(tools.elements.zoom.value);
  const most = (zoom - 1) / 2;
  shift.x = Math.max(-most, Math.min(most, shift.x));
  shift.y = Math.max(-most, Math.min(most, shift.y));
  for (const image of document.querySelectorAll(".pane img")) {
    image.style.transform = `translate(${100 * shift.x}%, ${100 * shift.y}%) scale(${zoom})`;
  }
}

function change(name, by) {
  const input = tools.elements[name];
  input.value = Number(input.value) + by;
  apply();
}

function move(x, y) {
  shift = { x: shift.x + x, y: shift.y + y };
  apply();
}

tools.addEventListener("input", apply);
tools.addEventListener("reset", () => {
  shift = { x: 0, y: 0 };
  setTimeout(apply);
});

const KEYS = {
  ArrowLeft: () => move(PAN, 0),
  ArrowRight: () => move(-PAN, 0),
  ArrowUp: () => move(0, PAN),
  ArrowDown: () => move(0, -PAN),
  "+": () => change("zoom", 0.5),
  "-": () => change("zoom", -0.5),
  0: () => tools.reset(),
};

for (const pane of panes) {
  pane.addEventListener("contextmenu", (event) => event.preventDefault());
  pane.addEventListener("pointerdown", (event) => {
    pane.setPointerCapture(event.pointerId);
  });
  pane.addEventListener("pointermove", (event) => {
    const side = pane.clientWidth;
    if (event.buttons === 1) move(event.movementX / side, event.movementY / side);
    if (event.buttons === 2) {
      change("width", (100 * event.movementX) / side);
      change("level", (100 * event.movementY) / side);
    }
  });
  pane.addEventListener("wheel", (event) => {
    event.preventDefault();
    change("zoom", event.deltaY < 0 ? 0.3 : -0.3);
  }, { passive: false });
  pane.addEventListener("keydown", (event) => {
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

apply();
