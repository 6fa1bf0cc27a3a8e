import { RF_ARG, RF_CAPTURE_FLAG, STRUCTS } from '../record/layout.gen.ts';

/**
 * What the kernel copies of one system call: argument numbers, -1 = none. One row of the capture map; see struct
 * rf_capture. `fd` may be `CAPTURE_RET` for the returned fd, `dataLen` for the returned length.
 */
export interface CaptureRow {
  readonly path?: readonly number[];
  readonly dirfd?: readonly number[];
  readonly fd?: number;
  readonly addr?: number;
  readonly addrLen?: number;
  readonly data?: number;
  readonly dataLen?: number;
  readonly dataMax?: number;
  /** Bits of RF_CAPTURE_FLAG: OK, FAILED, CWD, MSGHDR, ARGV. */
  readonly flags: number;
  /** enum rf_op */
  readonly op?: number;
}

export const CAPTURE_RET = RF_ARG.FD_RET;
const DATA_MAX = 4096;

function put(target: Buffer, name: string, values: readonly number[]): void {
  const field = STRUCTS.rf_capture.fields.find((f) => f.name === name);
  if (field === undefined) throw new Error(`struct rf_capture has no ${name}`);
  const unit = field.size / field.count;
  values.forEach((value, i) => {
    const bits = value < 0 ? value + 2 ** (unit * 8) : value;
    if (i < field.count) target.writeUIntLE(bits, field.offset + i * unit, unit);
  });
}

/** The bytes of a row. */
export function encodeCapture(row: CaptureRow): Buffer {
  const none = RF_ARG.ARG_NONE;
  const out = Buffer.alloc(STRUCTS.rf_capture.size);
  put(out, 'path', [row.path?.[0] ?? none, row.path?.[1] ?? none]);
  put(out, 'dirfd', [row.dirfd?.[0] ?? none, row.dirfd?.[1] ?? none]);
  put(out, 'fd', [row.fd ?? none]);
  put(out, 'addr', [row.addr ?? none]);
  put(out, 'addr_len', [row.addrLen ?? none]);
  put(out, 'data', [row.data ?? none]);
  put(out, 'data_len', [row.dataLen ?? none]);
  put(out, 'data_max', [Math.min(row.dataMax ?? DATA_MAX, DATA_MAX)]);
  put(out, 'flags', [row.flags | RF_CAPTURE_FLAG.ENABLED]);
  put(out, 'op', [row.op ?? 0]);
  return out;
}
