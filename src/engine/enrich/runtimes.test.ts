import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createHttp2, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { ContainerRegistry } from './containers.ts';
import { nameInStore, parseImageName } from './image-name.ts';
import { bytesField, decodeMessage, numberField } from './protobuf.ts';
import { ContainerdRuntime } from './runtime-containerd.ts';
import { CriRuntime } from './runtime-cri.ts';
import { DockerRuntime } from './runtime-docker.ts';

const ID = '4f'.repeat(32);
const SANDBOX = '5a'.repeat(32);
const IMAGE = `sha256:${'1d'.repeat(32)}`;
const DIGEST = `sha256:${'9e'.repeat(32)}`;
const signal = AbortSignal.timeout(5_000);

let dir = '';
const open: (Server | Http2Server)[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rf-cri-'));
});
afterEach(() => {
  for (const server of open.splice(0)) server.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Docker's API with these answers by path. */
async function docker(answers: Record<string, unknown>): Promise<string> {
  const server = createServer((req, res) => {
    const answer = answers[decodeURIComponent(req.url ?? '')];
    res.statusCode = answer === undefined ? 404 : 200;
    res.end(typeof answer === 'string' ? answer : JSON.stringify(answer ?? { message: 'No such container' }));
  });
  const path = join(dir, 'docker.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  open.push(server);
  return path;
}

const INSPECT = {
  Id: ID,
  Name: '/web-1',
  Image: IMAGE,
  Created: '2024-05-01T10:00:00.000000000Z',
  State: { Status: 'running', Pid: 4242 },
  HostConfig: { Privileged: true, PidMode: 'host', NetworkMode: 'bridge', IpcMode: 'private' },
  Mounts: [
    {
      Type: 'bind',
      Source: '/etc',
      Destination: '/host/etc',
      Mode: 'ro',
      RW: false,
      Propagation: 'rprivate',
    },
    {
      Type: 'volume',
      Name: 'v',
      Source: '/var/lib/docker/volumes/v/_data',
      Destination: '/data',
      Mode: 'z',
      RW: true,
      Propagation: '',
    },
  ],
  Config: {
    Image: 'registry.example:5000/team/nginx:1.25',
    Labels: {
      app: 'wéb',
      'io.kubernetes.pod.name': 'web-0',
      'io.kubernetes.pod.namespace': 'prod',
      'io.kubernetes.pod.uid': 'u-1',
    },
  },
  NetworkSettings: { IPAddress: '', Networks: { bridge: { IPAddress: '172.17.0.2' } } },
};

test('image references are taken apart', () => {
  const cases: [string, string, string, string][] = [
    ['nginx', 'nginx', '', ''],
    ['nginx:1.25', 'nginx', '1.25', ''],
    ['docker.io/library/nginx:latest', 'docker.io/library/nginx', 'latest', ''],
    ['localhost:5000/x', 'localhost:5000/x', '', ''],
    [`localhost:5000/x:t@${DIGEST}`, 'localhost:5000/x', 't', DIGEST],
    [IMAGE, '', '', IMAGE],
  ];
  for (const [text, repository, tag, digest] of cases)
    assert.deepEqual(parseImageName(text), { repository, tag, digest });
});

test('an image is called as the store has it, whatever it was started as', () => {
  const store = [`nginx@${DIGEST}`, 'nginx:1.25', 'nginx:latest'];
  const other = `sha256:${'77'.repeat(32)}`;
  const registry = [`localhost:5000/x@${DIGEST}`, 'localhost:5000/x:t'];
  const cases: [given: string, names: string[], repository: string, tag: string, digest: string][] = [
    ['nginx', store, 'nginx', 'latest', DIGEST],
    ['nginx:1.25', store, 'nginx', '1.25', DIGEST],
    ['docker.io/library/nginx:1.25', store, 'nginx', '1.25', DIGEST],
    ['605c77e6', store.slice(0, 2), 'nginx', '1.25', DIGEST],
    [IMAGE, store.slice(0, 2), 'nginx', '1.25', DIGEST],
    [`nginx@${other}`, store.slice(0, 2), 'nginx', '1.25', other],
    ['localhost:5000/x', registry, 'localhost:5000/x', 't', DIGEST],
    ['localhost:5000/x:t', [...store, ...registry], 'localhost:5000/x', 't', DIGEST],
    ['605c77e6', registry, 'localhost:5000/x', 't', DIGEST],
    ['my-nginx:2', ['nginx:1.25', 'my-nginx:2'], 'my-nginx', '2', ''],
    ['team/nginx:2', [`team/nginx@${DIGEST}`], 'team/nginx', '2', DIGEST],
    ['busybox:1', [], 'busybox', '1', ''],
    [IMAGE, [], '', '', ''],
  ];
  for (const [given, names, repository, tag, digest] of cases)
    assert.deepEqual(nameInStore(given, names), { repository, tag, digest }, given);
});

test('Docker tells name, image, mounts, labels and namespaces of a container', async () => {
  const path = await docker({
    [`/containers/${ID}/json`]: INSPECT,
    [`/images/${IMAGE}/json`]: {
      RepoTags: ['x:y'],
      RepoDigests: [`registry.example:5000/team/nginx@${DIGEST}`],
    },
  });
  const found = await new DockerRuntime(path, 'docker').inspect(ID, signal);
  assert.ok(found);
  const { labels, pod, mounts, ...rest } = found;
  assert.deepEqual(rest, {
    type: 'docker',
    fullId: ID,
    name: 'web-1',
    image: 'registry.example:5000/team/nginx:1.25',
    imageId: '1d'.repeat(32),
    repository: 'registry.example:5000/team/nginx',
    tag: '1.25',
    digest: DIGEST,
    privileged: true,
    ip: '172.17.0.2',
    cniJson: undefined,
    hostPid: true,
    hostNetwork: false,
    hostIpc: false,
  });
  assert.deepEqual(mounts[0], {
    source: '/etc',
    destination: '/host/etc',
    mode: 'ro',
    rw: false,
    propagation: 'rprivate',
  });
  assert.equal(labels.get('app'), Buffer.from('wéb').toString('latin1'));
  assert.equal(pod?.name, 'web-0');
  assert.equal(pod?.namespace, 'prod');
});

test('an image that is given by its id takes repository and tag from its names', async () => {
  const path = await docker({
    [`/containers/${ID}/json`]: { ...INSPECT, Config: { Image: IMAGE } },
    [`/images/${IMAGE}/json`]: { RepoTags: ['busybox:1.36'], RepoDigests: [] },
  });
  const found = await new DockerRuntime(path, 'podman').inspect(ID, signal);
  assert.equal(found?.image, IMAGE);
  assert.equal(found?.repository, 'busybox');
  assert.equal(found?.tag, '1.36');
  assert.equal(found?.type, 'podman');
  assert.equal(found?.pod, undefined);
});

test('a container that the runtime does not know, and answers that are no JSON, are told apart', async () => {
  const path = await docker({ [`/containers/${SANDBOX}/json`]: '{' });
  const runtime = new DockerRuntime(path, 'docker');
  assert.equal(await runtime.inspect(ID, signal), undefined);
  await assert.rejects(runtime.inspect(SANDBOX, signal));
});

type Handler = (method: string, request: Buffer, headers: Record<string, unknown>) => Buffer | number;

/** A gRPC server on a unix socket: a handler returns the message or the status of an error. */
async function grpc(handler: Handler): Promise<string> {
  const server = createHttp2();
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const answer = handler(String(headers[':path']), Buffer.concat(chunks).subarray(5), headers);
      if (typeof answer === 'number') {
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': answer, 'grpc-message': 'no' },
          { endStream: true },
        );
        return;
      }
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(answer.length, 1);
      stream.end(Buffer.concat([prefix, answer]));
    });
  });
  const path = join(dir, 'grpc.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  open.push(server);
  return path;
}

