/** What a token request is shown of who asks, and where a bearer comes from. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Host } from "../../templates/static/host.js";
import { SignIn } from "../../templates/static/sign_in.js";

const of = (kind) => {
  const asked = [];
  return { asked, signIn: new SignIn(kind, (message) => asked.push(message)) };
};

test("cookies cross origins where agent.toml says so, and nowhere else", async () => {
  assert.deepEqual(await of("cookie").signIn.shown(50), { credentials: "include", headers: {} });
  assert.deepEqual(await of("").signIn.shown(50), { credentials: "same-origin", headers: {} });
});

test("a bearer is asked for each time, and kept by nobody", async () => {
  const { asked, signIn } = of("bearer");
  for (const id of [1, 2]) {
    const coming = signIn.shown(1000);
    assert.deepEqual(asked.at(-1), { type: "sign_in", id });
    signIn.answered({ type: "bearer", id: id + 7, bearer: "forged" });
    signIn.answered({ type: "bearer", id, bearer: `a.b-${id}` });
    assert.deepEqual(await coming, { credentials: "same-origin", headers: { Authorization: `Bearer a.b-${id}` } });
  }
  assert.equal(signIn.waiting.size, 0);
  assert(!JSON.stringify(signIn).includes("a.b-"));
});

test("no bearer, one that is no word, and none in time are all nobody", async () => {
  const { signIn } = of("bearer");
  for (const bearer of [null, "", "two words", "a\nb", "ü", "x".repeat(8193), 5]) {
    const coming = signIn.shown(1000);
    signIn.answered({ type: "bearer", id: signIn.asked, bearer });
    assert.equal(await coming, null, String(bearer));
  }
  assert.equal(await signIn.shown(1), null);
});

test("the token server alone is shown it; Python never sees it, and hears where there is none", async () => {
  for (const [kind, bearer, shown, status, text] of [
    ["", null, ["same-origin", undefined], 200, "{}"],
    ["cookie", null, ["include", undefined], 200, "{}"],
    ["bearer", "abc", ["same-origin", "Bearer abc"], 200, "{}"],
    ["bearer", null, null, 0, "no_bearer"],
  ]) {
    const [asked, told] = [[], []];
    globalThis.fetch = async (_, { credentials, headers }) => {
      asked.push([credentials, headers.Authorization]);
      return { status: 200, text: async () => "{}", headers: new Headers() };
    };
    const answer = ({ id }) => queueMicrotask(() => host.intent({ type: "bearer", id, bearer }));
    const host = new Host({ globals: 1 }, answer, assert.fail, kind);
    const note = (...values) => void told.push(values);
    host.client = { token_answered: note, intent: note };
    await host.request_token(1, "https://tokens.example/api/token", "{}", 1000);
    assert.deepEqual(asked, shown ? [shown] : []);
    assert.deepEqual(told, [[1, status, text, ""]]);
  }
});
