import { lastErrno, native, progOptions } from './libbpf.ts';

/** Program types and attach types of bpf(2), as far as probes load them. */
export const PROG = {
  tracepoint: 5,
  rawTracepoint: 17,
  cgroupSockAddr: 18,
  tracing: 26,
  lsm: 29,
} as const;
export const ATTACH = {
  cgroupConnect4: 10,
  traceRawTp: 23,
  fentry: 24,
  fexit: 25,
  modifyReturn: 26,
  lsm: 27,
  iter: 28,
  perfEvent: 41,
} as const;
const MAP_ARRAY = 2;
const HELPER_LOOKUP = 1;
const R0 = 0;
const R1 = 1;
const R2 = 2;
const R10 = 10;
const PSEUDO_MAP_FD = 1;

/** One instruction: struct bpf_insn. */
export function insn(code: number, dst = 0, src = 0, off = 0, imm = 0): Buffer {
  const bytes = Buffer.alloc(8);
  bytes[0] = code;
  bytes[1] = (src << 4) | dst;
  bytes.writeInt16LE(off, 2);
  bytes.writeInt32LE(imm, 4);
  return bytes;
}

/** Sets the first element of an array map to 1 and returns `result`. */
function markProgram(mapFd: number, result: number): Buffer {
  return Buffer.concat([
    insn(0x62, R10, 0, -4, 0), // *(u32 *)(r10 - 4) = 0
    insn(0xbf, R2, R10), // r2 = r10
    insn(0x07, R2, 0, 0, -4), // r2 += -4
    insn(0x18, R1, PSEUDO_MAP_FD, 0, mapFd), // r1 = map
    insn(0),
    insn(0x85, 0, 0, 0, HELPER_LOOKUP), // r0 = lookup(r1, r2)
    insn(0x15, R0, 0, 2, 0), // if r0 == 0 goto +2
    insn(0xb7, R1, 0, 0, 1), // r1 = 1
    insn(0x7b, R0, R1, 0), // *(u64 *)r0 = r1
    insn(0xb7, R0, 0, 0, result), // r0 = result
    insn(0x95), // exit
  ]);
}

export interface MarkProgram {
  readonly fd: number;
  /** Whether it has run. */
  fired(): boolean;
  close(): void;
}

/** A program of this type that notes that it ran; or the errno with which the kernel refuses it. */
export function loadMark(
  type: number,
  attachType: number,
  typeId: number,
  result = 0,
): MarkProgram | { readonly errno: number } {
  const lib = native();
  const map = lib.mapCreate(MAP_ARRAY, 'rf_probe', 4, 8, 1, null);
  if (map < 0) return { errno: lastErrno() };
  const code = markProgram(map, result);
  const options = progOptions({ expected_attach_type: attachType, attach_btf_id: typeId });
  const fd = lib.progLoad(type, 'rf_probe', 'GPL', code, code.length / 8, options);
  if (fd < 0) {
    const errno = lastErrno();
    lib.close(map);
    return { errno };
  }
  return {
    fd,
    fired() {
      const value = Buffer.alloc(8);
      lib.lookup(map, Buffer.alloc(4), value);
      return value[0] === 1;
    },
    close() {
      lib.close(fd);
      lib.close(map);
    },
  };
}
