import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Image } from './image.ts';

const image = (argv: string | undefined, env?: string): Image =>
  new Image({ comm: 'sh', argv, env, exepath: '/bin/sh', since: 0 });

test('the arguments are split at NUL and joined by blanks', () => {
  const sh = image('/bin/sh\0-c\0echo  hi\0\0');
  assert.equal(sh.exe, '/bin/sh');
  assert.deepEqual(sh.argv, ['/bin/sh', '-c', 'echo  hi', '']);
  assert.equal(sh.args, '-c echo  hi ');
  assert.equal(sh.cmdline, 'sh -c echo  hi ');
});

test('a program without arguments has its name as command line', () => {
  assert.equal(image('sh\0').args, '');
  assert.equal(image('sh\0').cmdline, 'sh');
  assert.equal(image('sh').cmdline, 'sh');
  assert.equal(image('').exe, '');
  assert.deepEqual(image('').argv, []);
});

test('unknown arguments are missing, and the command line is the name', () => {
  assert.equal(image(undefined).args, undefined);
  assert.equal(image(undefined).exe, undefined);
  assert.equal(image(undefined).cmdline, 'sh');
});

test('the environment keeps its order', () => {
  const sh = image('sh\0', 'A=1\0B=x y\0');
  assert.equal(sh.envText(1, false), 'A=1 B=x y');
  assert.deepEqual(sh.env(1, false), ['A=1', 'B=x y']);
  const gaps = image('sh\0', '\0A=1\0\0B=2\0');
  assert.equal(gaps.envText(1, false), 'A=1 B=2');
  assert.deepEqual(gaps.env(1, false), ['A=1', 'B=2']);
});

test('a cut environment is read back from the running process when it is the same one', () => {
  const own = `${Object.entries(process.env)
    .map(([key, value]) => `${key}=${value}`)
    .join('\0')}`.slice(0, 4);
  const cut = new Image({ comm: 'n', argv: 'n', env: own, envCut: true, exepath: undefined, since: 0 });
  assert.ok((cut.envText(process.pid, true) ?? '').length > own.length);
  const other = new Image({
    comm: 'n',
    argv: 'n',
    env: 'ZZ=other',
    envCut: true,
    exepath: undefined,
    since: 0,
  });
  assert.equal(other.envText(process.pid, true), 'ZZ=other');
});

test('a fork takes the program over under the name of the moment', () => {
  const parent = image('sh\0-l\0');
  assert.equal(parent.withComm('sh', 5), parent);
  const child = parent.withComm('worker', 5);
  assert.equal(child.cmdline, 'worker -l');
  assert.equal(child.exepath, '/bin/sh');
});

test('each program has its own environment, also when the texts are asked in turn', () => {
  const [one, two] = [image('sh\0', 'A=1\0B=2\0'), image('sh\0', 'A=1\0B=3\0')];
  for (let i = 0; i < 2; i++) {
    assert.equal(one.envText(1, false), 'A=1 B=2');
    assert.equal(two.envText(1, false), 'A=1 B=3');
    assert.equal(image('sh\0', '').envText(1, false), '');
  }
});
