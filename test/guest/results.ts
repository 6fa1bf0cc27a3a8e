/** What inside.ts writes, one JSON object a line. */
export type GuestTestEvent =
  | { readonly type: 'start'; readonly name: string; readonly nesting: number }
  | {
      readonly type: 'pass';
      readonly name: string;
      readonly nesting: number;
      readonly ms: number;
      readonly skip?: string;
    }
  | {
      readonly type: 'fail';
      readonly name: string;
      readonly nesting: number;
      readonly ms: number;
      readonly error: string;
    }
  | { readonly type: 'output'; readonly text: string }
  | { readonly type: 'end' };

/** One test of the guest; a test with tests below it is told with its full name. */
export interface GuestTest {
  readonly name: string;
  readonly skip?: string;
  readonly error?: string;
}

/** The tests that a guest reported, and whether its report is whole. */
export interface GuestReport {
  readonly tests: GuestTest[];
  readonly complete: boolean;
  /** What the tests printed, for the message of a failed run. */
  readonly output: string;
}

/** Reads the lines of inside.ts; other lines are kept as output. */
export function readReport(text: string): GuestReport {
  const open: string[] = [];
  const tests: GuestTest[] = [];
  let complete = false;
  let output = '';
  for (const line of text.split('\n')) {
    const event = parseEvent(line);
    if (event === undefined) output += line === '' ? '' : `${line}\n`;
    else if (event.type === 'output') output += event.text;
    else if (event.type === 'end') complete = true;
    else if (event.type === 'start') open[event.nesting] = event.name;
    else {
      const name = [...open.slice(0, event.nesting), event.name].join(' › ');
      if (event.type === 'fail') tests.push({ name, error: event.error });
      else tests.push(event.skip === undefined ? { name } : { name, skip: event.skip });
    }
  }
  return { tests, complete, output };
}

function parseEvent(line: string): GuestTestEvent | undefined {
  if (!line.startsWith('{"type":"')) return undefined;
  try {
    return JSON.parse(line) as GuestTestEvent;
  } catch {
    return undefined;
  }
}
