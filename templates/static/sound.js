/** The panel "Sound": pickers for microphone and speaker, and the volume. A change counts at once, also in mid-call. */

import { $ } from "./element.js";
import { isMonitor, speakerWay } from "./quirks.js";

/** @import { Chosen } from "./devices.js" */
/** @typedef {() => {exchange(isGone: boolean): void, useSpeaker(): Promise<void>, setVolume(): void} | null} AudioNow */

/**
 * This file is a bundle of its own, so what is chosen, which the page knows, is handed in.
 *
 * @param {Chosen} chosen   @param {(change: Partial<Chosen>) => void} choose
 * @param {AudioNow} audio what is open at that moment
 * @returns {() => void} to be called when devices may have other names
 */
export function soundPanel(chosen, choose, audio) {
  const draw = () => void drawDevices(chosen);
  $("volume").value = String(chosen.volume);
  $("speaker-help").hidden = speakerWay() !== null;
  $("speaker").disabled = speakerWay() === null;
  $("microphone").addEventListener("change", () => {
    choose({ microphone: $("microphone").value });
    audio()?.exchange(false);
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
  $("sound").addEventListener("toggle", draw);
  navigator.mediaDevices?.addEventListener?.("devicechange", draw);
  draw();
  return draw;
}

/** While the panel is closed nobody sees them. @param {Chosen} chosen */
async function drawDevices(chosen) {
  if (!$("sound").open || !navigator.mediaDevices?.enumerateDevices) return;
  const inputs = await listDevices("audioinput");
  $("microphone-help").hidden = inputs.some(({ label }) => label);
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
  return found.filter(
    (it) => it.kind === kind && it.deviceId && !["default", "communications"].includes(it.deviceId) && !isMonitor(it),
  );
}
