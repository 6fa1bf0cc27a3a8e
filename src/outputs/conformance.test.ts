import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import {
  constants,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { type Conformance, conform, type Peer } from './conformance.ts';
import { type ConsoleConfig, consoleOutput, openConsole } from './console.ts';
import { followAlerts } from './nats/follow.ts';
import type { OutputContext, OutputType } from './output.ts';
import { silentLog } from './testing/alerts.ts';
import { makeCertificates, NO_OPENSSL } from './testing/certificates.ts';
import { NO_NATS, TestNatsServer } from './testing/nats-server.ts';

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const readLines = (path: string): string[] => (existsSync(path) ? lines(readFileSync(path, 'utf8')) : []);

conform({
  name: 'console',
  type: 'console',
  lossy: true,
  async start(t, folder) {
    const path = join(folder, 'pipe');
    spawnSync('mkfifo', [path]);
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    // Stays open: the socket around it lives as long as the process, as that of the real console does.
    let text = '';
    let reading = true;
    const drain = (): void => {
      const chunk = Buffer.alloc(65_536);
      try {
        for (let n = 1; n > 0; ) {
          n = readSync(fd, chunk);
          text += chunk.toString('utf8', 0, n);
        }
      } catch {
        // EAGAIN: empty.
      }
    };
    const timer = setInterval(() => reading && drain(), 5);
    t.after(() => clearInterval(timer));
    const kind: OutputType = {
      ...consoleOutput,
      open: async (config: ConsoleConfig, context: OutputContext) => openConsole(config, fd, context.version),
    };
    return {
      config: { format: 'falco_text' },
      kind,
      received: () => lines(text),
      hang: () => {
        reading = false;
      },
    };
  },
});

conform({
  name: 'file',
  type: 'file',
  async start(_, folder) {
    const real = join(folder, 'real.json');
    const link = join(folder, 'alerts.json');
    const point = (to: string): void => {
      rmSync(link, { force: true });
      symlinkSync(to, link);
    };
    point(real);
    return {
      config: { path: link, format: 'falco_json' },
      received: () => readLines(real),
      // The output looks once a second whether the file was moved.
      down: async () => {
        point('/dev/full');
        await new Promise((resolve) => setTimeout(resolve, 1050));
      },
      hang: () => point('/dev/full'),
      up: () => point(real),
    };
  },
});

conform({
  name: 'http',
  type: 'http',
  async start(t) {
    let mode: 'up' | 'down' | 'hang' = 'up';
    const texts: string[] = [];
    let turn = 0;
    const server = createHttpServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (mode === 'hang') return;
        if (mode === 'down') {
          // In turn an error, a reset and an answer cut short.
          turn++;
          if (turn % 3 === 0) request.socket.destroy();
          else if (turn % 3 === 1) response.writeHead(500).end('no');
          else
            response
              .writeHead(503, { 'content-length': '1000' })
              .write('half', () => request.socket.destroy());
          return;
        }
        texts.push(Buffer.concat(chunks).toString('utf8'));
        response.end('ok');
      });
    });
    const port = await listening(t, server);
    return {
      config: { url: `http://127.0.0.1:${port}/` },
      received: () => texts,
      down: () => {
        mode = 'down';
      },
      hang: () => {
        mode = 'hang';
      },
      up: () => {
        mode = 'up';
      },
    };
  },
});

conform({
  name: 'program',
  type: 'program',
  async start(_, folder) {
    const out = join(folder, 'out');
    const [down, hang] = [join(folder, 'down'), join(folder, 'hang')];
    const script = join(folder, 'program.sh');
    // Takes a line at a time, so that it can be told to fail between two.
    writeFileSync(
      script,
      `[ -e ${hang} ] && exec sleep 30
while IFS= read -r line; do
  [ -e ${down} ] && exit 1
  printf '%s\\n' "$line" >> ${out}
done\n`,
    );
    return {
      config: { command: ['/bin/sh', script], working_directory: folder },
      received: () => readLines(out),
      down: () => writeFileSync(down, ''),
      hang: () => writeFileSync(hang, ''),
      up: () => {
        rmSync(down, { force: true });
        rmSync(hang, { force: true });
      },
    };
  },
});

conform({
  name: 'syslog over UDP',
  type: 'syslog',
  lossy: true,
  async start(t) {
    const texts: string[] = [];
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
    socket.on('message', (message) => texts.push(message.toString('utf8')));
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    t.after(() => socket.close());
    return {
      config: { transport: 'udp', host: '127.0.0.1', port: socket.address().port },
      received: () => texts,
    };
  },
});

conform({
  name: 'syslog over TCP',
  type: 'syslog',
  start: (t) => streamPeer(t, createTcpServer(), { transport: 'tcp' }),
});

conform({
  name: 'syslog over TLS',
  type: 'syslog',
  skip: NO_OPENSSL,
  async start(t, folder) {
    const { ca, cert, key } = makeCertificates(folder);
    const server = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) });
    return streamPeer(t, server, { transport: 'tls', tls: { ca_file: ca } }, 'secureConnection');
  },
});

const natsSubject: Conformance = {
  name: 'nats',
  type: 'nats',
  skip: NO_NATS,
  deduplicates: true,
  async start(t, folder) {
    const server = await TestNatsServer.during(t, folder);
    const stop = new AbortController();
    t.after(() => stop.abort());
    const texts: string[] = [];
    let following = false;
    const follow = async (): Promise<void> => {
      const tls = { verify: true, enabled: false };
      const options = { url: server.url, tls, host: '*', durable: 'test', from: 'all' } as const;
      for await (const alert of followAlerts(options, silentLog, stop.signal)) texts.push(alert.json);
    };
    return {
      config: { url: server.url, create_stream: {} },
      received: () => {
        if (!following) void follow().catch(() => {});
        following = true;
        return texts;
      },
      down: () => server.kill(),
      hang: () => server.pause(),
      up: async () => {
        server.resume();
        await server.start();
      },
    };
  },
};
conform(natsSubject);

function listening(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

/** A receiver of octet-counted syslog frames. */
async function streamPeer(
  t: TestContext,
  server: Server,
  config: Readonly<Record<string, unknown>>,
  event = 'connection',
): Promise<Peer> {
  const texts: string[] = [];
  let mode: 'up' | 'down' | 'hang' = 'up';
  const open = new Set<Socket>();
  server.on(event, (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {});
    if (mode === 'down') socket.destroy();
    else if (mode === 'up') readFrames(socket, texts);
  });
  const port = await listening(t, server);
  return {
    config: { host: '127.0.0.1', port, ...config },
    received: () => texts,
    down: () => {
      mode = 'down';
      for (const socket of open) socket.destroy();
    },
    hang: () => {
      mode = 'hang';
      for (const socket of open) socket.pause();
    },
    up: () => {
      mode = 'up';
    },
  };
}

function readFrames(socket: Socket, texts: string[]): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const blank = rest.indexOf(' ');
      const length = Number(rest.toString('latin1', 0, blank));
      if (blank < 0 || rest.length < blank + 1 + length) return;
      texts.push(rest.toString('utf8', blank + 1, blank + 1 + length));
      rest = rest.subarray(blank + 1 + length);
    }
  });
}
