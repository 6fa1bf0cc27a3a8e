import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 20;

/** Connects to a denied address again and again: every answer should be a refusal. */
export class Prober {
  refused = 0;
  /** Answers that were none. */
  readonly other: string[] = [];
  readonly #host: string;
  readonly #done: Promise<void>;
  #going = true;

  constructor(host: string) {
    this.#host = host;
    this.#done = this.#loop();
  }

  /** Stops, after the attempt under way. */
  async end(): Promise<void> {
    this.#going = false;
    await this.#done;
  }

  async #loop(): Promise<void> {
    while (this.#going) {
      const answer = await answerOf(this.#host);
      if (answer === 'EPERM') this.refused++;
      else this.other.push(answer);
      await sleep(PAUSE_MS);
    }
  }
}

/** What becomes of a connect by this process: `connected` or the errno's name. */
export function answerOf(host: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(9, host);
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}
