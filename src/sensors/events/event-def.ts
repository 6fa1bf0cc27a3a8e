import { RF_FLAG, type RF_OP } from '../record/layout.gen.ts';
import type { CallRec } from '../record/record.gen.ts';
import type { FlagTable } from './flags.ts';
import { openedFlags, openFlags } from './flags.ts';

/** How a parameter is rendered; see docs of the rule language, section on event parameters. */
export type ParamType =
  | 'fd'
  | 'errno'
  | 'pid'
  | 'uid'
  | 'gid'
  | 'path'
  | 'relpath'
  | 'string'
  | 'bytes'
  | 'flags'
  | 'enum'
  | 'mode'
  | 'signal'
  | 'sockaddr'
  | 'tuple'
  | 'int'
  | 'hex'
  | 'oct'
  | 'time'
  | 'reltime'
  | 'dyn';

export type ParamValue = string | number | bigint;

export interface ParamDef {
  readonly name: string;
  readonly type: ParamType;
  /** Names of flags and enumerations. */
  readonly table?: FlagTable;
  /** Names that depend on another argument. */
  readonly tableOf?: (rec: CallRec) => FlagTable | undefined;
  /** For paths: which captured path (and its base directory) of the record it is. */
  readonly path?: 0 | 1;
  /** The raw value in a call record. */
  readonly get?: (rec: CallRec) => ParamValue | undefined;
  /** For exec and fork events: the property of the process that it shows. */
  readonly process?: string;
}

export type FdUse = 'create' | 'use' | 'none';

/** What the kernel copies for a call: argument numbers. */
export interface Capture {
  readonly path?: readonly number[];
  /** Directory fd of each path; -1 = relative to the working directory. */
  readonly dirfd?: readonly number[];
  readonly fd?: number | 'ret';
  readonly addr?: number;
  readonly addrLen?: number;
  readonly data?: number;
  readonly dataLen?: number | 'ret';
  readonly dataMax?: number;
  readonly msghdr?: boolean;
  /** Data is an array of strings. */
  readonly argv?: boolean;
  /** The record is made at entry: the result is not known. */
  readonly enter?: boolean;
}

/** The classifier's hook: names of enum rf_op without prefix. */
export type Op = Exclude<keyof typeof RF_OP, 'MAX'>;

/** Parameters that fs.path.* shows, by name. */
export interface FsPaths {
  readonly name?: string;
  readonly source?: string;
  readonly target?: string;
}

export interface EventDef {
  /** evt.type. */
  readonly name: string;
  readonly category: string;
  readonly doc: string;
  /** System calls that raise it; empty for events that no call raises directly. */
  readonly syscalls: readonly string[];
  readonly fd: FdUse;
  /** Type of a created fd that the record cannot describe (a pair of pipe ends ...). */
  readonly fdType?: number;
  readonly capture: Capture;
  readonly op: Op;
  readonly params: readonly ParamDef[];
  readonly fs?: FsPaths;
  /** Which way the call moves bytes, if it does; for evt.is_io and its like. */
  readonly io?: 'read' | 'write';
  /** evt.res and evt.rawres are known. */
  readonly result: boolean;
  /** False for events that stand only for the bare system call. */
  readonly specific: boolean;
}

// ── parameters ────────────────────────────────────────────────────────────────────────────────────────────

const { NO_RESULT, DENIED } = RF_FLAG;

/**
 * The return value. Where the call was seen before its end there is none: then it is the decision, 0 for what was
 * let through and -EPERM for what Ringfence refused, so that conditions on success mean the same on every tier.
 */
export function callResult(rec: CallRec): number {
  if ((rec.flags & NO_RESULT) === 0) return rec.ret;
  return (rec.flags & DENIED) !== 0 ? -1 : 0;
}

/** A descriptor that the call has written to captured memory; undefined before it has, and when it failed. */
export function madeFd(rec: CallRec, offset: number): number | undefined {
  return callResult(rec) < 0 || (rec.flags & NO_RESULT) !== 0 ? undefined : word32(rec.data, offset);
}

