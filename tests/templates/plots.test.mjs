/** The small plots: half a minute of values, oldest first. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { dbfs, series, SHOWN_MS } from "../../templates/static/plots.js";

test("a series ends with the newest value and begins half a minute before", () => {
  const values = series((at_ms) => at_ms, 100_000);
  assert.deepEqual([values.length, values[0], values.at(-1)], [600, 100_000 - SHOWN_MS, 99_950]);
});

test("a level is told in decibels below full scale", () => {
  assert.deepEqual([1, 0.5, 0].map(dbfs), [0, -30, -60]);
});
