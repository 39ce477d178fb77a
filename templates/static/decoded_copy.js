/**
 * A decoded copy of the snapshot in the browser's Cache Storage, with the hashes of its texts. The browser's own cache
 * keeps it as it came, so that each visit would decode it again (a tenth of a second in Chromium) and find the hashes
 * again (30 ms). A copy is compared with the build's digests like what a host sends, so whoever changed it changes
 * nothing but the time. A browser that keeps none (private, without https, full) fetches as before.
 */

/** @import { Described } from "./messages.js" */

const NAME = "parley decoded";

/** Not fetched by anybody: only a name for the copy. @param {{url: string}} file */
const keyOf = ({ url }) => `${url}?complete`;

/**
 * @param {{url: string}} file
 * @returns {Promise<Response | null>} null also where the browser has no such store, or does not allow it here
 */
export async function decodedCopy(file) {
  try {
    return (await caches.match(keyOf(file), { cacheName: NAME })) ?? null;
  } catch {
    return null;
  }
}

/**
 * Keep `data` for the next visit, and nothing of an earlier build of this site. A copy that is there stays.
 *
 * @param {Described} file   @param {Uint8Array<ArrayBuffer>} data
 */
export async function keepDecoded(file, data) {
  const key = keyOf(file);
  const folder = new URL(".", file.url).href;
  try {
    const store = await caches.open(NAME);
    const keys = (await store.keys()).map(({ url }) => url);
    // Sites side by side share the store: each in its own folder.
    const old = keys.filter((url) => url !== key && new URL(".", url).href === folder);
    await Promise.all(old.map((url) => store.delete(url)));
    if (!keys.includes(key)) await store.put(key, new Response(data));
  } catch (error) {
    console.info(`parley: no decoded copy of the snapshot is kept: ${/** @type {Error} */ (error).message}`);
  }
}

/** A copy that was found to be a wrong one. @param {Described} file */
export async function dropDecoded(file) {
  try {
    await (await caches.open(NAME)).delete(keyOf(file));
  } catch {} // there was none
}
