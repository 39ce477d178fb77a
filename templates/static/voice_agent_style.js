/**
 * The tag's own style. A constructed style sheet, because the policy of the page around it allows no inline style; the
 * custom properties and parts that a team may use are in docs/embedding.md.
 */

export const STYLE = `
:host {
  --accent: var(--voice-agent-accent, #4f46c9);
  --on-accent: var(--voice-agent-on-accent, #ffffff);
  --gap: var(--voice-agent-gap, 1.25rem);
  --radius: var(--voice-agent-radius, 14px);
  position: fixed;
  z-index: var(--voice-agent-z-index, 2147483000);
  inset: auto var(--gap) var(--gap) auto;
  display: flex;
  flex-direction: column-reverse;
  align-items: flex-end;
  gap: 0.75rem;
  pointer-events: none;
  font-family: var(--voice-agent-font, system-ui, sans-serif);
  font-size: 1rem;
  line-height: 1.4;
}
:host([placement$="left"]) {
  inset-inline: var(--gap) auto;
  align-items: flex-start;
}
:host([placement^="top"]) {
  inset-block: var(--gap) auto;
  flex-direction: column;
}
:host([variant="inline"]),
:host([variant="full"]) {
  position: static;
  z-index: auto;
  flex-direction: column;
  align-items: stretch;
  justify-content: center;
  min-height: 4rem;
}
:host([variant="full"]) {
  height: 100%;
}
:host([color-scheme="light"]) {
  color-scheme: light;
}
:host([color-scheme="dark"]) {
  color-scheme: dark;
}
:host([hidden]) {
  display: none;
}
[hidden] {
  display: none !important;
}
.launcher {
  display: inline-flex;
  align-items: center;
  align-self: inherit;
  gap: 0.6em;
  min-height: 3.25rem;
  padding: 0 1.3rem;
  border: 0;
  border-radius: 999px;
  background: var(--accent);
  color: var(--on-accent);
  font: inherit;
  font-weight: 600;
  cursor: pointer;
  pointer-events: auto;
  box-shadow: 0 4px 18px rgb(0 0 0 / 25%);
}
.launcher:focus-visible {
  outline: 3px solid var(--accent);
  outline-offset: 3px;
}
.icon {
  width: 24px;
  height: 24px;
  background: currentcolor;
  clip-path: path("M12 15a4 4 0 0 0 4-4V6a4 4 0 0 0-8 0v5a4 4 0 0 0 4 4Zm7-4a7 7 0 0 1-6 6.9V22h-2v-4.1A7 7 0 0 1 5 11h2a5 5 0 0 0 10 0Z");
}
.panel {
  position: relative;
  box-sizing: border-box;
  width: min(var(--voice-agent-width, 24rem), calc(100vw - 2 * var(--gap)));
  height: min(var(--voice-agent-height, 36rem), calc(100vh - 2 * var(--gap) - 4rem));
  border-radius: var(--radius);
  overflow: hidden;
  background: var(--voice-agent-background, canvas);
  pointer-events: auto;
  box-shadow: 0 8px 32px rgb(0 0 0 / 25%);
}
:host([variant="inline"]) .launcher,
:host([variant="full"]) .launcher {
  align-self: center;
}
:host([variant="inline"]) .panel,
:host([variant="full"]) .panel {
  width: 100%;
  height: var(--voice-agent-height, 36rem);
  box-shadow: none;
}
:host([variant="full"]) .panel {
  flex: 1 1 var(--voice-agent-height, 36rem);
  height: auto;
  min-height: 0;
}
:host([variant="inline"][open]) .launcher,
:host([variant="full"][open]) .launcher {
  display: none;
}
iframe {
  position: absolute;
  inset: 0;
  display: block;
  width: 100%;
  height: 100%;
  border: 0;
}
.message {
  position: absolute;
  inset: 0;
  margin: 0;
  padding: 2rem;
  overflow: auto;
  color: canvastext;
}
`;
