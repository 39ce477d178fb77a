/**
 * Pyodide, Emscripten and our Python, as far as the worker uses them. Calls into Python are not checked further than
 * this.
 */

/** A method of Python's. */
export type Method = ((...values: unknown[]) => unknown) & { copy(): Method; destroy(): void };

/** The methods of `pyclient.host.pyodide_host.Client` that the worker calls. */
export type ClientMethod =
  | "load_tools"
  | "ping"
  | "intent"
  | "frame"
  | "capture_held"
  | "capture_caught_up"
  | "capture_drained"
  | "progress"
  | "drained"
  | "flushed"
  | "socket_opened"
  | "message"
  | "socket_closed"
  | "timer"
  | "token_answered";

/** The methods of `pyclient.audio_fast_path.AudioFastPath`. */
export interface AudioMethods {
  may_send: Method;
  sent: Method;
  item_of: Method;
  may_play: Method;
  played: Method;
}

export type Client = Record<ClientMethod, Method> & { audio_fast_path: AudioMethods & { destroy(): void } };

/** A module of Python's, with what is called in it. */
type Module<Content> = Content & { destroy(): void };

export interface Pyodide {
  globals: unknown;
  FS: { writeFile(path: string, data: Uint8Array): void };
  unpackArchive(archive: Uint8Array, format: string): void;
  pyimport(name: "pyclient.host.pyodide_host"): Module<{ start(host: object, settings: string): Client }>;
  pyimport(name: "pyclient.host.lazy_stdlib"): {
    install(bring: () => Uint8Array, path: string): void;
    install_packages(data: Uint8Array): void;
    install_zones(bring: () => Uint8Array, path: string): void;
    install_packages(data: Uint8Array): void;
  };
  pyimport(name: "_visitor"): Module<{ settle(language: string): void }>;
  pyimport(
    name: "micropip",
  ): Module<{ install: { callKwargs(name: string, options: { deps: boolean }): Promise<void> } }>;
}

/** Options of `loadPyodide`, those that we use. */
export interface PyodideOptions {
  indexURL?: string;
  packageBaseUrl?: string;
  stdLibURL?: string;
  lockFileContents?: object;
  stdout?: (line: string) => void;
  stderr?: (line: string) => void;
  createPyodideModule?: Factory;
  _loadSnapshot?: Uint8Array;
}

/** Emscripten's factory out of `pyodide.asm.mjs`. */
export type Factory = (settings: ModuleSettings) => Promise<EmscriptenModule>;

export interface ModuleSettings {
  INITIAL_MEMORY?: number;
  instantiateWasm(imports: { env: { _tzset_js(...zone: number[]): void } }, done: unknown): unknown;
}

export interface EmscriptenModule {
  HEAPU8: Uint8Array<ArrayBuffer>;
  HEAPU32: Uint32Array<ArrayBuffer>;
  jspiSupported: boolean;
}
