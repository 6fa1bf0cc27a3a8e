import type { Command } from 'commander';

/**
 * A command: one file that exports `command`, one line in the command table. The file is imported only when the
 * command is typed, so `validate` never waits for what `run` needs.
 */
export interface CommandSpec {
  /** Adds arguments, options, sub-commands and the action. The action returns the exit code (nothing = 0). */
  configure(command: Command): void;
  /** Shown below the help: what one would type. */
  readonly examples?: readonly (readonly [line: string, purpose: string])[];
}

export interface CommandRow {
  readonly name: string;
  readonly summary: string;
  /** Left out of help and completion. */
  readonly hidden?: boolean;
  readonly load: () => Promise<{ readonly command: CommandSpec }>;
}

/** Makes an action set the process's exit code from what it returns. */
export function act<A extends unknown[]>(
  action: (...args: A) => number | undefined | Promise<number | undefined>,
): (...args: A) => Promise<void> {
  return async (...args) => {
    process.exitCode = (await action(...args)) ?? 0;
  };
}
