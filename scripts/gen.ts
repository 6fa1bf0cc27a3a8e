/**
 * Writes the TypeScript side of the kernel record from the BTF of a built object:
 *   tsx scripts/gen.ts bpf/lsm/prebuilt/ringfence.x86_64.bpf.o
 * With --check it only compares, and exits 1 when the committed files are stale.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Btf } from '../src/sensors/bpf/btf.ts';
import { abiHash, readLayout } from '../src/sensors/record/layout.ts';
import { layoutSource, recordSource } from './gen-records.ts';

const check = process.argv.includes('--check');
const object = process.argv.slice(2).find((arg) => !arg.startsWith('--'));
if (object === undefined) {
  console.error('usage: gen.ts [--check] OBJECT');
  process.exit(2);
}
const layout = readLayout(Btf.ofObject(readFileSync(object)));
const files: [string, string][] = [
  ['src/sensors/record/layout.gen.ts', layoutSource(layout, abiHash(layout))],
  ['src/sensors/record/record.gen.ts', recordSource(layout)],
];
let stale = false;
for (const [name, raw] of files) {
  const text = formatted(name, raw);
  const url = new URL(`../${name}`, import.meta.url);
  const old = ((): string => {
    try {
      return readFileSync(url, 'utf8');
    } catch {
      return '';
    }
  })();
  if (old === text) continue;
  stale = true;
  if (check) console.error(`${name} does not fit ${object}: run scripts/gen.ts`);
  else writeFileSync(url, text);
}
process.exit(check && stale ? 1 : 0);

/** The text as Biome writes it, so that the formatter has nothing to say about generated files. */
function formatted(name: string, text: string): string {
  const biome = new URL('../node_modules/.bin/biome', import.meta.url).pathname;
  const root = new URL('..', import.meta.url).pathname;
  return execFileSync(biome, ['format', `--stdin-file-path=${name}`], {
    input: text,
    encoding: 'utf8',
    cwd: root,
  });
}
