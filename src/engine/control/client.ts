import { connect } from 'node:net';
import { AppError, EXIT } from '../core/diagnostic.ts';
import type { Response } from './protocol.ts';

/** Asks the running engine. Throws an AppError that says what to do when there is none, or what it answered. */
export async function ask(
  path: string,
  command: string,
  args: Readonly<Record<string, unknown>> = {},
  timeoutMs = 30_000,
): Promise<unknown> {
  const response = await exchange(path, `${JSON.stringify({ id: 1, command, args })}\n`, timeoutMs);
  if (response.ok) return response.result;
  const { code, message, help, exitCode } = response.error;
  throw new AppError(code, message, { ...(help && { help }), ...(exitCode && { exitCode }) });
}

function exchange(path: string, line: string, timeoutMs: number): Promise<Response> {
  return new Promise((resolve, reject) => {
    let text = '';
    const strange = (): AppError =>
      new AppError('E_CONTROL', `what answers on ${path} is not an engine`, {
        help: 'say where its socket is: --socket PATH',
      });
    const socket = connect(path).setEncoding('utf8');
    const fail = (error: AppError): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(timeoutMs, () =>
      fail(new AppError('E_CONTROL', `the engine did not answer on ${path}`)),
    );
    socket.on('error', (error: NodeJS.ErrnoException) => fail(unreachable(path, error)));
    socket.on('connect', () => socket.write(line));
    socket.on('data', (chunk: string) => {
      text += chunk;
      // Every answer is an object; something else may never come to an end.
      if (!text.startsWith('{')) return fail(strange());
      if (!text.endsWith('\n')) return;
      socket.destroy();
      const response = parseResponse(text);
      if (response) resolve(response);
      else reject(strange());
    });
    socket.on('end', () =>
      fail(new AppError('E_CONTROL', 'the engine closed the connection without an answer')),
    );
  });
}

function parseResponse(text: string): Response | undefined {
  try {
    const { ok, error } = JSON.parse(text) as { ok?: unknown; error?: unknown };
    const whole = ok === true || (ok === false && typeof error === 'object' && error !== null);
    return whole ? (JSON.parse(text) as Response) : undefined;
  } catch {
    return undefined;
  }
}

function unreachable(path: string, error: NodeJS.ErrnoException): AppError {
  if (error.code === 'EACCES') {
    return new AppError('E_CONTROL', `not permitted to use ${path}`, {
      exitCode: EXIT.notPermitted,
      help: 'run as root',
    });
  }
  return new AppError('E_NOT_RUNNING', `no engine answers on ${path}`, {
    help: 'start it with `ringfence run` (or systemctl start ringfence), or say where its socket is with --socket PATH',
    cause: error,
  });
}
