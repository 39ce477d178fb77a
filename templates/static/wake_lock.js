/**
 * Screen wake lock: a phone that goes dark in mid-call takes the microphone away. Where a browser has none, or refuses
 * it (battery saver), the call goes on without.
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

/**
 * In a frame that was not given the right, asking is an error in the console. Where a browser does not tell (WebKit),
 * only the frame of `<voice-agent>` is known to have it.
 */
function mayAsk() {
  const policy = document.permissionsPolicy ?? document.featurePolicy;
  if (policy) return policy.allowsFeature("screen-wake-lock");
  return window.parent === window || "embed" in document.documentElement.dataset;
}

async function take() {
  if (!mayAsk()) return;
  try {
    const taken = (await navigator.wakeLock?.request("screen")) ?? null;
    if (wanted) lock = taken;
    else await taken?.release(); // hung up meanwhile
  } catch {
    lock = null;
  }
}
