import { createSocket } from 'node:dgram';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Alert } from '../src/engine/core/alert.ts';
import { consoleOutput, openConsole } from '../src/outputs/console.ts';
import { FORMAT_NAMES, makeFormatter } from '../src/outputs/formats/formats.ts';
import type { OutputType } from '../src/outputs/output.ts';
import { testAlerts } from '../src/outputs/testing/alerts.ts';
import { NO_NATS, TestNatsServer } from '../src/outputs/testing/nats-server.ts';
import { openOutputs } from '../src/outputs/testing/open.ts';

/**
 * Alerts per second that each output sustains against a peer on this machine, and how long handing an alert over takes
 * while the peer is well, and while it hangs. Run with `node dist/bench/outputs.bench.js [alerts]`.
 */
const count = Number(process.argv[2] ?? 20_000);
const folder = mkdtempSync(join(tmpdir(), 'ringfence-bench-'));
const alerts = testAlerts(count);
const print = (text: string): void => void process.stdout.write(`${text}\n`);
const closers: (() => unknown)[] = [];

interface Case {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly kind?: OutputType;
}

/** Emits in bursts of 100 as the engine does, a turn of the event loop between two; gives µs per call, sorted. */
async function emitAll(
  emit: (batch: readonly Alert[]) => void,
  room: () => Promise<void>,
): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < alerts.length; at += 100) {
    const batch = alerts.slice(at, at + 100);
    await room();
    const from = performance.now();
    emit(batch);
    times.push((performance.now() - from) * 1000);
    await new Promise(setImmediate);
  }
  return times.sort((a, b) => a - b);
}

const at = (sorted: readonly number[], q: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0).toFixed(0).padStart(6);

/** With `hang` the peer takes nothing, and what counts is only that nobody notices. */
async function measure({ name, config, kind }: Case, hang = false): Promise<void> {
  const options = hang ? { send_timeout_ms: 200 } : {};
  const entry = { ...config, ...options };
  const outputs = await openOutputs(
    { [String(config.type)]: entry },
    join(folder, name),
    kind ? { types: [kind] } : {},
  );
  const stats = () => outputs.stats()[0];
  const room = async (): Promise<void> => {
    while (!hang && (stats()?.queued ?? 0) > 4000) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  const from = performance.now();
  const times = await emitAll((batch) => outputs.emit(batch), room);
  while (!hang && (stats()?.sent ?? 0) < count) await new Promise((resolve) => setTimeout(resolve, 1));
  const rate = Math.round(count / ((performance.now() - from) / 1000));
  const shown = hang ? 'peer hangs' : `${rate} alerts/s`;
  print(
    `${name.padEnd(22)} ${shown.padStart(17)}   emit of 100: p50 ${at(times, 0.5)} µs, p99 ${at(times, 0.99)} µs, max ${at(times, 1)} µs`,
  );
  await outputs.close(hang ? 100 : 2000);
}

function listen(server: Server): Promise<number> {
  closers.push(() => server.close());
  server.on('connection', (socket) => closers.push(() => socket.destroy()));
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

const http = (hang: boolean) =>
  createHttpServer((request, response) => {
    request.resume();
    if (!hang) request.on('end', () => response.end());
  });
const tcp = (hang: boolean) => createServer((socket) => void (hang ? socket.pause() : socket.resume()));

async function cases(hang: boolean): Promise<Case[]> {
  const httpUrl = `http://127.0.0.1:${await listen(http(hang))}`;
  const tcpPort = await listen(tcp(hang));
  const program = hang ? ['/bin/sleep', '60'] : ['/bin/cat'];
  const shared: Case[] = [
    { name: 'syslog tcp', config: { type: 'syslog', transport: 'tcp', port: tcpPort } },
    { name: 'http single', config: { type: 'http', url: httpUrl } },
    { name: 'http array', config: { type: 'http', url: httpUrl, body: 'array' } },
    { name: 'program', config: { type: 'program', command: program } },
  ];
  if (hang) {
    if (NO_NATS) return shared;
    return [...shared, { name: 'nats', config: { type: 'nats', url: `nats://127.0.0.1:${tcpPort}` } }];
  }
  const udp = createSocket('udp4');
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
  closers.push(() => udp.close());
  const nothing = openSync('/dev/null', 'w');
  const toNothing: OutputType = {
    ...consoleOutput,
    open: async (config, { version }) => openConsole(config, nothing, version),
  };
  const all: Case[] = [
    { name: 'console', config: { type: 'console', format: 'falco_text' }, kind: toNothing },
    { name: 'file', config: { type: 'file', path: join(folder, 'alerts.json') } },
    { name: 'syslog udp', config: { type: 'syslog', transport: 'udp', port: udp.address().port } },
    ...shared,
  ];
  if (NO_NATS) return all;
  const server = await TestNatsServer.start(folder);
  closers.push(() => server.kill());
  const jetstream = { type: 'nats', url: server.url, create_stream: {} };
  return [
    ...all,
    { name: 'nats', config: jetstream },
    { name: 'nats, no write-ahead', config: { ...jetstream, spool: { write_ahead: false } } },
  ];
}

try {
  for (const name of FORMAT_NAMES) {
    const format = makeFormatter(name, {}, { version: '0.1.0' });
    const from = performance.now();
    for (const alert of alerts) format(alert);
    print(
      `format ${name.padEnd(15)} ${((1000 * (performance.now() - from)) / count).toFixed(1).padStart(17)} µs`,
    );
  }
  for (const hang of [false, true]) for (const one of await cases(hang)) await measure(one, hang);
} finally {
  for (const close of closers) await close();
  rmSync(folder, { recursive: true, force: true });
}
