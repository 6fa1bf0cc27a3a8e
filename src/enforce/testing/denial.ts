/** An act as the program `rf_deny_once` takes it, for tests and the bench: struct rf_deny_test of classify.bpf.c. */
import { syscallNumber } from '../../sensors/events/syscalls.ts';
import { type OperationName, operation } from '../clauses/operations.ts';
import { BIT } from '../clauses/term.ts';

/** The object, two lengths and two paths. */
const OBJECT_BYTES = 80;
const PATH_BYTES = 512;
export const DENY_BYTES = OBJECT_BYTES + 8 + 2 * PATH_BYTES;

/** What is judged: an operation as the hooks describe it. */
export interface Act {
  readonly op: OperationName;
  readonly event: string;
  readonly bits?: number;
  readonly path?: string;
  readonly other?: string;
  /** 4 or 16 bytes. */
  readonly address?: string;
  readonly port?: number;
  readonly protocol?: number;
  readonly id?: number;
}

/** Writes an act into the program's context of DENY_BYTES. */
export function writeDenial(bytes: Buffer, act: Act): void {
  const { path = '', other = '', address, id } = act;
  bytes.fill(0);
  const family = address === undefined ? 0 : address.length === 4 ? 2 : 10;
  [operation(act.op).op, syscallNumber(act.event)!, act.bits ?? BIT.ok].forEach((word, i) => {
    bytes.writeUInt32LE(word, i * 4);
  });
  bytes.writeUInt16LE(family, 12);
  bytes.writeUInt16LE(act.port ?? 0, 14);
  bytes.writeUInt8(act.protocol ?? 0, 16);
  bytes.writeUInt8(id === undefined ? 0 : 1, 19);
  bytes.write(address ?? '', 20, 'latin1');
  bytes.writeUInt32LE(id ?? 0, 56);
  bytes.writeUInt32LE(path.length, OBJECT_BYTES);
  bytes.writeUInt32LE(other.length, OBJECT_BYTES + 4);
  bytes.write(path, OBJECT_BYTES + 8, 'latin1');
  bytes.write(other, OBJECT_BYTES + 8 + PATH_BYTES, 'latin1');
}
