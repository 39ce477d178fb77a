/**
 * Screen wake lock: a phone that goes dark in mid-call takes the microphone away. Where a browser has none, or refuses it
 * (battery saver), the call goes on without.
 */

let wanted = false;
let lock = /** @type {WakeLockSentinel | null} */ (null);

/** @param {boolean} on */
export function keepAwake(on) {
  if (on === wanted) return;
  wanted = on;
  if (on) return void take();
  lock?.release().catch(() => {});
  lock = null;
}

/** The browser takes it back when the page is hidden, so it is asked for again when the page is seen. */
export function awakeAgain() {
  if (wanted && document.visibilityState === "visible") take();
}

async function take() {
  // In a frame that was not given the right, asking is an error in the console of the page around.
  const policy = document.permissionsPolicy ?? document.featurePolicy;
  if (policy?.allowsFeature("screen-wake-lock") === false) return;
  try {
    const taken = (await navigator.wakeLock?.request("screen")) ?? null;
    if (wanted) lock = taken;
    else await taken?.release(); // hung up meanwhile
  } catch {
    lock = null;
  }
}
