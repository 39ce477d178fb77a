/** What an AudioWorklet finds in its global scope, as far as ours use it: TypeScript has no library for that scope. */

/** What comes is what `messages.js` says: each listener names its messages. */
interface MessagePort {
  // biome-ignore lint/suspicious/noExplicitAny: as in TypeScript's own library for pages and workers
  onmessage: ((event: { readonly data: any }) => void) | null;
  postMessage(message: unknown, transfer?: ArrayBuffer[]): void;
  close(): void;
}

declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
}

declare const sampleRate: number;

declare function registerProcessor(name: string, processor: new (options?: object) => AudioWorkletProcessor): void;
