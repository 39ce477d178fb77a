/**
 * Before anything is drawn: is this page shown by `<voice-agent>`, which asks for `#embed`? The style sheet then leaves
 * away what stands around the call (`static/embed.css`).
 */

if (window.parent !== window && location.hash === "#embed") document.documentElement.dataset.embed = "";
