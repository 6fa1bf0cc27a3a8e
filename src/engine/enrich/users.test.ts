import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { parseGroup, parsePasswd } from './accounts.ts';
import { ContainerInfo } from './container.ts';
import { readBelow } from './container-users.ts';
import { UserDirectory } from './users.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rf-users-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('passwd and group files are read with all their faults', () => {
  const users = parsePasswd(
    'root:x:0:0:root:/root:/bin/bash\n#c:x:5:5::/:/x\nbroken\n:x:7:7::/:/x\nneg:x:-1:0::/:/x\nbig:x:99999999999:0::/:/x\ntoor:x:0:0::/:/x\nnum:x::1::/:/x\nalice:x:1000:1000:A:/home/alice:/bin/zsh',
  );
  assert.deepEqual([...users.keys()], [0, 1000]);
  assert.deepEqual(users.get(0), { name: 'root', home: '/root', shell: '/bin/bash' });
  assert.deepEqual(users.get(1000), { name: 'alice', home: '/home/alice', shell: '/bin/zsh' });
  const groups = parseGroup('root:x:0:\nwheel:x:10:alice,bob\n\nbad:x\n');
  assert.deepEqual(
    [...groups],
    [
      [0, 'root'],
      [10, 'wheel'],
    ],
  );
});

test('the files of the host are read again when they change', async () => {
  writeFileSync(join(dir, 'passwd'), 'a:x:1:1::/:/x\n');
  writeFileSync(join(dir, 'group'), 'g:x:1:\n');
  const directory = new UserDirectory(dir);
  assert.equal(directory.user(1, undefined, 0)?.name, 'a');
  assert.equal(directory.group(1, undefined, 0), 'g');
  writeFileSync(join(dir, 'passwd'), 'b:x:1:1::/:/x\n');
  await wait(25);
  assert.equal(directory.user(1, undefined, 0)?.name, 'b');
  rmSync(join(dir, 'passwd'));
  await wait(25);
  assert.equal(directory.user(1, undefined, 0)?.name, 'b');
});

test('a file below a root is read, but no symbolic link and nothing that is no file', async () => {
  const etc = join(dir, 'root/etc');
  mkdirSync(etc, { recursive: true });
  writeFileSync(join(etc, 'passwd'), 'in:x:1:1::/:/x\n');
  symlinkSync('/etc/passwd', join(etc, 'group'));
  mkdirSync(join(etc, 'folder'));
  mkdirSync(join(dir, 'linked'));
  symlinkSync('/etc', join(dir, 'linked/etc'));
  const root = await open(join(dir, 'root'));
  const linked = await open(join(dir, 'linked'));
  assert.equal(await readBelow(root, 'passwd'), 'in:x:1:1::/:/x\n');
  assert.equal(await readBelow(root, 'group'), undefined);
  assert.equal(await readBelow(root, 'folder'), undefined);
  assert.equal(await readBelow(root, 'none'), undefined);
  assert.equal(await readBelow(linked, 'passwd'), undefined);
  await root.close();
  await linked.close();
});

function root(pid: number, passwd: string): void {
  mkdirSync(join(dir, `${pid}/root/etc`), { recursive: true });
  writeFileSync(join(dir, `${pid}/root/etc/passwd`), passwd);
}

async function settled(directory: UserDirectory): Promise<void> {
  await new Promise<void>((resolve) => {
    directory.onSettled = () => resolve();
  });
}

test('names of a container come from its own files, in the background', async () => {
  const container = new ContainerInfo('abc', 'abc', 'docker', 'known');
  const directory = new UserDirectory('/etc', dir);
  root(7, 'inside:x:1234:1::/home/i:/bin/sh\n');
  assert.equal(directory.user(1234, container, 7), undefined);
  assert.equal(directory.pending(container), true);
  await settled(directory);
  assert.equal(directory.user(1234, container, 7)?.name, 'inside');
  assert.equal(directory.user(0, container, 7), undefined);
  assert.equal(directory.pending(container), false);
});

test('the users of the host are not those of a container whose root is not in place yet', async () => {
  const container = new ContainerInfo('abc', 'abc', 'docker', 'known');
  const directory = new UserDirectory('/etc', dir);
  mkdirSync(join(dir, '5'));
  symlinkSync('/', join(dir, '5/root'));
  root(7, 'inside:x:0:0::/:/x\n');
  directory.prepare(container, 5);
  directory.prepare(container, 7);
  await settled(directory);
  assert.equal(directory.user(0, container, 7)?.name, 'inside');
});

test('the files are read though the process has ended since', async () => {
  const container = new ContainerInfo('abc', 'abc', 'docker', 'known');
  const directory = new UserDirectory('/etc', dir);
  root(7, 'inside:x:1:1::/:/x\n');
  const other = new ContainerInfo('def', 'def', 'docker', 'known');
  root(8, 'other:x:1:1::/:/x\n');
  directory.prepare(other, 8);
  directory.prepare(container, 7);
  await settled(directory);
  renameSync(join(dir, '7'), join(dir, 'ended'));
  await settled(directory);
  assert.equal(directory.user(1, container, 7)?.name, 'inside');
});

test('a user that a container adds is found below its first process', async () => {
  const container = new ContainerInfo('abc', 'abc', 'docker', 'known');
  const directory = new UserDirectory('/etc', dir);
  root(7, 'first:x:1:1::/:/x\n');
  directory.prepare(container, 7);
  await settled(directory);
  root(7, 'first:x:1:1::/:/x\nlate:x:2:2::/:/x\n');
  await wait(210);
  // 8 has ended.
  assert.equal(directory.user(2, container, 8), undefined);
  await settled(directory);
  assert.equal(directory.user(2, container, 8)?.name, 'late');
});

test('a user that was added a moment ago has its name', async () => {
  writeFileSync(join(dir, 'passwd'), 'a:x:1:1::/:/x\n');
  const directory = new UserDirectory(dir);
  assert.equal(directory.user(2, undefined, 0), undefined);
  writeFileSync(join(dir, 'passwd'), 'a:x:1:1::/:/x\nb:x:2:2::/:/x\n');
  await wait(3);
  assert.equal(directory.user(2, undefined, 0)?.name, 'b');
});

test('a container without files is asked again', async () => {
  const container = new ContainerInfo('abc', 'abc', 'docker', 'known');
  const directory = new UserDirectory('/etc', dir);
  directory.prepare(container, 9);
  await settled(directory);
  root(9, 'late:x:1:1::/:/x\n');
  await wait(10);
  assert.equal(directory.user(1, container, 9), undefined);
  await settled(directory);
  assert.equal(directory.user(1, container, 9)?.name, 'late');
});

test('recordings have no containers to ask', () => {
  const container = new ContainerInfo('abc', 'abc', 'docker', 'known');
  const directory = new UserDirectory({ passwd: 'a:x:1:1::/:/x', group: '' });
  assert.equal(directory.user(1, undefined, 0)?.name, 'a');
  assert.equal(directory.user(1, container, process.pid), undefined);
  assert.equal(directory.pending(container), false);
});
