/**
 * What the page's scripts leave for each other in the global scope, and what a browser has that TypeScript does not
 * know.
 */

import type { PageConfig, Settings, ShownView } from "./messages.js";

/** Of `_guard.js`: why the page has not started. */
interface Guard {
  config: PageConfig;
  /** Settled when the language of the page will not change any more (`_language.js`). */
  language: Promise<void>;
  /** Nothing can work here, and it was said why. */
  halted: boolean;
  diagnose(url: string): Promise<{ kind: string; detail: string }>;
  again(url: string): boolean;
  alive(): void;
  started(): void;
}

/** Of `_preload.js`: the first worker, and what it said before anybody listened. */
interface Preloaded {
  config: PageConfig;
  first: { worker: Worker; said: (MessageEvent | ErrorEvent)[] };
  startWorker(settings: Settings, ahead?: string[] | null): Worker;
}

declare global {
  /** What `<voice-agent>` says itself, by language; the build writes it into that script (`builder/texts.py`). */
  const TAG_TEXTS: Record<string, Record<string, string>>;
  var parleyGuard: Guard;
  var parleyAhead: Preloaded;
  /** For tests and for host pages: what is shown, as data. */
  var parley: Readonly<{ snapshot(): ShownView; facts(): Record<string, unknown> }>;

  // Trusted Types (w3c.github.io/trusted-types): only the one method that we use.
  var trustedTypes:
    | {
        createPolicy(
          name: string,
          rules: { createScriptURL(url: string): string },
        ): { createScriptURL(url: string): string };
      }
    | undefined;

  // See quirks.js.
  var webkitAudioContext: typeof AudioContext | undefined;
  interface Navigator {
    readonly audioSession?: { type: string };
  }
  interface AudioContext {
    setSinkId?(id: string): Promise<void>;
  }
  interface Document {
    readonly permissionsPolicy?: { allowsFeature(name: string): boolean };
    readonly featurePolicy?: { allowsFeature(name: string): boolean };
  }
}
