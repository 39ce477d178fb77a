/** The parts of a delay: they add up to it, and what was not measured has none. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { partsOf } from "../../templates/static/delay_parts.js";

test("the parts of a delay add up to it", () => {
  const parts = partsOf({ at_ms: 0, heard_ms: 900, known_ms: 400, here_ms: 120 });
  assert.deepEqual(parts, { turn: 500, service: 280, here: 120 });
});

test("a delay that was measured in part is not split", () => {
  const whole = { at_ms: 0, heard_ms: 900, known_ms: 400, here_ms: 120 };
  for (const name of ["heard_ms", "known_ms", "here_ms"]) assert.equal(partsOf({ ...whole, [name]: null }), null);
});
