import { syscallNumber } from '../../sensors/events/syscalls.ts';
import { operation } from '../clauses/operations.ts';
import { TestRun } from './run.ts';

/** Asks a loaded `rf_judge_once` about a connect of this process: whether a record of it would be sent. */
export function connectJudged(program: number): boolean {
  const query = new TestRun(64);
  query.context.writeUInt32LE(operation('connect').op, 0);
  query.context.writeUInt32LE(syscallNumber('connect') ?? 0, 4);
  query.context.writeInt32LE(-1, 48);
  return query.call(program) !== 0;
}
