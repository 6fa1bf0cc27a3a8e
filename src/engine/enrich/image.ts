import { readFileSync } from 'node:fs';

/** Longest environment that is read back from /proc. */
const ENV_MAX = 128 * 1024;
const NULS = /\0/g;

interface ImageData {
  readonly comm: string;
  /** NUL separated, argv[0] first; undefined = not known. */
  readonly argv: string | undefined;
  readonly env: string | undefined;
  /** The environment is longer than what the kernel handed over. */
  readonly envCut?: boolean;
  readonly exepath: string | undefined;
  readonly exeFlags?: number;
  readonly exeIno?: number | bigint | undefined;
  readonly exeCtime?: bigint | undefined;
  readonly exeMtime?: bigint | undefined;
  readonly cwd?: string | undefined;
  /** Boot time in ns from which the process ran this program. */
  readonly since: number;
}

/**
 * The program that a process runs: what an exec replaces and a fork hands on. Immutable but for texts that are made
 * when they are first asked for.
 */
export class Image {
  readonly comm: string;
  readonly exepath: string | undefined;
  readonly exeFlags: number | undefined;
  readonly exeIno: number | bigint | undefined;
  readonly exeCtime: bigint | undefined;
  readonly exeMtime: bigint | undefined;
  readonly cwd: string | undefined;
  readonly since: number;
  /** The image before, for events that are older than this exec but arrive later. */
  previous: Image | undefined;
  readonly #argvText: string | undefined;
  #envText: string | undefined;
  #envCut: boolean;
  #argv: readonly string[] | undefined;
  #args: string | undefined;
  #cmdline: string | undefined;
  #envHeld = false;
  #envRead = false;

  constructor(data: ImageData) {
    this.comm = data.comm;
    this.exepath = data.exepath;
    this.exeFlags = data.exeFlags;
    this.exeIno = data.exeIno;
    this.exeCtime = data.exeCtime;
    this.exeMtime = data.exeMtime;
    this.cwd = data.cwd;
    this.since = data.since;
    this.previous = undefined;
    this.#argvText = data.argv;
    this.#envText = data.env;
    this.#envCut = data.envCut ?? false;
  }

  /** The same program under another name: a fork copies the task name of the moment. */
  withComm(comm: string, since: number): Image {
    if (comm === this.comm) return this;
    return new Image({
      comm,
      argv: this.#argvText,
      env: this.#envText,
      envCut: this.#envCut,
      exepath: this.exepath,
      ...(this.exeFlags === undefined ? {} : { exeFlags: this.exeFlags }),
      exeIno: this.exeIno,
      exeCtime: this.exeCtime,
      exeMtime: this.exeMtime,
      cwd: this.cwd,
      since,
    });
  }

  /** All arguments, the name of the program first. */
  get argv(): readonly string[] | undefined {
    if (this.#argv === undefined && this.#argvText !== undefined) this.#argv = splitNul(this.#argvText);
    return this.#argv;
  }

  /** argv[0]; "" for a program that was started without. */
  get exe(): string | undefined {
    if (this.#argvText === undefined) return undefined;
    const end = this.#argvText.indexOf('\0');
    return end < 0 ? this.#argvText : this.#argvText.slice(0, end);
  }

  /** The arguments after the first, blank-separated. */
  get args(): string | undefined {
    if (this.#args === undefined && this.#argvText !== undefined) {
      const start = this.#argvText.indexOf('\0');
      this.#args = start < 0 ? '' : trimNul(this.#argvText.slice(start + 1)).replace(NULS, ' ');
    }
    return this.#args;
  }

  /** The arguments after the first, as the kernel has them. */
  get rawArgs(): string | undefined {
    if (this.#argvText === undefined) return undefined;
    const start = this.#argvText.indexOf('\0');
    return start < 0 ? '' : this.#argvText.slice(start + 1);
  }

  /** Task name and arguments. */
  get cmdline(): string {
    if (this.#cmdline === undefined) {
      const args = this.args;
      this.#cmdline = args === undefined || args === '' ? this.comm : `${this.comm} ${args}`;
    }
    return this.#cmdline;
  }

  /** The environment; `pid` says where to read the rest of one that the kernel cut. */
  env(pid: number, alive: boolean): readonly string[] | undefined {
    const text = this.#environment(pid, alive);
    return text === undefined ? undefined : splitEnv(text);
  }

  /** The environment as one blank-separated text. Not kept: it is long, and asked for at the exec only. */
  envText(pid: number, alive: boolean): string | undefined {
    const text = this.#environment(pid, alive);
    if (text === undefined) return undefined;
    if (text !== joinedFrom) {
      // An empty entry is left out.
      const gaps = text.startsWith('\0') || text.includes('\0\0');
      joined = gaps ? splitEnv(text).join(' ') : trimNul(text).replace(NULS, ' ');
      joinedFrom = text;
    }
    return joined;
  }

  /** Nobody looks at the environment after the exec: it need not live as long as the process. */
  forgetEnv(): void {
    if (!this.#envHeld) this.#envText = undefined;
  }

  /** An event waits that may ask for it. */
  holdEnv(): void {
    this.#envHeld = true;
  }

  #environment(pid: number, alive: boolean): string | undefined {
    if (alive && !this.#envRead && (this.#envText === undefined || this.#envCut)) this.#readEnv(pid);
    return this.#envText;
  }

  #readEnv(pid: number): void {
    this.#envRead = true;
    this.#envCut = false;
    try {
      const text = readFileSync(`/proc/${pid}/environ`, 'latin1').slice(0, ENV_MAX);
      // Only a text that goes on from what the exec showed is the same environment.
      if (this.#envText === undefined || text.startsWith(trimNul(this.#envText))) this.#envText = text;
    } catch {
      // The process is gone or not ours to read: what the kernel handed over stands.
    }
  }
}

/** The environment that was joined last, and what came out: from exec to exec it is mostly the same. */
let joinedFrom = '';
let joined = '';

function splitEnv(text: string): string[] {
  return splitNul(text).filter((entry) => entry !== '');
}

function splitNul(text: string): string[] {
  return text === '' ? [] : trimNul(text).split('\0');
}

function trimNul(text: string): string {
  return text.endsWith('\0') ? text.slice(0, -1) : text;
}
