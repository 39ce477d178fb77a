/** Digests, for the worker and the page. */

/**
 * Without a secure context there are no digests; the sum has to do.
 *
 * @param {Uint8Array<ArrayBuffer>} data   @returns {Promise<string | null>}
 */
export async function digestOf(data) {
  if (!crypto.subtle) return null;
  return btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-256", data))));
}
