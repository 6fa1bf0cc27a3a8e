import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PIN_DIR, unpinAll } from '../src/enforce/index.ts';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';
import { probe } from '../src/sensors/bpf/probe.ts';
import { mountBpffs } from './lib/bpffs.ts';
import { denyRule } from './lib/denial.ts';

/** Pinned enforcement: the engine is killed, the refusals stay; a new one adopts them; `unload` ends them. */
const main = path.join(PACKAGE_ROOT, 'dist/ringfence/main.js');
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : probe('cgroup_sock_addr').answer !== 'yes'
      ? 'needs cgroup2'
      : !fs.existsSync(main)
        ? 'needs the built project'
        : fs.existsSync(PIN_DIR)
          ? 'another engine has pinned its enforcement'
          : false;

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rf-pin-'));
const socket = `${dir}/control.sock`;
let engine: ChildProcess | undefined;

const unmount = skip === false ? mountBpffs() : () => {};

after(() => {
  engine?.kill('SIGKILL');
  if (skip === false) unpinAll();
  unmount();
  fs.rmSync(dir, { recursive: true });
});

/** What the engine in charge has written: alerts as JSON, one a line. */
let written = '';

async function start(): Promise<void> {
  const child = spawn(process.execPath, [main, 'run', '-c', `${dir}/config.yaml`, '-o', 'json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  engine = child;
  let log = '';
  written = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    written += chunk;
  });
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      log += chunk;
      if (log.includes('"ready"')) resolve();
    });
    child.once('exit', () => reject(new Error(log)));
  });
}

/** The errno of a connect by another process. */
function connect(address: string): string {
  const program = `const s=require('net').connect(9,'${address}');s.on('error',e=>{console.log(e.code)})`;
  return spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' }).stdout.trim();
}
const cli = (...args: string[]): number | null =>
  spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' }).status;

test('pinned refusals outlive kill -9, are adopted without a gap, and end with unload', {
  skip,
  timeout: 300_000,
}, async () => {
  const condition = 'evt.type = connect and fd.sip = "127.0.13.1"';
  fs.writeFileSync(`${dir}/rules.yaml`, denyRule('No test net', condition));
  fs.writeFileSync(
    `${dir}/config.yaml`,
    `mode: enforce\nbuiltin_rules: false\nrules_files: [${dir}/rules.yaml]\nstate_dir: ${dir}/state\n` +
      `control: {socket: ${socket}}\nenforcement: {pin: true}\nlog: {format: json}\n`,
  );
  await start();
  assert.equal(cli('deny', 'add', '127.0.11.0/24', '--socket', socket), 0);
  assert.equal(connect('127.0.11.1'), 'EPERM');
  assert.equal(connect('127.0.12.1'), 'ECONNREFUSED');
  const first = engine as ChildProcess;
  first.kill('SIGKILL');
  await new Promise((resolve) => first.once('exit', resolve));
  const killed = Date.now();
  assert.equal(connect('127.0.11.1'), 'EPERM');
  const refuses = connect('127.0.13.1') === 'EPERM';
  const gap = Date.now();

  // While the new engine takes over, an act in a tight loop finds no moment in which it is allowed.
  const stop = `${dir}/stop`;
  const loop = `const n=require('net'),fs=require('fs');let ok=0,all=0;(function go(){if(all%50===0&&fs.existsSync('${stop}'))return console.log(ok,all>0);const s=n.connect(9,'127.0.11.1');s.on('error',e=>{all++;if(e.code!=='EPERM')ok++;setImmediate(go)})})()`;
  const watcher = spawn(process.execPath, ['-e', loop]);
  const closed = new Promise((resolve) => watcher.once('close', resolve));
  let seen = '';
  watcher.stdout.on('data', (chunk: Buffer) => {
    seen += chunk;
  });
  await start();
  fs.writeFileSync(stop, '');
  await closed;
  assert.equal(seen.trim(), '0 true');
  // What was refused while there was none is told by the one that adopts.
  const told = (): string[] =>
    written
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { rule: string; time: string })
      .filter(({ time }) => Date.parse(time) >= killed && Date.parse(time) <= gap)
      .map(({ rule }) => rule);
  for (let i = 0; i < 200 && told().length < 2; i++) await sleep(50);
  assert.deepEqual(told(), ['Refused by deny list', ...(refuses ? ['No test net'] : [])]);

  const second = engine as ChildProcess;
  second.kill('SIGTERM');
  await new Promise((resolve) => second.once('exit', resolve));
  assert.equal(connect('127.0.11.1'), 'EPERM');
  assert.equal(cli('policy', 'unload'), 0);
  assert.equal(connect('127.0.11.1'), 'ECONNREFUSED');
  assert.equal(fs.existsSync(PIN_DIR), false);
});
