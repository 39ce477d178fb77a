/**
 * The panel "Sound": pickers for microphone and speaker, the volume, and the check before a call. A change counts at
 * once, also in mid-call.
 */

import { $ } from "./element.js";
import { isMonitor, isStandIn, speakerWay } from "./quirks.js";
import { SoundCheck } from "./sound_check.js";

/** @import { Chosen } from "./devices.js" */
/** @import { Audio, Means } from "./sound_check.js" */

/**
 * This file is a bundle of its own, so what is chosen, which the page knows, is handed in.
 *
 * @param {Chosen} chosen   @param {(change: Partial<Chosen>) => void} choose
 * @param {() => Audio | null} inCall what is open at that moment   @param {Means} means
 * @returns `named` is to be called when devices may have other names, `stop` before a microphone is opened for a call,
 * `allow` with whether there is none
 */
export function soundPanel(chosen, choose, inCall, means) {
  const draw = () => void drawDevices(chosen);
  const check = new SoundCheck(means, draw);
  const audio = () => inCall() ?? check.audio;
  $("volume").value = String(chosen.volume);
  $("speaker-help").hidden = speakerWay() !== null;
  $("speaker").disabled = speakerWay() === null;
  $("microphone").addEventListener("change", () => {
    choose({ microphone: $("microphone").value });
    if (check.run) check.begin();
    else inCall()?.exchange(false);
  });
  $("speaker").addEventListener("change", () => {
    choose({ speaker: $("speaker").value });
    audio()
      ?.useSpeaker()
      .catch(() => {}); // it was pulled at this moment, and leaves the list
  });
  $("volume").addEventListener("input", () => {
    choose({ volume: $("volume").valueAsNumber });
    audio()?.setVolume();
  });
  $("check").addEventListener("click", () => (check.run ? check.stop() : check.begin()));
  addEventListener("pagehide", () => check.stop());
  $("sound").addEventListener("toggle", () => {
    if (!$("sound").open) check.stop();
    draw();
  });
  navigator.mediaDevices?.addEventListener?.("devicechange", draw);
  draw();
  return {
    named: draw,
    stop: () => check.stop(),
    allow: (/** @type {boolean} */ allowed) => ($("check").disabled = !allowed),
  };
}

/** While the panel is closed nobody sees them. @param {Chosen} chosen */
async function drawDevices(chosen) {
  if (!$("sound").open || !navigator.mediaDevices?.enumerateDevices) return;
  const inputs = await listDevices("audioinput");
  const [help, named] = [$("microphone-help"), inputs.some(({ label }) => label)];
  if (!help.dataset.seen) help.hidden = named;
  if (!help.hidden) {
    // It keeps its place: they get their names in mid-check, and what ends that lies below.
    help.dataset.seen = "true";
    help.style.visibility = named ? "hidden" : "visible";
  }
  offer($("microphone"), inputs, chosen.microphone);
  if (speakerWay()) offer($("speaker"), await listDevices("audiooutput"), chosen.speaker);
}

/** @param {HTMLSelectElement} picker   @param {MediaDeviceInfo[]} devices   @param {string} id */
function offer(picker, devices, id) {
  const named = devices.filter(({ label }) => label);
  picker.replaceChildren(picker.options[0], ...named.map(({ deviceId, label }) => new Option(label, deviceId)));
  picker.value = named.some(({ deviceId }) => deviceId === id) ? id : "";
}

/**
 * What there is to choose from. What stands for the browser's own choice is none of it: that is the
 * entry without an id.
 *
 * @param {"audioinput" | "audiooutput"} kind
 */
async function listDevices(kind) {
  const found = await navigator.mediaDevices.enumerateDevices();
  return found.filter((it) => it.kind === kind && it.deviceId && !isStandIn(it) && !isMonitor(it));
}
