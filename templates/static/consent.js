/**
 * Consent: what a person agrees to before the first call. Until then no microphone is opened and nothing is connected.
 */

import { $ } from "./element.js";

/** @typedef {{version: string, remember: string}} Consent   `[consent]` of `agent.toml` */

const KEY = "parley-consent";
/** For who forbids the page to keep anything: as long as the page lives. */
let given = "";

/**
 * Was it given? Where it was not, the person is asked, and `accepted` is called when they agree.
 *
 * @param {Consent | null} consent   @param {() => void} accepted
 */
export function hasConsent(consent, accepted) {
  if (!consent || isKnown(consent)) return true;
  const dialog = $("consent");
  $("consent-accept").onclick = () => {
    dialog.close();
    keep(consent);
    accepted();
  };
  $("consent-decline").onclick = () => dialog.close();
  dialog.onclose = () => $("connect").focus(); // also where a press had given that button no focus, or Escape closed it
  if (!dialog.open) dialog.showModal();
  return false;
}

/** @param {Consent} consent */
function isKnown(consent) {
  try {
    return given === consent.version || storage(consent).getItem(KEY) === consent.version;
  } catch {
    return false;
  }
}

/** @param {Consent} consent */
function keep(consent) {
  given = consent.version;
  try {
    storage(consent).setItem(KEY, consent.version);
  } catch {
    // asked again in the next page
  }
}

/** @param {Consent} consent */
function storage({ remember }) {
  return remember === "version" ? localStorage : sessionStorage;
}
