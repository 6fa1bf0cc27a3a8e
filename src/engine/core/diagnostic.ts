/**
 * A problem in something the user wrote (rule, config, deny list, recording), as a value.
 * `code` names it for machines and `ringfence explain CODE`; `help` says how to mend it.
 */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly message: string;
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** 1-based, in characters. */
  readonly column?: number;
  /** 0-based byte offset in the file. */
  readonly offset?: number;
  /** The line or lines in question, with a caret line below. */
  readonly snippet?: string;
  readonly help?: string;
  /** What the problem is in, outermost first: e.g. rule "X", then its condition. */
  readonly context?: readonly { readonly type: string; readonly name: string }[];
}

/** THE EXIT TABLE: how the command line ends. `ringfence --help` and the reference page are made of it. */
export const EXITS = {
  ok: { code: 0, meaning: 'did what was asked' },
  failure: { code: 1, meaning: 'run-time failure' },
  usage: { code: 2, meaning: 'wrong usage' },
  invalid: { code: 3, meaning: 'configuration or rules invalid' },
  problems: { code: 4, meaning: 'check completed and found problems' },
  notPermitted: { code: 5, meaning: 'not permitted, or the kernel cannot do it' },
  interrupted: { code: 130, meaning: 'ended by Ctrl-C after a clean stop (SIGTERM: 0)' },
} as const;

type Exits = typeof EXITS;

/** The codes by name. */
export const EXIT = Object.fromEntries(Object.entries(EXITS).map(([name, { code }]) => [name, code])) as {
  readonly [Name in keyof Exits]: Exits[Name]['code'];
};

/** An expected failure with an exit code and advice; the command line prints it without a stack. */
export class AppError extends Error {
  readonly code: string;
  readonly exitCode: number;
  readonly help: string | undefined;
  constructor(
    code: string,
    message: string,
    options: { exitCode?: number; help?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.exitCode = options.exitCode ?? EXIT.failure;
    this.help = options.help;
  }
}
