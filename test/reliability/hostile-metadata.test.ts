import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createHttp2, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { nkeys } from 'nats';
import { DenyStore } from '../../src/enforce/deny/deny-store.ts';
import { DENY_QUESTIONS, DenyList } from '../../src/enforce/index.ts';
import { AppError } from '../../src/engine/core/diagnostic.ts';
import { parseGroup, parsePasswd } from '../../src/engine/enrich/accounts.ts';
import type { ContainerMetadata } from '../../src/engine/enrich/container.ts';
import { containerOfCgroupFile } from '../../src/engine/enrich/container-id.ts';
import { readProcess } from '../../src/engine/enrich/proc-fs.ts';
import { bytesField, numberField } from '../../src/engine/enrich/protobuf.ts';
import { CriRuntime } from '../../src/engine/enrich/runtime-cri.ts';
import { DockerRuntime } from '../../src/engine/enrich/runtime-docker.ts';
import { signCommand, verifyCommand } from '../../src/outputs/nats/command.ts';
import { evidence, rounds } from './evidence.ts';

/** What the engine is told by others about containers, users and processes, and what it is commanded over NATS. */
const RUNS = rounds('RINGFENCE_FUZZ_RUNS', 300);
/** Each of these has a connection of its own. */
const ASKED = Math.min(RUNS, 1000);
/** More than is read of an answer. */
const TOO_LONG = 9 * 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'rf-hostile-'));
const ID = '4f'.repeat(32);
const servers: (Server | Http2Server)[] = [];
after(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

const text = fc.oneof(
  fc.constantFrom(
    '',
    '/',
    'a:b@sha256:',
    '\x1b[2J',
    '\n',
    '\0',
    '__proto__',
    'x'.repeat(5000),
    '🐚',
    '\ud800',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown>;

/** Objects that have the members that are looked for, of any type. */
const shaped = (names: readonly string[], depth: number): fc.Arbitrary<unknown> =>
  fc.dictionary(
    fc.oneof(fc.constantFrom(...names), text),
    depth === 0 ? fc.oneof(text, json) : fc.oneof(text, json, shaped(names, depth - 1), fc.array(text)),
    { maxKeys: 6 },
  );

/** All texts are bytes, so that they fit what rules compare. */
function assertBytes(found: ContainerMetadata | undefined): void {
  if (found === undefined) return;
  const { labels, mounts, pod, ...rest } = found;
  const texts = [
    ...Object.values(rest),
    ...[...labels].flat(),
    ...mounts.flatMap((mount) => Object.values(mount)),
    ...Object.values(pod ?? {}),
  ].filter((value) => typeof value === 'string');
  for (const value of texts) assert.match(value, /^[\0-\xff]*$/);
}

const listen = async (server: Server | Http2Server, name: string): Promise<string> => {
  const path = join(folder, name);
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(path, resolve));
  return path;
};

test('whatever Docker answers, it is metadata, or nobody knows the container', async () => {
  const names = [
    'Name',
    'Image',
    'Config',
    'Labels',
    'HostConfig',
    'Privileged',
    'PidMode',
    'Mounts',
    'Source',
  ];
  const more = [
    'NetworkSettings',
    'Networks',
    'IPAddress',
    'RepoTags',
    'RepoDigests',
    'io.kubernetes.pod.name',
  ];
  let answer = '';
  const server = createServer((_, response) => response.end(answer));
  const runtime = new DockerRuntime(await listen(server, 'docker.sock'), 'docker');
  const answers = fc.oneof(
    shaped([...names, ...more], 3).map((value) => JSON.stringify(value)),
    text,
  );
  await fc.assert(
    fc.asyncProperty(answers, async (given) => {
      answer = given;
      try {
        assertBytes(await runtime.inspect(ID, AbortSignal.timeout(5000)));
      } catch (error) {
        assert.ok(error instanceof SyntaxError, (error as Error).stack);
      }
    }),
    { numRuns: ASKED },
  );
  answer = `{"Name": "${'x'.repeat(TOO_LONG)}"}`;
  await assert.rejects(runtime.inspect(ID, AbortSignal.timeout(5000)), /too long/);
});

describe('the container runtime interface', () => {
  let answer: Buffer = Buffer.alloc(0);
  let runtime: CriRuntime;
  before(async () => {
    const server = createHttp2();
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(answer.length, 1);
      stream.end(Buffer.concat([prefix, answer]));
    });
    runtime = new CriRuntime(await listen(server, 'cri.sock'), 'containerd');
  });
  after(() => runtime.close());

  /** Messages in messages, with the numbers that are looked for. */
  const { message } = fc.letrec<{ message: Buffer; field: Buffer }>((tie) => ({
    message: fc.array(tie('field'), { maxLength: 6 }).map((fields) => Buffer.concat(fields)),
    field: fc
      .tuple(
        fc.integer({ min: 1, max: 17 }),
        fc.oneof({ maxDepth: 5 }, text, fc.nat(), fc.uint8Array({ maxLength: 20 }), tie('message')),
      )
      .map(([number, value]) =>
        typeof value === 'number'
          ? numberField(number, value)
          : bytesField(number, typeof value === 'string' ? Buffer.from(value) : Buffer.from(value)),
      ),
  }));
  const members =
    'sandboxID privileged config image linux security_context runtimeSpec annotations cniResult';
  const info = shaped([...members.split(' '), 'io.kubernetes.cri.image-name'], 3).map((value) =>
    bytesField(2, Buffer.concat([bytesField(1, 'info'), bytesField(2, Buffer.from(JSON.stringify(value)))])),
  );

  test('whatever it answers, it is metadata, or an error that is caught', async () => {
    await fc.assert(
      fc.asyncProperty(message, info, async (status, verbose) => {
        answer = Buffer.concat([bytesField(1, status), verbose]);
        try {
          assertBytes(await runtime.inspect(ID, AbortSignal.timeout(5000)));
        } catch (error) {
          assert.ok(error instanceof RangeError, (error as Error).stack);
        }
      }),
      { numRuns: ASKED },
    );
    answer = bytesField(1, bytesField(9, 'x'.repeat(TOO_LONG)));
    await assert.rejects(runtime.inspect(ID, AbortSignal.timeout(5000)), /no answer/);
  });
});

