/** The elements of the page that its scripts ask for by their ids (templates/_*.html). */
export interface Elements {
  announcer: HTMLElement;
  apply: HTMLButtonElement;
  boot: HTMLElement;
  "boot-progress": HTMLProgressElement;
  "boot-text": HTMLElement;
  connect: HTMLButtonElement;
  copied: HTMLElement;
  copy: HTMLButtonElement;
  copying: HTMLElement;
  diagnostics: HTMLDetailsElement;
  empty: HTMLElement;
  facts: HTMLElement;
  greeting: HTMLInputElement;
  "hang-up": HTMLButtonElement;
  interrupt: HTMLButtonElement;
  "meter-agent": HTMLMeterElement;
  "meter-user": HTMLMeterElement;
  mute: HTMLButtonElement;
  notice: HTMLElement;
  "notice-hint": HTMLElement;
  "notice-title": HTMLElement;
  retry: HTMLButtonElement;
  "start-detail": HTMLElement;
  status: HTMLElement;
  "system-prompt": HTMLTextAreaElement;
  "talk-help": HTMLElement;
  "talk-key": HTMLButtonElement;
  timer: HTMLElement;
  transcript: HTMLElement;
  "turn-style": HTMLSelectElement;
  typed: HTMLFormElement;
  "typed-send": HTMLButtonElement;
  "typed-text": HTMLInputElement;
  voice: HTMLSelectElement;
  "voice-other": HTMLInputElement;
}