const entry = (field: number, key: string, value: string): Buffer =>
  bytesField(field, Buffer.concat([bytesField(1, key), bytesField(2, value)]));

const INFO = {
  sandboxID: SANDBOX,
  pid: 7,
  config: { image: { image: IMAGE }, linux: { security_context: { privileged: true } } },
};

/** The answer about a container of this image, with what the runtime adds. */
const containerOf = (image: string, ref: string, info: unknown, imageId = ''): Buffer =>
  Buffer.concat([
    bytesField(
      1,
      Buffer.concat([
        bytesField(1, ID),
        bytesField(2, Buffer.concat([bytesField(1, 'app'), numberField(2, 1)])),
        numberField(3, 1),
        bytesField(8, bytesField(1, image)),
        bytesField(9, ref),
        bytesField(17, imageId),
        entry(12, 'io.kubernetes.pod.name', 'web-0'),
        entry(12, 'io.kubernetes.pod.namespace', 'prod'),
        bytesField(
          14,
          Buffer.concat([
            bytesField(1, '/data'),
            bytesField(2, '/srv/data'),
            numberField(3, 1),
            numberField(5, 2),
          ]),
        ),
        bytesField(14, Buffer.concat([bytesField(1, '/etc/hosts'), bytesField(2, '/var/lib/kubelet/h')])),
      ]),
    ),
    entry(2, 'info', JSON.stringify(info)),
  ]);

