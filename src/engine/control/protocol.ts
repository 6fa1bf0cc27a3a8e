/** One request, as a line of JSON. */
export interface Request {
  readonly id: number;
  readonly command: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** The answer to the request with the same id. */
export type Response =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | { readonly id: number; readonly ok: false; readonly error: Failure };

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly help?: string;
  readonly exitCode?: number;
}

/** A request longer than this ends the connection. */
export const MAX_LINE = 1024 * 1024;

/** Reads a request; undefined if the line is not one. */
export function parseRequest(line: string): Request | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, command, args } = value as Record<string, unknown>;
  if (typeof id !== 'number' || typeof command !== 'string') return undefined;
  if (args !== undefined && (typeof args !== 'object' || args === null || Array.isArray(args)))
    return undefined;
  return { id, command, ...(args === undefined ? {} : { args: args as Record<string, unknown> }) };
}

/** Splits a byte stream into lines, with a bound. */
export class Lines {
  #rest = '';

  /** The complete lines so far; undefined when a line is too long. */
  push(chunk: string): string[] | undefined {
    const parts = (this.#rest + chunk).split('\n');
    this.#rest = parts.pop() ?? '';
    if (this.#rest.length > MAX_LINE || parts.some((part) => part.length > MAX_LINE)) return undefined;
    return parts.filter((part) => part !== '');
  }
}