test('files of users and groups, cgroup files and files of /proc give entries, or none', () => {
  const line = fc.array(fc.oneof(text, fc.nat().map(String), fc.constantFrom('-1', '1e9', '0x1')), {
    maxLength: 9,
  });
  const lines = fc
    .array(
      line.map((fields) => fields.join(':')),
      { maxLength: 8 },
    )
    .map((all) => all.join('\n'));
  const root = join(folder, 'proc');
  mkdirSync(join(root, '7'), { recursive: true });
  symlinkSync('/bin/\x1b[2J (deleted)', join(root, '7/exe'));
  fc.assert(
    fc.property(lines, text, (file, other) => {
      for (const [uid, user] of parsePasswd(file)) {
        assert.ok(Number.isInteger(uid) && uid >= 0 && uid <= 0xffff_ffff);
        assert.ok(user.name.length <= 256 && user.home.length <= 4096);
      }
      for (const [gid, name] of parseGroup(file)) assert.ok(Number.isInteger(gid) && name.length <= 256);
      const container = containerOfCgroupFile(file);
      assert.ok(container === undefined || /^[0-9a-f]{12,64}$|^[\w.-]+$/.test(container.fullId));
      for (const name of ['stat', 'status', 'cmdline', 'cgroup']) writeFileSync(join(root, '7', name), other);
      const entry = readProcess(7, root);
      assert.ok(entry === undefined || entry.argv.length <= 4096);
    }),
    { numRuns: RUNS },
  );
});