export const ret = (name: string, type: ParamType = 'errno'): ParamDef => ({ name, type, get: callResult });
export const i32 = (name: string, type: ParamType, arg: number): ParamDef => ({
  name,
  type,
  get: (rec) => rec.argI32(arg),
});
export const u32 = (name: string, type: ParamType, arg: number): ParamDef => ({
  name,
  type,
  get: (rec) => rec.argU32(arg),
});
export const u64 = (name: string, type: ParamType, arg: number): ParamDef => ({
  name,
  type,
  get: (rec) => rec.arg(arg),
});
export const fd = (name: string, arg: number): ParamDef => i32(name, 'fd', arg);
export const dirfd = (name: string, arg: number): ParamDef => i32(name, 'fd', arg);
export const text = (name: string, type: 'string' | 'path' | 'relpath', path: 0 | 1 = 0): ParamDef => ({
  name,
  type,
  path,
  get: path === 0 ? (rec) => rec.path0 : (rec) => rec.path1,
});
export const flags = (
  name: string,
  table: FlagTable,
  arg: number,
  translate: (native: number) => number = (n) => n,
): ParamDef => ({ name, type: 'flags', table, get: (rec) => translate(rec.argU32(arg)) });
export const constant = (
  name: string,
  table: FlagTable,
  arg: number,
  translate: (native: number) => number = (n) => n,
): ParamDef => ({ name, type: 'enum', table, get: (rec) => translate(rec.argU32(arg)) });
export const value = (
  name: string,
  type: ParamType,
  get: (rec: CallRec) => ParamValue | undefined,
  table?: FlagTable,
): ParamDef => (table === undefined ? { name, type, get } : { name, type, get, table });
export const data = (name = 'data'): ParamDef => ({ name, type: 'bytes', get: (rec) => rec.data });
export const ofProcess = (name: string, type: ParamType, process = name, table?: FlagTable): ParamDef =>
  table === undefined ? { name, type, process } : { name, type, process, table };

/** Device and inode of the file that was opened; 0 when the open failed. */
export const FILE_ID: readonly ParamDef[] = [
  value('dev', 'hex', (rec) => (callResult(rec) < 0 ? 0 : rec.fdDev)),
  value('ino', 'int', (rec) => (callResult(rec) < 0 ? 0 : rec.fdIno)),
];

/** Portable open flags of a record: what was asked for and what the kernel says of the opened file. */
export function recordOpenFlags(rec: CallRec, native: number): number {
  return openFlags(native) | (callResult(rec) >= 0 ? openedFlags(rec.fdFMode, rec.fdLayer) : 0);
}

/** Little-endian 32-bit word of captured bytes. */
export function word32(bytes: string | undefined, offset: number): number | undefined {
  if (bytes === undefined || bytes.length < offset + 4) return undefined;
  return (
    (bytes.charCodeAt(offset) |
      (bytes.charCodeAt(offset + 1) << 8) |
      (bytes.charCodeAt(offset + 2) << 16) |
      (bytes.charCodeAt(offset + 3) << 24)) >>>
    0
  );
}

interface RowOptions {
  readonly syscalls?: readonly string[];
  readonly fd?: FdUse;
  readonly fdType?: number;
  readonly op?: Op;
  readonly fs?: FsPaths;
  readonly io?: 'read' | 'write';
  readonly result?: boolean;
}

/** One row of the event table. */
export function row(
  name: string,
  category: string,
  doc: string,
  capture: Capture,
  params: readonly ParamDef[],
  options: RowOptions = {},
): EventDef {
  return {
    name,
    category,
    doc,
    capture,
    params,
    syscalls: options.syscalls ?? [name],
    fd: options.fd ?? 'none',
    op: options.op ?? 'OTHER',
    result: options.result ?? true,
    specific: true,
    ...(options.fdType === undefined ? {} : { fdType: options.fdType }),
    ...(options.fs === undefined ? {} : { fs: options.fs }),
    ...(options.io === undefined ? {} : { io: options.io }),
  };
}
