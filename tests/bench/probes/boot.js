// Put before the product's own worker by a bench: its socket goes to the probe server, and what passes is
// noted with its time.
{
  const events = [];
  const note = (kind, values) => events.push({ kind, at: Date.now(), ...values });
  const PlainSocket = self.WebSocket;
  self.WebSocket = class WebSocket extends PlainSocket {
    constructor(_, protocols) {
      super("@PROBE_URL@", protocols);
      this.addEventListener("message", ({ data }) => note("received", { head: String(data).slice(0, 120) }));
    }

    send(data) {
      const start = data.indexOf('"audio":"');
      if (start > 0) {
        const at = Date.now();
        const head = atob(data.slice(start + 9, start + 21));
        const word = (index) => head.charCodeAt(2 * index) | (head.charCodeAt(2 * index + 1) << 8);
        if (word(0) === 1234) {
          const left = word(3) * 65536 + word(2);
          events.push({ kind: "sent", at, sequence: word(1), waited: (at % 2 ** 32) - left });
        }
      }
      super.send(data);
    }
  };
  self.addEventListener("message", (event) => {
    const { data } = event;
    if (data.type === "probe") {
      event.stopImmediatePropagation();
      self.postMessage({ type: "probe", events: events.splice(0) });
    } else if (data.ports) {
      data.ports.playback.addEventListener("message", ({ data: told }) => told.type === "probe" && events.push(told));
    }
  });
}
