import { RF_KIND, STRUCTS } from './layout.gen.ts';
import { type AnyRec, CallRec, ExecRec, ExitRec, ForkRec } from './record.gen.ts';
import type { RecordMemory } from './record-base.ts';

const SIZES = {
  [RF_KIND.CALL]: STRUCTS.rf_call.size,
  [RF_KIND.EXEC]: STRUCTS.rf_exec.size,
  [RF_KIND.FORK]: STRUCTS.rf_fork.size,
  [RF_KIND.EXIT]: STRUCTS.rf_exit.size,
} as const;

/** One flyweight per kind, moved over the records of a memory. */
export class Decoder {
  readonly #call = new CallRec();
  readonly #exec = new ExecRec();
  readonly #fork = new ForkRec();
  readonly #exit = new ExitRec();

  /**
   * The record at `at`, or undefined when these bytes are no record: unknown kind, too short for its struct, not
   * aligned, or outside the memory. The result is reused by the next call.
   */
  at(mem: RecordMemory, at: number, length: number): AnyRec | undefined {
    if (length < 8 || (at & 7) !== 0 || at < 0 || at + length > mem.size) return undefined;
    const rec = this.#ofKind(mem.bytes[at]!);
    if (rec === undefined || length < SIZES[rec.kind]) return undefined;
    rec.moveTo(mem, at, length);
    return rec;
  }

  #ofKind(kind: number): AnyRec | undefined {
    switch (kind) {
      case RF_KIND.CALL:
        return this.#call;
      case RF_KIND.EXEC:
        return this.#exec;
      case RF_KIND.FORK:
        return this.#fork;
      case RF_KIND.EXIT:
        return this.#exit;
      default:
        return undefined;
    }
  }
}
