/** A call as the program `rf_judge_once` takes it, for tests and the bench: struct rf_query of classify.h. */
import { syscallNumber } from '../../sensors/events/syscalls.ts';
import { type OperationName, operation } from '../clauses/operations.ts';

export const QUERY_BYTES = 64;

const AT_FDCWD = -100;
/** A socket that is not to be looked at. */
const NO_SOCKET = -1;

/** What is judged: a call that has returned. */
export interface Question {
  readonly op: OperationName;
  readonly event: string;
  readonly ret?: number;
  /** Address of a path in memory. */
  readonly path?: bigint;
  /** Of an open; of a socket the family. */
  readonly flags?: number;
  readonly fd?: number;
  /** Address in memory of where a message goes. */
  readonly to?: bigint;
}

/** Writes a question into the program's context of QUERY_BYTES; the program returns 0 for what is not sent. */
export function writeQuery(bytes: Buffer, question: Question): void {
  bytes.fill(0);
  bytes.writeUInt32LE(operation(question.op).op, 0);
  bytes.writeUInt32LE(syscallNumber(question.event)!, 4);
  bytes.writeBigInt64LE(BigInt(question.ret ?? 0), 8);
  bytes.writeBigUInt64LE(question.path ?? 0n, 16);
  bytes.writeBigUInt64LE(BigInt(question.flags ?? 0), 24);
  bytes.writeInt32LE(AT_FDCWD, 32);
  bytes.writeInt32LE(question.fd ?? NO_SOCKET, 48);
  bytes.writeBigUInt64LE(question.to ?? 0n, 56);
}
