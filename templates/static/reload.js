/**
 * Only in what `build.py serve` shows: follows its builds (`builder/watch.py`). A page without a call loads itself anew
 * when there is a newer build; in a call a small notice offers it. What stops a build is told as long as it does.
 */

/** @import { Told } from "./reload_types.js" */

const EVERY_MS = 700;
const TOLD = new URL("../reload.json", import.meta.url);
const STYLE = `
:host([hidden]) { display: none; }
:host(:not([hidden])) { position: fixed; inset: auto 0 0; z-index: 100; display: block; }
div { display: flex; gap: 1em; align-items: center; justify-content: center; padding: 0.7em 1em;
  background: canvas; color: canvastext; border-block-start: 2px solid currentcolor; font: 0.9rem/1.4 system-ui, sans-serif; }
p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; max-block-size: 40vh; overflow: auto; }
button { font: inherit; padding: 0.3em 0.9em; }
`;

const shown_build = document.querySelector("meta[name=parley-build]")?.getAttribute("content");
const bar = document.createElement("div");
const text = document.createElement("p");
const button = document.createElement("button");
const host = document.createElement("aside");

/** A call, or the microphone being opened: both can be ended. */
function inCall() {
  return !(/** @type {HTMLElement} */ (document.getElementById("hang-up")).hidden);
}

/** @param {Told} told */
function show({ build, problem }) {
  const newer = build !== shown_build;
  if (newer && !problem && !inCall()) return location.reload();
  host.hidden = !problem && !newer;
  button.hidden = Boolean(problem);
  const words = problem
    ? `${problem}\nThis page is the last good build. Mend the file and save it: this goes away by itself.`
    : "There is a newer build of this page.";
  if (text.textContent !== words) text.textContent = words;
}

async function ask() {
  try {
    const answer = await fetch(TOLD, { cache: "no-store" });
    if (answer.ok) show(await answer.json());
  } catch {
    // A build is being put in its place, or the server was ended.
  }
  setTimeout(ask, EVERY_MS);
}

host.id = "reload";
host.hidden = true;
bar.setAttribute("role", "status");
button.type = "button";
button.textContent = "Load it (ends the call)";
button.addEventListener("click", () => location.reload());
bar.append(text, button);
const style = new CSSStyleSheet();
style.replaceSync(STYLE);
const root = host.attachShadow({ mode: "open" });
root.adoptedStyleSheets = [style];
root.append(bar);
document.body.append(host);
ask();
