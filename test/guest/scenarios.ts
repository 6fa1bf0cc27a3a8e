import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UPSTREAM_RULES } from '../lib/upstream-rules.ts';
import { projectRoot, whyNoGuest } from './host.ts';
import { fetchKernel, type KernelLine, kernelLines } from './kernels.ts';
import { type GuestReport, readReport } from './results.ts';
import { runInGuest } from './run.ts';
import { type Column, scenariosPage } from './scenarios-page.ts';

/**
 * node dist/test/guest/scenarios.js [--host] [--kernel 6.12]… [--write]: performs all scenarios, in guests and on this
 * kernel, and prints which held where, or writes that to docs/scenarios.md. RINGFENCE_SCENARIO chooses some by their
 * names; RINGFENCE_CONTAINERS=plain does without podman, which is slow in a guest.
 */
const FILES = ['test/upstream.live.test.js', 'test/scenarios.live.test.js'];
const TIMEOUT_MS = 90 * 60_000;

const { values } = parseArgs({
  options: {
    host: { type: 'boolean', default: false },
    kernel: { type: 'string', multiple: true },
    write: { type: 'boolean', default: false },
  },
});

const command = [
  'node',
  '--enable-source-maps',
  join(projectRoot, 'dist/test/guest/inside.js'),
  ...FILES.map((file) => join(projectRoot, 'dist', file)),
];
const chosen = Object.fromEntries(
  ['RINGFENCE_SCENARIO', 'RINGFENCE_CONTAINERS'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);

/** Shows what happens while it happens: a run takes long. */
function progress(where: string): (chunk: Buffer) => void {
  let seen = 0;
  let text = '';
  return (chunk) => {
    text += chunk.toString('latin1');
    const { tests } = readReport(text.slice(0, text.lastIndexOf('\n') + 1));
    for (const { name, error, skip } of tests.slice(seen)) {
      const how = error !== undefined ? 'FAILED' : skip !== undefined ? `skipped: ${skip}` : 'ok';
      process.stderr.write(`${where}: ${how}: ${name}${error === undefined ? '' : `\n${error}`}\n`);
    }
    seen = tests.length;
  };
}

async function onHost(): Promise<Column> {
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  const show = progress(release());
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    show(chunk);
  });
  await new Promise((resolve) => child.once('close', resolve));
  return { kernel: release(), report: readReport(Buffer.concat(chunks).toString()) };
}

async function inGuest(kernel: KernelLine): Promise<Column> {
  const { release: name } = await fetchKernel(kernel);
  const chunks: Buffer[] = [];
  const show = progress(name);
  // Also of a guest that broke down: what it has said until then counts.
  const failed = await runInGuest({
    kernel,
    command,
    env: { ...chosen, RINGFENCE_GUEST: kernel },
    copies: [UPSTREAM_RULES].filter((path) => existsSync(path)),
    timeoutMs: TIMEOUT_MS,
    onStdout: (chunk) => {
      chunks.push(chunk);
      show(chunk);
    },
    onStderr: (chunk) => process.stderr.write(chunk),
  }).then(
    () => undefined,
    (error: Error) => error.message,
  );
  const report: GuestReport = readReport(Buffer.concat(chunks).toString());
  return { kernel: name, report, ...(failed === undefined ? {} : { failed }) };
}

const columns: Column[] = [];
if (values.host) columns.push(await onHost());
const why = whyNoGuest();
for (const kernel of values.kernel ?? kernelLines) {
  if (why !== undefined) {
    console.error(`no guest with ${kernel}: ${why}`);
    process.exitCode = 1;
  } else columns.push(await inGuest(kernel as KernelLine));
}
for (const { kernel, report, failed } of columns) {
  if (failed !== undefined) console.error(`${kernel}: ${failed}`);
  if (failed !== undefined || !report.complete || report.tests.some((t) => t.error !== undefined)) {
    process.exitCode = 1;
  }
}
const page = scenariosPage(columns);
if (values.write) writeFileSync(join(projectRoot, 'docs/scenarios.md'), page);
else process.stdout.write(page);
