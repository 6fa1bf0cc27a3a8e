import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { trimMemory, unchangedFiles } from './libc.ts';

const entry = (range: string, mode: string, inode: number, path: string, anonymous: number): string =>
  `${range} ${mode} 00001000 08:01 ${inode} ${' '.repeat(20)}${path}\nSize: 4 kB\nPrivate_Dirty:         0 kB\nAnonymous:             ${anonymous} kB\nVmFlags: rd ex mr\n`;

it('gives back nothing but unchanged pages of files', () => {
  const smaps = [
    entry('1000-3000', 'r-xp', 7, '/usr/bin/node', 0),
    entry('3000-4000', 'r--p', 7, '/usr/bin/node', 0),
    entry('4000-5000', 'r--p', 7, '/usr/bin/node', 4),
    entry('5000-6000', 'rw-p', 7, '/usr/bin/node', 0),
    entry('6000-7000', 'r--s', 9, '/some/shared', 0),
    entry('7000-8000', 'r-xp', 0, '[vdso]', 0),
    entry('8000-9000', 'r-xp', 0, '', 0),
  ].join('');
  assert.deepEqual(unchangedFiles(smaps), [
    { start: 0x1000n, length: 0x2000 },
    { start: 0x3000n, length: 0x1000 },
  ]);
});

it('takes pages of program files out of memory, and the program goes on', () => {
  const resident = (): number =>
    Number(/^RssFile:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]);
  const before = resident();
  trimMemory();
  assert.ok(resident() < before / 2, `${before} -> ${resident()} kB`);
});
