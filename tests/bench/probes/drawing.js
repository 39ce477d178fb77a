// Adds up, for each frame, what the page's scripts cost the main thread, and the style and layout that follow.
(() => {
  const frame = window.requestAnimationFrame.bind(window);
  let costs = [];
  let spent = 0;
  let ran = false;
  let inside = false;

  const wrapped = new WeakMap();
  const timed = (run) => {
    if (typeof run !== "function") return run;
    if (!wrapped.has(run))
      wrapped.set(run, function (...values) {
        if (inside) return run.apply(this, values);
        inside = ran = true;
        const begin = performance.now();
        try {
          return run.apply(this, values);
        } finally {
          spent += performance.now() - begin;
          inside = false;
        }
      });
    return wrapped.get(run);
  };
  for (const name of ["requestAnimationFrame", "setTimeout", "setInterval"]) {
    const plain = window[name].bind(window);
    window[name] = (run, ...values) => plain(timed(run), ...values);
  }
  for (let { prototype } of [Worker, MessagePort]) {
    while (!Object.hasOwn(prototype, "onmessage")) prototype = Object.getPrototypeOf(prototype);
    const { get, set } = Object.getOwnPropertyDescriptor(prototype, "onmessage");
    Object.defineProperty(prototype, "onmessage", {
      configurable: true,
      get,
      set(run) {
        set.call(this, timed(run));
      },
    });
  }

  // After the page's own callbacks of the same frame: a task of its own, behind them.
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener("message", () => {
    const begin = performance.now();
    void document.body.offsetHeight;
    if (ran) costs.push(spent + performance.now() - begin);
    spent = 0;
    ran = false;
  });
  port1.start();
  const tick = () => {
    port2.postMessage(null);
    frame(tick);
  };
  frame(tick);
  window.frameCosts = () => {
    const done = costs;
    costs = [];
    return done;
  };
  window.plainDrawing = () => {
    const { width } = document.getElementById("orb");
    const canvas = Object.assign(document.createElement("canvas"), { width, height: width });
    const pen = canvas.getContext("2d");
    return Array.from({ length: 20 }, () => {
      const begin = performance.now();
      for (let time = 0; time < 20; time++) {
        pen.clearRect(0, 0, width, width);
        for (let disc = 1; disc <= 100; disc++) {
          pen.beginPath();
          pen.arc(width / 2, width / 2, (disc * width) / 220, 0, 2 * Math.PI);
          pen.fill();
        }
      }
      return (performance.now() - begin) / 20;
    });
  };
})();
