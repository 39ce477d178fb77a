/**
 * Which microphone and speaker were chosen, and how loud: remembered from visit to visit, where the browser
 * lets a page remember.
 */

/** @typedef {{microphone: string, speaker: string, volume: number}} Chosen   ids as the browser has them, "" is its default */

const KEY = "parley.devices";
let chosen = /** @type {Chosen | null} */ (null);

/** The same object each time. Not read before somebody asks: the browser takes some milliseconds for its first answer. */
export function devices() {
  chosen ??= { microphone: "", speaker: "", volume: 1, ...read() };
  return chosen;
}

/** @returns {Partial<Chosen>} */
function read() {
  try {
    const { microphone, speaker, volume } = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { microphone: String(microphone ?? ""), speaker: String(speaker ?? ""), volume: inRange(volume) };
  } catch {
    return {}; // not allowed, or not ours
  }
}

/** @param {unknown} volume */
function inRange(volume) {
  return typeof volume === "number" && volume >= 0 && volume <= 1 ? volume : 1;
}

/** @param {Partial<Chosen>} change */
export function choose(change) {
  Object.assign(devices(), change);
  try {
    localStorage.setItem(KEY, JSON.stringify(devices()));
  } catch {
    // then for this visit only
  }
}

/** Tells whether a device came or went, or another one is the default now. */
export async function inputsNow() {
  const found = await navigator.mediaDevices.enumerateDevices();
  return found
    .filter(({ kind }) => kind === "audioinput")
    .map(({ deviceId, groupId }) => `${deviceId} ${groupId}`)
    .join();
}