const NGINX = 'docker.io/library/nginx';
const CONTAINER = containerOf(`${NGINX}:1.25`, `${NGINX}@${DIGEST}`, INFO);

const POD = Buffer.concat([
  bytesField(
    1,
    Buffer.concat([
      bytesField(1, SANDBOX),
      bytesField(2, Buffer.concat([bytesField(1, 'web-0'), bytesField(2, 'uid-1'), bytesField(3, 'prod')])),
      bytesField(5, bytesField(1, '10.1.2.3')),
      bytesField(6, bytesField(1, bytesField(2, Buffer.concat([numberField(1, 2), numberField(2, 1)])))),
      entry(7, 'app', 'web'),
    ]),
  ),
  entry(2, 'info', JSON.stringify({ cniResult: { Interfaces: {} } })),
]);

function criServer(method: string, request: Buffer): Buffer | number {
  const id = decodeMessage(request).get(1)?.[0]?.toString();
  if (method === '/runtime.v1.RuntimeService/ContainerStatus') return id === ID ? CONTAINER : 5;
  if (method === '/runtime.v1.RuntimeService/PodSandboxStatus') return id === SANDBOX ? POD : 5;
  return 12;
}

test('CRI tells a container and its pod', async () => {
  const runtime = new CriRuntime(await grpc(criServer), 'containerd');
  const found = await runtime.inspect(ID, signal);
  runtime.close();
  assert.ok(found);
  const { labels, pod, mounts, ...rest } = found;
  assert.deepEqual(rest, {
    type: 'containerd',
    fullId: ID,
    name: 'app',
    image: 'docker.io/library/nginx:1.25',
    imageId: '1d'.repeat(32),
    repository: 'docker.io/library/nginx',
    tag: '1.25',
    digest: DIGEST,
    privileged: true,
    ip: '10.1.2.3',
    cniJson: '{"Interfaces":{}}',
    hostPid: false,
    hostNetwork: true,
    hostIpc: false,
  });
  assert.deepEqual(mounts, [
    { source: '/srv/data', destination: '/data', mode: '', rw: false, propagation: 'rshared' },
    { source: '/var/lib/kubelet/h', destination: '/etc/hosts', mode: '', rw: true, propagation: 'private' },
  ]);
  assert.equal(labels.size, 2);
  assert.deepEqual(
    [pod?.name, pod?.namespace, pod?.uid, pod?.sandboxId],
    ['web-0', 'prod', 'uid-1', SANDBOX],
  );
  assert.equal(pod?.labels.get('app'), 'web');
});

