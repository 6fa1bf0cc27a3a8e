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

/** Exit codes of the command line (documented in `ringfence --help`). */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  invalid: 3,
  problems: 4,
  notPermitted: 5,
} as const;

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
