/** Digests, for the worker and for the script that stands in the page itself. */

/**
 * Without a secure context there are no digests; the sum has to do.
 *
 * @param {Uint8Array<ArrayBuffer>} data   @returns {Promise<string | null>}
 */
export async function digestOf(data) {
  if (!crypto.subtle) return null;
  return btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-256", data))));
}

/** @param {Uint8Array<ArrayBuffer>} data   @param {string} sha256 */
export async function matches(data, sha256) {
  return [null, sha256].includes(await digestOf(data));
}