test('CRI: an image has its name and id from where the runtime tells them', async () => {
  const annotated = (...annotations: [string, string][]) => ({
    privileged: false,
    runtimeSpec: { annotations: Object.fromEntries(annotations) },
  });
  const cri: [string, string] = ['io.kubernetes.cri.image-name', `${NGINX}:1.25`];
  const crio: [string, string] = ['io.kubernetes.cri-o.ImageName', 'quay.io/a/b:c'];
  const id = '1d'.repeat(32);
  const cases: [
    answer: Buffer,
    image: string,
    repository: string,
    tag: string,
    digest: string,
    id: string,
  ][] = [
    [containerOf('nginx:1.25', `${NGINX}@${DIGEST}`, INFO), `${NGINX}:1.25`, NGINX, '1.25', DIGEST, id],
    [containerOf(IMAGE, `${NGINX}@${DIGEST}`, {}), NGINX, NGINX, '', DIGEST, ''],
    [containerOf(IMAGE, IMAGE, annotated(crio, cri), id), `${NGINX}:1.25`, NGINX, '1.25', IMAGE, id],
    [containerOf('', '', annotated(crio), IMAGE), 'quay.io/a/b:c', 'quay.io/a/b', 'c', '', id],
    [containerOf('a:5000/b:c', id, annotated(cri), id), 'a:5000/b:c', 'a:5000/b', 'c', '', id],
    [containerOf(IMAGE, '', {}), IMAGE, '', '', '', ''],
  ];
  let answer: Buffer = Buffer.alloc(0);
  const runtime = new CriRuntime(await grpc(() => answer), 'cri-o');
  for (const [given, image, repository, tag, digest, imageId] of cases) {
    answer = given;
    const found = await runtime.inspect(ID, signal);
    assert.ok(found);
    assert.deepEqual(
      [found.image, found.repository, found.tag, found.digest, found.imageId],
      [image, repository, tag, digest, imageId],
    );
  }
  runtime.close();
});

test('CRI: a container of which nothing says that it is privileged is not', async () => {
  const linux = (privileged?: boolean) => ({ config: { linux: { security_context: { privileged } } } });
  let info: unknown;
  const runtime = new CriRuntime(await grpc(() => containerOf('x', '', info)), 'containerd');
  for (const [told, privileged] of [
    [{}, false],
    [{ privileged: true }, true],
    [{ privileged: false }, false],
    [linux(), false],
    [linux(true), true],
    [{ ...linux(false), privileged: true }, false],
  ] as const) {
    info = told;
    assert.equal((await runtime.inspect(ID, signal))?.privileged, privileged, JSON.stringify(told));
  }
  runtime.close();
});

test('the container of a sandbox is known by its pod, and what nobody knows is not', async () => {
  const runtime = new CriRuntime(await grpc(criServer), 'cri-o');
  const sandbox = await runtime.inspect(SANDBOX, signal);
  assert.equal(sandbox?.name, 'web-0');
  assert.equal(sandbox?.repository, '');
  assert.equal(sandbox?.pod?.namespace, 'prod');
  assert.equal(await runtime.inspect('00'.repeat(32), signal), undefined);
  runtime.close();
});

test('containerd is asked in each namespace for containers outside Kubernetes', async () => {
  const path = await grpc((_method, _request, headers) =>
    headers['containerd-namespace'] !== 'moby'
      ? 5
      : bytesField(
          1,
          Buffer.concat([
            bytesField(1, ID),
            entry(2, 'nerdctl/name', 'box'),
            bytesField(3, 'docker.io/library/busybox:1'),
          ]),
        ),
  );
  const runtime = new ContainerdRuntime(path);
  const found = await runtime.inspect(ID, signal);
  runtime.close();
  assert.equal(found?.name, 'box');
  assert.equal(found?.repository, 'docker.io/library/busybox');
  assert.equal(found?.tag, '1');
});

test('a runtime without socket is not waited for; one that fails ends as unknown', async () => {
  const absent = new ContainerRegistry([new DockerRuntime(join(dir, 'none.sock'), 'docker')]);
  assert.equal(absent.of({ fullId: ID, type: 'docker' }).state, 'unknown');
  const registry = new ContainerRegistry([new DockerRuntime(await docker({}), 'docker')]);
  const container = registry.of({ fullId: ID, type: 'docker' });
  assert.equal(container.state, 'pending');
  assert.equal(registry.of({ fullId: ID, type: 'docker' }), container);
  await new Promise<void>((resolve) => {
    registry.onSettled = () => resolve();
  });
  assert.equal(container.state, 'unknown');
  assert.equal(registry.of({ fullId: ID, type: 'lxc' }), container);
  registry.close();
});

test('decoding ends with a message or a RangeError, whatever the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (data) => {
      try {
        decodeMessage(Buffer.from(data));
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error));
      }
    }),
  );
});
