import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that the engine made. */
interface Posted {
  readonly method: string;
  readonly path: string;
  readonly type: string;
  readonly body: string;
}

/** An HTTP server that keeps what is posted to it. */
export class Receiver {
  readonly posted: Posted[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const { method = '', url = '', headers } = req;
        const body = Buffer.concat(chunks).toString('utf8');
        this.posted.push({ method, path: url, type: headers['content-type'] ?? '', body });
        res.end();
      });
    });
  }

  static async listen(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
