/**
 * Before anything is drawn: is this page shown by `<voice-agent>`, which asks for `#embed`? The style sheet then leaves
 * away what stands around the call (`static/embed.css`). The tag may ask for colours and a language of its own:
 * `#embed&color-scheme=dark&language=de`.
 */

const asked = new URLSearchParams(location.hash.slice(1));
if (window.parent !== window && asked.has("embed")) {
  for (const name of ["embed", "color-scheme", "language"]) {
    const value = asked.get(name);
    if (value !== null) document.documentElement.setAttribute(`data-${name}`, value);
  }
}