test('a damaged file of the deny list is told to be damaged, or its entries can be listed', () => {
  const kept = [
    'id',
    'target',
    'scope',
    'reason',
    'source',
    'created',
    'expires',
    'kind',
    'path',
    'address',
    'prefix',
  ];
  const good = { id: 1, target: { kind: 'path', path: '/x' }, reason: '', source: 's', created: 1 };
  const entry = fc.oneof(
    fc.constant(good),
    shaped(kept, 2),
    json,
    fc.tuple(fc.constantFrom(...kept), json).map(([name, value]) => ({ ...good, [name]: value })),
  );
  fc.assert(
    fc.property(fc.oneof(fc.array(entry, { maxLength: 3 }), json), (entries) => {
      writeFileSync(join(folder, 'deny.json'), JSON.stringify({ format: 'ringfence.deny.v1', entries }));
      try {
        const store = new DenyStore(folder);
        const sink = {
          put() {},
          remove() {},
          hits: () => ({ count: 0, last: undefined }),
          configure() {},
          follow() {},
        };
        const list = new DenyList({ sink, store, now: () => 0, monitor: false });
        list.list();
      } catch (error) {
        assert.ok(error instanceof AppError, (error as Error).stack);
      }
    }),
    { numRuns: RUNS },
  );
});

test('what comes over NATS is a signed command or is refused, and a signed one is taken or told to be wrong', () => {
  const secret = 'a shared secret of some length';
  const pair = nkeys.createUser();
  const [seed, publicKey] = [Buffer.from(pair.getSeed()).toString('latin1'), pair.getPublicKey()];
  const trust = { secret, nkeys: [publicKey] };
  const now = new Date('2026-07-31T10:00:00Z');
  const header = fc.oneof(
    text,
    fc
      .tuple(fc.constantFrom('hmac-sha256', 'nkey', `nkey ${publicKey}`), text)
      .map((parts) => parts.join(' ')),
  );
  fc.assert(
    fc.property(text, header, (payload, given) => {
      assert.ok('refused' in verifyCommand('s', Buffer.from(payload), given, trust, now));
    }),
    { numRuns: ASKED },
  );
  const members = ['v', 'id', 'host', 'verb', 'issued_at', 'expires_at', 'body'];
  const times = { issued_at: now.toISOString(), expires_at: '2026-07-31T10:05:00Z' };
  const body = fc.dictionary(fc.constantFrom('target', 'port', 'protocol', 'scope', 'ttl', 'reason'), json);
  const command = fc.tuple(shaped(members, 1), body).map((given) => ({
    v: 1,
    id: 'i',
    host: 'h',
    verb: 'deny',
    ...times,
    ...(given as object),
  }));
  const store = { load: () => [], save() {} };
  const sink = {
    put() {},
    remove() {},
    hits: () => ({ count: 0, last: undefined }),
    configure() {},
    follow() {},
  };
  const list = new DenyList({ sink, store, now: () => 0, monitor: false });
  fc.assert(
    fc.property(fc.oneof(command, json), fc.boolean(), (value, byKey) => {
      const payload = Buffer.from(JSON.stringify(value));
      const result = verifyCommand(
        's',
        payload,
        signCommand('s', payload, byKey ? { seed } : { secret }),
        trust,
        now,
      );
      if ('refused' in result) return;
      assert.ok(typeof result.command.id === 'string' && result.command.expiresAt > now);
      try {
        DENY_QUESTIONS['deny.add']?.(list, (result.command.body ?? {}) as Record<string, unknown>);
      } catch (error) {
        assert.ok(error instanceof AppError, (error as Error).stack);
      }
    }),
    { numRuns: ASKED },
  );
  evidence({
    fault: `damaged answers of Docker and CRI, NATS commands and signatures (${ASKED} each), files of users, cgroups, /proc and the deny list (${RUNS} each)`,
    expected: 'metadata as bytes, an entry, or an error that is caught; nothing else is thrown',
    result: 'as expected',
  });
});
