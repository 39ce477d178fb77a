/** What an AudioWorklet finds in its global scope, as far as ours use it: TypeScript has no library for that scope. */

interface MessageEvent {
  readonly data: any;
}

interface MessagePort {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer?: ArrayBuffer[]): void;
  close(): void;
}

declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
}

declare const sampleRate: number;

declare function registerProcessor(name: string, processor: new (options?: object) => AudioWorkletProcessor): void;
