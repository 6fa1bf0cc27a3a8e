import { allocate, native } from '../../sensors/bpf/libbpf.ts';

/** struct bpf_test_run_opts of libbpf: its size, and where context, its length and the result stand. */
const RUN = { bytes: 88, context: 32, length: 48, result: 56 } as const;

/** Runs BPF programs on request (BPF_PROG_TEST_RUN) with a context that the test fills in. For tests and the bench. */
export class TestRun {
  readonly context: Buffer;
  readonly #opts = allocate(RUN.bytes);

  /** `bytes`: length of the context; a program without one does not mind it. */
  constructor(bytes = 8) {
    const context = allocate(bytes);
    this.context = Buffer.from(context.memory);
    const opts = Buffer.from(this.#opts.memory);
    opts.writeBigUInt64LE(BigInt(RUN.bytes), 0);
    opts.writeBigUInt64LE(context.address, RUN.context);
    opts.writeUInt32LE(bytes, RUN.length);
  }

  /** What the program returns. Throws if the kernel does not run it. */
  call(fd: number): number {
    const error = native().programTestRun(fd, this.#opts.address);
    if (error !== 0) throw new Error(`BPF_PROG_TEST_RUN: ${error}`);
    return Buffer.from(this.#opts.memory).readUInt32LE(RUN.result);
  }
}
