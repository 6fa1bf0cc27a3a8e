import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { containerRuntime, containerRuntimeNames } from './container.ts';

const cgroupNames = { podman: /libpod-[0-9a-f]{64}/, plain: /\/docker\/[0-9a-f]{64}/ };

for (const name of containerRuntimeNames) {
  const runtime = containerRuntime(name);
  const why = await runtime.whyNot();
  after(() => runtime.close());

  test(`a ${name} container has an id in its cgroup and namespaces of its own`, {
    skip: why ?? false,
  }, async () => {
    const container = await runtime.start({});
    try {
      assert.match(container.id, /^[0-9a-f]{64}$/);
      const cgroup = readFileSync(`/proc/${container.pid}/cgroup`, 'utf8');
      assert.match(cgroup, cgroupNames[name]);
      assert.ok(cgroup.includes(container.id));
      const inside = await container.exec(['sh', '-c', 'echo $$; ls /; exit 3']);
      assert.equal(inside.code, 3);
      assert.ok(Number(inside.stdout.split('\n')[0]) < 100, inside.stdout);
      assert.ok(!inside.stdout.includes('lib64'), inside.stdout);
    } finally {
      await container.stop();
    }
    // Its parent reaps it when it comes to it.
    while (existsSync(`/proc/${container.pid}`)) await new Promise((done) => setTimeout(done, 20));
    assert.deepEqual(cgroupsWith(container.id), []);
  });

  test(`a program written in a ${name} container is in the upper layer of its overlay`, {
    skip: why ?? false,
  }, async () => {
    const container = await runtime.start({});
    try {
      const done = await container.exec([
        'sh',
        '-c',
        'cp /bin/busybox /tmp/sh && /tmp/sh -c "stat -f -c %t /tmp/sh"',
      ]);
      assert.deepEqual(done, { code: 0, stdout: '794c7630\n', stderr: '' });
    } finally {
      await container.stop();
    }
  });

  test(`a command in a ${name} container runs as a chosen user, with a terminal, with the host’s programs`, {
    skip: why ?? false,
  }, async () => {
    const container = await runtime.start({ image: 'host' });
    try {
      const who = await container.exec(['id', '-u'], { user: '1000' });
      assert.equal(who.stdout.trim(), '1000', who.stderr);
      const tty = await container.exec(['/usr/bin/bash', '-c', '[ -t 0 ] && [ -t 1 ] && echo $WORD'], {
        tty: true,
        env: { WORD: 'x' },
      });
      assert.match(tty.stdout, /^x\r\n$/);
    } finally {
      await container.stop();
    }
  });
}

/** Folders of any cgroup hierarchy with the id in their name. */
function cgroupsWith(id: string): string[] {
  const all = readdirSync('/sys/fs/cgroup', { recursive: true, encoding: 'utf8' });
  return all.filter((path) => path.split('/').at(-1)?.includes(id));
}
