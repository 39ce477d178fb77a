/** Digests, for the worker and for the script that stands in the page itself. */

/**
 * Without a secure context there are no digests; the sum has to do.
 *
 * @param {Uint8Array<ArrayBuffer>} data   @param {string} sha256
 */
export async function matches(data, sha256) {
  if (!crypto.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return btoa(String.fromCharCode(...digest)) === sha256;
}
