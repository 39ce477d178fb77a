/** What `builder/watch.py` says to the pages that it serves (`reload.js`). */

export interface Told {
  /** Tells builds apart. */
  build: string;
  /** What stopped the newest one; empty where nothing did. */
  problem: string;
}
