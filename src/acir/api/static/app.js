// What pages do beyond links and forms: drop, paste, keys, and the slider of the heat map.
"use strict";

document.documentElement.classList.add("scripted");

function send(form, files) {
  const input = form.querySelector('input[type="file"]');
  if (files) input.files = files;
  if (!input.files.length || form.classList.contains("working")) return;
  form.classList.add("working");
  const status = form.querySelector("[data-status]");
  status.textContent = status.dataset.working;
  form.submit();
}

function nearestDrop() {
  return document.querySelector("[data-drop]");
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("form");
  if (form?.matches("[data-drop]")) send(form);
  if (form?.matches("[data-submit-on-change]")) form.submit();
});

for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const form = nearestDrop();
    if (!form || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form.classList.toggle("over", kind === "dragover");
    if (kind === "drop") send(form, event.dataTransfer.files);
  });
}

document.addEventListener("paste", (event) => {
  const form = nearestDrop();
  if (form && event.clipboardData.files.length) send(form, event.clipboardData.files);
});

// A page that comes back from the browser's memory must not look busy.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll(".working")) form.classList.remove("working");
});

function showHeat() {
  const slider = document.querySelector("[data-heat-slider]");
  if (!slider) return;
  for (const image of document.querySelectorAll("[data-heat]")) {
    image.style.opacity = slider.value / 100;
  }
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-heat-slider]")) showHeat();
  if (event.target.matches("[data-percent]")) {
    const output = event.target.parentElement.querySelector("output");
    output.textContent = `${Math.round(100 * event.target.value)} %`;
  }
});
document.addEventListener("htmx:after:swap", showHeat);
showHeat();

// A changed answer is read out by its title, as that of a page that is loaded is without this; it is
// taken away before, so that an equal one counts as new.
function readOut(text) {
  const status = document.querySelector("[data-title]");
  if (status) status.textContent = text;
}

document.addEventListener("htmx:before:request", () => readOut(""));
document.addEventListener("htmx:finally:swap", () => readOut(document.title));

// Keys act on the hit that has the focus, so that they never get in the way of typing.
const ACTS = { s: "similar", c: "compare", k: "keep", "+": "like", "-": "unlike", Enter: "similar" };

function besides(hit, key) {
  const hits = [...document.querySelectorAll("[data-hit]")];
  const top = hits[0].offsetTop;
  const across = hits.filter((each) => each.offsetTop === top).length;
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across };
  return key in steps ? hits[hits.indexOf(hit) + steps[key]] : null;
}

document.addEventListener("keydown", (event) => {
  const hit = event.target;
  if (!hit.matches?.("[data-hit]") || event.ctrlKey || event.metaKey || event.altKey) return;
  const next = besides(hit, event.key);
  const act = ACTS[event.key] && hit.querySelector(`[data-act="${ACTS[event.key]}"]`);
  if (!next && !act) return;
  event.preventDefault();
  if (next) next.focus();
  else act.click();
});
