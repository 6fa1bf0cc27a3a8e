import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';

// Joins the program's modules, and the packages they use, into the few files that bin/ringfence runs: to find and read
// 570 files one by one takes a tenth of the start. Names stay, so that an error's trace can be read.

const OUT = 'dist/ringfence';
/** For so long an engine that was started before goes on finding what it has not loaded yet. */
const KEPT_MS = 7 * 24 * 3600 * 1000;

const { metafile } = await build({
  absWorkingDir: PACKAGE_ROOT,
  entryPoints: {
    main: 'src/engine/cli/index.ts',
    // Threads are found by these names beside whatever file starts them.
    'engine-worker': 'src/engine/thread/engine-worker.ts',
    'audit-worker': 'src/outputs/audit/audit-worker.ts',
  },
  outdir: OUT,
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minifyWhitespace: true,
  minifySyntax: true,
  // Native modules are found in their packages.
  external: ['koffi', 'better-sqlite3'],
  // For packages that are CommonJS.
  banner: { js: "import{createRequire as ofNode}from'node:module';const require=ofNode(import.meta.url);" },
  metafile: true,
  logLevel: 'warning',
});

for (const name of readdirSync(join(PACKAGE_ROOT, OUT))) {
  const file = join(PACKAGE_ROOT, OUT, name);
  const old = statSync(file).mtimeMs < Date.now() - KEPT_MS;
  if (old && !Object.hasOwn(metafile.outputs, `${OUT}/${name}`)) rmSync(file);
}
