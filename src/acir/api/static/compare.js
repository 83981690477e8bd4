// Side by side: one window, one zoom and one place for all pictures. A grey picture that was given is
// drawn from its 16-bit values, so that the window reaches what its own window hides; stored pictures
// are thumbnails, which a filter windows. Several pictures in one pane are scrolled through.
"use strict";

const tools = document.querySelector("[data-tools]");
const panes = [...document.querySelectorAll(".pane")];
const PAN = 0.05;
const WHOLE = { maximumFractionDigits: 0, signDisplay: "negative" };
const DIGITS = { maximumSignificantDigits: 4 };
let shift = { x: 0, y: 0 };

class Stack {
  // The frames of one pane, loaded when they are first shown.
  constructor(pane) {
    this.pane = pane;
    this.addresses = pane.dataset.frames.split(" ");
    this.frames = new Map();
    this.at = 0;
    this.canvas = document.createElement("canvas");
    this.slider = pane.parentElement.querySelector("[data-scroll]");
    this.slider?.addEventListener("input", () => this.show(this.slider.value - 1));
  }

  async show(at) {
    this.at = Math.max(0, Math.min(this.addresses.length - 1, at));
    if (this.slider) {
      this.slider.value = this.at + 1;
      this.slider.nextElementSibling.textContent = `${this.at + 1} / ${this.addresses.length}`;
    }
    const wanted = this.at;
    if (!this.frames.has(wanted)) this.frames.set(wanted, await load(this.addresses[wanted]));
    if (wanted === this.at) apply();
  }

  paint(level, width) {
    const frame = this.frames.get(this.at);
    if (!frame) return;
    if (!this.canvas.isConnected) this.pane.replaceChildren(this.canvas);
    this.canvas.width = frame.width;
    this.canvas.height = frame.height;
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(frame.width, frame.height);
    const words = new Uint32Array(image.data.buffer);
    const grey = table(frame, level, width);
    frame.numbers.forEach((number, i) => { words[i] = grey[number]; });
    context.putImageData(image, 0, 0);
  }
}

async function load(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status} ${address}`);
  const numbers = new Uint16Array(await answer.arrayBuffer());
  return { ...JSON.parse(answer.headers.get("X-Frame")), numbers };
}

// The colour of each number: level and width are shares of the picture's own window.
function table(frame, level, width) {
  const found = new Uint32Array(65536);
  for (let number = 0; number < found.length; number += 1) {
    let share = (frame.offset + frame.scale * number - frame.low) / (frame.high - frame.low);
    if (frame.inverted) share = 1 - share;
    const value = Math.round(255 * Math.max(0, Math.min(1, (share - level) / width + 0.5)));
    found[number] = 0xff000000 | (value << 16) | (value << 8) | value;
  }
  return found;
}

const stacks = new Map(
  panes.filter((pane) => pane.dataset.frames).map((pane) => [pane, new Stack(pane)]),
);

function apply() {
  const level = tools.elements.level.value / 100;
  const width = tools.elements.width.value / 100;
  const slope = 1 / width;
  const intercept = 0.5 - level * slope;
  for (const channel of document.querySelectorAll("#window feComponentTransfer > *")) {
    channel.setAttribute("slope", slope);
    channel.setAttribute("intercept", intercept);
  }
  for (const stack of stacks.values()) stack.paint(level, width);
  tell(level, width);
  const zoom = Number(tools.elements.zoom.value);
  const most = (zoom - 1) / 2;
  shift.x = Math.max(-most, Math.min(most, shift.x));
  shift.y = Math.max(-most, Math.min(most, shift.y));
  for (const image of document.querySelectorAll(".pane img, .pane canvas")) {
    image.style.transform = `translate(${100 * shift.x}%, ${100 * shift.y}%) scale(${zoom})`;
  }
}

// The window in the values of the first picture that was given. That of whole numbers is said as DICOM
// does (PS3.3 C.11.2.1.2.1): of 0 to 255 the level is 128 and the width 256.
function tell(level, width) {
  const [stack] = stacks.values();
  const frame = stack?.frames.get(stack.at);
  if (!frame) return;
  const range = frame.high - frame.low;
  const centre = frame.low + (frame.inverted ? 1 - level : level) * range;
  const whole = frame.scale === 1;
  const written = new Intl.NumberFormat(document.documentElement.lang, whole ? WHOLE : DIGITS);
  const output = tools.querySelector("[data-window]");
  output.textContent = output.dataset.window
    .replace("{level}", written.format(centre + (whole ? 0.5 : 0)))
    .replace("{width}", written.format(width * range + (whole ? 1 : 0)));
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
  PageDown: (pane) => stacks.get(pane)?.show(stacks.get(pane).at + 1),
  PageUp: (pane) => stacks.get(pane)?.show(stacks.get(pane).at - 1),
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
    const stack = stacks.get(pane);
    const ahead = event.deltaY > 0;
    if (stack?.addresses.length > 1 && !event.ctrlKey) stack.show(stack.at + (ahead ? 1 : -1));
    else change("zoom", ahead ? -0.3 : 0.3);
  }, { passive: false });
  pane.addEventListener("keydown", (event) => {
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act(pane);
  });
}

apply();
for (const stack of stacks.values()) stack.show(0);
