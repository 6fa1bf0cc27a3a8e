import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImportReport } from '../../enforce/index.ts';
import { MAX_LINE } from '../control/protocol.ts';
import { importFeed } from './deny-import.ts';

test('a feed of any length goes in parts that the engine takes, with the line numbers of the whole', async () => {
  const lines = Array.from({ length: 150_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  lines[140_000] = 'nonsense';
  const parts: { text: string; more: boolean }[] = [];
  const report = await importFeed(lines.join('\n'), async (part): Promise<ImportReport> => {
    parts.push(part);
    const all = part.text.split('\n').filter(Boolean);
    const at = all.indexOf('nonsense');
    const invalid = at < 0 ? [] : [{ line: at + 1, text: 'nonsense', message: 'no' }];
    return { added: all.length - invalid.length, renewed: 0, invalid };
  });
  assert.equal(report.added, 149_999);
  assert.deepEqual(
    report.invalid.map((i) => i.line),
    [140_001],
  );
  assert.ok(parts.length > 1 && parts.every(({ text }) => JSON.stringify(text).length < MAX_LINE));
  assert.equal(parts.map(({ text }) => text).join(''), lines.join('\n'));
  assert.deepEqual(
    parts.map(({ more }) => more),
    parts.map((_, i) => i < parts.length - 1),
  );
  assert.equal((await importFeed('', async () => ({ added: 0, renewed: 0, invalid: [] }))).added, 0);
});
