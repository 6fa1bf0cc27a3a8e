import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';
import { type AlertLine, LiveEngine } from '../test/lib/engine.ts';

/**
 * What the own rules say about work that is no attack: installs, builds, clones, cron, log-ins, a server under load.
 * `node dist/bench/noise.js` prints the table; with `--write` it puts it into docs/noise.md.
 */
const PAGE = join(PACKAGE_ROOT, 'docs/noise.md');
const BEGIN = '<!-- table: written by bench/noise.ts -->';
const END = '<!-- end of table -->';
/** Longest chain of parents by which an alert is traced to the work. */
const ANCESTORS = 16;
const LIMIT_MS = 120_000;

interface Work {
  readonly name: string;
  /** A line for /bin/sh in a new folder, `$REPO` is this repository. */
  readonly line: string;
  readonly files?: Readonly<Record<string, string>>;
}

const SERVER = `const http=require('http');const s=http.createServer((q,r)=>r.end('ok')).listen(0,'127.0.0.1',async()=>{
const url='http://127.0.0.1:'+s.address().port;
for(let i=0;i<200;i++)await Promise.all(Array.from({length:10},()=>fetch(url).then((r)=>r.text())));
process.exit(0)});`;

const WORK: readonly Work[] = [
  {
    name: 'apt-get install',
    line: 'apt-get install -y --reinstall hostname',
  },
  {
    name: 'npm ci',
    line: 'npm install --offline --package-lock-only --no-audit --no-fund && npm ci --offline --no-audit --no-fund',
    files: {
      'package.json': JSON.stringify({
        name: 'app',
        version: '1.0.0',
        dependencies: { dep: 'file:./dep' },
        allowScripts: { dep: true },
      }),
      'dep/package.json': JSON.stringify({
        name: 'dep',
        version: '1.0.0',
        bin: { dep: 'dep.js' },
        scripts: { install: 'node dep.js', postinstall: 'echo built > built.txt' },
      }),
      'dep/dep.js': '#!/usr/bin/env node\nconsole.log("built")\n',
    },
  },
  {
    name: 'C build',
    line: 'cc -o conftest conftest.c && ./conftest && make && make check',
    files: {
      'conftest.c': 'int main(void) { return 0; }\n',
      'a.c': '#include <stdio.h>\nint twice(int); int main(void) { printf("%d\\n", twice(21)); return 0; }\n',
      'b.c': 'int twice(int n) { return 2 * n; }\n',
      Makefile:
        'prog: a.o b.o\n\t$(CC) -g -o $@ $^\nlib.a: b.o\n\t$(AR) rc $@ $^\ncheck: prog lib.a\n\t./prog\n\tstrip prog\n\tinstall -m 755 prog installed\n',
    },
  },
  {
    name: 'git clone',
    line: 'git clone -q --depth 20 "file://$REPO" clone && cd clone && git log --oneline | head -3 && git gc -q && git status --short',
  },
  {
    name: 'cron',
    line: 'chmod 755 parts/* && run-parts parts && sed -i "s|^LOG|$PWD/app.log|" conf && logrotate -s $PWD/state conf',
    files: {
      'parts/backup':
        '#!/bin/sh\nif [ -x /etc/cron.daily/dpkg ]; then /etc/cron.daily/dpkg; fi\ntar czf etc.tar.gz /etc/hostname /etc/apt 2>/dev/null\n',
      'parts/tidy': '#!/bin/sh\nfind /var/tmp -xdev -mtime +30 -name "*.none" -delete\ndf -h >df.txt\n',
      'app.log': 'one\n',
      conf: 'LOG {\n rotate 2\n size 1\n copytruncate\n nocreate\n}\n',
    },
  },
  {
    name: 'log-in sessions',
    line: 'su - nobody -s /bin/bash -c "id; ls /etc; ps aux >/dev/null" ; HOME=$PWD bash -l -i -c "w; last -n 2; df; ps aux | grep sshd; ssh-keygen -q -t ed25519 -N \\"\\" -f $PWD/id_new; journalctl -n 1; vi --version" </dev/null; true',
  },
  { name: 'node server under load', line: 'node server.js', files: { 'server.js': SERVER } },
];

/** Proves that alerts are traced to their work: this one must raise exactly one. */
const CONTROL: Work = { name: 'control', line: 'sh -c "sh -c \'cat /etc/shadow; true\'; true"' };

interface Found {
  readonly work: Work;
  readonly alerts: readonly AlertLine[];
  readonly code: number | null;
  readonly seconds: number;
}

async function perform(engine: LiveEngine, work: Work): Promise<Found> {
  const folder = mkdtempSync(join(tmpdir(), 'rf-noise-'));
  try {
    for (const [name, text] of Object.entries(work.files ?? {})) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const started = performance.now();
    const child = spawn('/bin/sh', ['-c', work.line], {
      cwd: folder,
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, REPO: PACKAGE_ROOT, DEBIAN_FRONTEND: 'noninteractive' },
    });
    const late = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), LIMIT_MS);
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    clearTimeout(late);
    const seconds = (performance.now() - started) / 1000;
    await sleep(1500);
    return { work, alerts: engine.alerts.filter((alert) => causedBy(alert, child.pid!)), code, seconds };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function causedBy({ output_fields: fields }: AlertLine, pid: number): boolean {
  if (fields['proc.sid'] === pid) return true;
  return Array.from({ length: ANCESTORS }, (_, i) => fields[`proc.apid[${i}]`]).includes(pid);
}

/** One row for each work and rule. */
function table(found: readonly Found[]): string {
  const rows = found.flatMap(({ work, alerts, seconds }) => {
    const rules = [...new Set(alerts.map((alert) => alert.rule))];
    const name = `${work.name} (${seconds.toFixed(0)} s)`;
    if (rules.length === 0) return [`| ${name} | none | 0 | |`];
    return rules.map((rule) => {
      const own = alerts.filter((alert) => alert.rule === rule);
      const sample = String(own[0]!.output_fields['proc.cmdline']).slice(0, 80).replaceAll('|', '\\|');
      return `| ${name} | ${rule} | ${own.length} | \`${sample}\` |`;
    });
  });
  return ['| work | alert | times | by |', '|---|---|---|---|', ...rows].join('\n');
}

const ancestors = Array.from({ length: ANCESTORS }, (_, i) => `proc.apid[${i}]`);
const engine = await LiveEngine.start({
  config: {
    append_output: [{ extra_fields: ['proc.sid', 'proc.cmdline', 'proc.exepath', ...ancestors] }],
    rollup: { after: 100_000 },
  },
});
const found: Found[] = [];
try {
  const control = await perform(engine, CONTROL);
  if (control.alerts.length !== 1) throw new Error(`the control raised ${control.alerts.length} alerts`);
  for (const work of WORK) {
    found.push(await perform(engine, work));
    const { alerts, code } = found.at(-1)!;
    process.stderr.write(`${work.name}: ${code === 0 ? '' : `exit ${code}, `}${alerts.length} alerts\n`);
    for (const alert of alerts) process.stderr.write(`  ${alert.output.slice(0, 300)}\n`);
  }
} finally {
  await engine.stop();
}
const text = table(found);
process.stdout.write(`${text}\n`);
if (process.argv.includes('--write')) {
  const page = readFileSync(PAGE, 'utf8');
  const [head, rest] = page.split(BEGIN);
  writeFileSync(PAGE, `${head}${BEGIN}\n\n${text}\n\n${END}${rest!.split(END)[1]}`);
}
if (found.some(({ code }) => code !== 0)) process.exitCode = 1;
