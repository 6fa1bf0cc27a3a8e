import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasColour } from './terminal.ts';

test('colour follows FORCE_COLOR, then NO_COLOR and TERM, then the terminal', () => {
  const [terminal, pipe] = [{ isTTY: true }, {}];
  assert.equal(hasColour(terminal, {}), true);
  assert.equal(hasColour(pipe, {}), false);
  assert.equal(hasColour(terminal, { NO_COLOR: '1' }), false);
  assert.equal(hasColour(terminal, { NO_COLOR: '' }), true);
  assert.equal(hasColour(terminal, { TERM: 'dumb' }), false);
  assert.equal(hasColour(pipe, { FORCE_COLOR: '1' }), true);
  assert.equal(hasColour(terminal, { FORCE_COLOR: '0' }), false);
  assert.equal(hasColour(terminal, { FORCE_COLOR: 'false' }), false);
  assert.equal(hasColour(terminal, { FORCE_COLOR: '' }), true);
  assert.equal(hasColour(pipe, { FORCE_COLOR: '1', NO_COLOR: '1' }), true);
});
