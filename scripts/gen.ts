/**
 * Writes the TypeScript side of the kernel record from the BTF of a built object:
 *   npx tsx scripts/gen.ts
 * With --check it only compares, and exits 1 when the committed files are stale.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';
import { Btf } from '../src/sensors/bpf/btf.ts';
import { abiHash, readLayout } from '../src/sensors/record/layout.ts';
import { layoutSource, recordSource } from './gen-records.ts';

const check = process.argv.includes('--check');
const object = join(PACKAGE_ROOT, 'bpf/lsm/prebuilt/ringfence.x86_64.bpf.o');
const layout = readLayout(Btf.ofObject(readFileSync(object)));
const files: [string, string][] = [
  ['src/sensors/record/layout.gen.ts', layoutSource(layout, abiHash(layout))],
  ['src/sensors/record/record.gen.ts', recordSource(layout)],
];
let stale = false;
for (const [name, raw] of files) {
  const text = formatted(name, raw);
  const url = join(PACKAGE_ROOT, name);
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
  const biome = join(PACKAGE_ROOT, 'node_modules/.bin/biome');
  return execFileSync(biome, ['format', `--stdin-file-path=${name}`], {
    input: text,
    encoding: 'utf8',
    cwd: PACKAGE_ROOT,
  });
}
