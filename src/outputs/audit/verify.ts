import type { KeyObject } from 'node:crypto';
import type { Anchor } from './anchor.ts';
import { GENESIS_HASH } from './chain.ts';
import { listFiles, requireFiles } from './folder.ts';
import { type HeadRecord, readHead } from './head-file.ts';
import { headSigned, keyId } from './keys.ts';
import { closedDigest, type Previous } from './live-file.ts';
import { type FileFacts, type Problem, verifyFile } from './verify-file.ts';

export interface VerifyOptions {
  /** Heads that were published while the audit was written. */
  readonly anchors?: readonly Anchor[];
  /** The keys that may have signed; without them a signature only proves that the rows agree with themselves. */
  readonly publicKeys?: readonly KeyObject[];
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly files: number;
  readonly rows: number;
  readonly head?: HeadRecord;
  /** The lowest row at which something is wrong. */
  readonly firstBroken?: number;
  readonly problems: readonly Problem[];
  /** What could not be checked. */
  readonly warnings: readonly string[];
  readonly anchorsChecked: number;
  /** Of the published anchors that were compared: those that a given key has signed. */
  readonly anchorsSigned: number;
  /** Of rows. */
  readonly signaturesChecked: number;
}

/** Walks all rows of a folder, live or copied, and compares them with everything that can contradict them. */
export function verifyFolder(folder: string, options: VerifyOptions = {}): VerifyReport {
  // The head is read before the rows: it never runs ahead of them, even while they are being written.
  const recorded = readHead(folder);
  const files = recorded ? listFiles(folder) : requireFiles(folder);
  const wanted = anchorsByRow(options.anchors ?? []);
  const publicKeys = options.publicKeys ?? [];
  const problems: Problem[] = [];
  const facts: FileFacts[] = [];
  for (const file of files) {
    const previous = facts.at(-1);
    const found = verifyFile(file, { wanted, newest: file === files.at(-1), publicKeys });
    // Retention may have taken the file away while it was its turn.
    if (!found) continue;
    facts.push(found);
    if (previous) problems.push(...joint(previous, found));
    problems.push(...found.problems);
  }
  const first = facts[0];
  const last = facts.at(-1);
  const retained = facts.flatMap((f) => f.retained).at(-1);
  if (first) problems.push(...beginning(first, retained));
  const warnings = facts.flatMap((f) => f.warnings);
  if (recorded) problems.push(...ending(folder, recorded, facts));
  else warnings.push('audit.head is missing or damaged: rows cut off the end would not be noticed');
  const { checked, signed, missing, foreign } = compareAnchors(options, facts);
  problems.push(...missing);
  if (foreign.length > 0) warnings.push(`anchors of other hosts were not compared: ${foreign.join(', ')}`);
  const rows = facts.reduce((sum, f) => sum + f.rows, 0);
  const signaturesChecked = facts.reduce((sum, f) => sum + f.signatures, 0);
  if (signaturesChecked > 0 && publicKeys.length === 0) {
    warnings.push(
      'signatures were checked with the keys that stand in the rows; give the public key with --key',
    );
  }
  if (publicKeys.length === 0 && options.anchors?.some((anchor) => anchor.signature !== undefined)) {
    warnings.push('the anchors are signed, and nobody has checked by whom; give the public key with --key');
  }
  const broken = problems.flatMap((p) => (p.seq === undefined ? [] : [p.seq]));
  return {
    ok: problems.length === 0,
    files: files.length,
    rows,
    ...(last?.head && { head: last.head }),
    ...(broken.length > 0 && { firstBroken: broken.reduce((a, b) => Math.min(a, b)) }),
    problems,
    warnings,
    anchorsChecked: checked,
    anchorsSigned: signed,
    signaturesChecked,
  };
}

/** Two files in a row: the younger must begin where and as the elder ended. */
function joint(elder: FileFacts, younger: FileFacts): Problem[] {
  const { previous } = younger;
  const file = younger.file.name;
  if (!previous) return [];
  if (younger.file.ordinal !== elder.file.ordinal + 1 && previous.ordinal !== elder.file.ordinal) {
    return [{ file, seq: previous.seq + 1, what: `files between ${elder.file.name} and it are missing` }];
  }
  const seq = (elder.head?.seq ?? previous.seq) + 1;
  if (elder.head?.seq !== previous.seq || elder.head.hash !== previous.hash) {
    const end = elder.head ? `row ${elder.head.seq}` : 'no row at all';
    return [
      { file, seq, what: `it goes on from row ${previous.seq}, but ${elder.file.name} ends with ${end}` },
    ];
  }
  if (previous.sha256 !== undefined && previous.sha256 !== elder.digest()) {
    return [
      { file: elder.file.name, what: 'the finished file is not the one that was sealed: bytes were changed' },
    ];
  }
  return [];
}

/** The oldest file must be the first of all, or the first that a retention row kept. */
function beginning(first: FileFacts, kept: Previous | undefined): Problem[] {
  const { previous, file } = first;
  if (!previous || first.gap !== undefined) return [];
  if (previous.seq === 0 && previous.hash === GENESIS_HASH.toString('hex')) return [];
  // A kill in the middle of the removal leaves files that the row says are gone: they may be there.
  if (kept && (previous.seq < kept.seq || (previous.seq === kept.seq && previous.hash === kept.hash)))
    return [];
  return [{ file: file.name, seq: 1, what: 'files before it are missing, and no retention row says so' }];
}

/** The head file was written after the rows it names. */
function ending(folder: string, recorded: HeadRecord, facts: readonly FileFacts[]): Problem[] {
  const last = facts.at(-1);
  if (!last) return [{ seq: 1, what: `all files are missing, up to row ${recorded.seq}` }];
  if (!last.head) return [];
  const { head, file } = last;
  if (recorded.chain !== head.chain) {
    return [
      { file: file.name, seq: 1, what: 'it belongs to another chain than audit.head: it was replaced' },
    ];
  }
  if (recorded.seq > head.seq) {
    const what = `the audit ends at row ${head.seq}, but row ${recorded.seq} was written: the end was cut off (or the folder was copied while it was written; use audit backup)`;
    return [{ file: file.name, seq: head.seq + 1, what }];
  }
  if (recorded.seq === head.seq && recorded.hash !== head.hash) {
    return [{ file: file.name, seq: head.seq, what: 'the last row is not the one that was written' }];
  }
  if (recorded.sha256 !== undefined && recorded.sha256 !== (closedDigest(file.path) ?? recorded.sha256)) {
    // A writer that has started meanwhile changes the file: the record is then another one.
    const now = readHead(folder);
    if (now?.sha256 === recorded.sha256) {
      return [
        { file: file.name, what: 'the file is not as it was when the engine stopped: bytes were changed' },
      ];
    }
  }
  return [];
}

type Wanted = ReadonlyMap<number, readonly Anchor[]>;

function anchorsByRow(anchors: readonly Anchor[]): Wanted {
  const map = new Map<number, Anchor[]>();
  for (const anchor of anchors) {
    const list = map.get(anchor.seq);
    if (list) list.push(anchor);
    else map.set(anchor.seq, [anchor]);
  }
  return map;
}

/** A collected log holds the anchors of many hosts, each with a chain of its own. */
function compareAnchors(
  options: VerifyOptions,
  facts: readonly FileFacts[],
): { checked: number; signed: number; missing: Problem[]; foreign: string[] } {
  const missing: Problem[] = [];
  const foreign = new Set<string>();
  const anchors = options.anchors ?? [];
  const { chain } = facts.at(-1)?.head ?? {};
  const hosts = new Set(facts.map(({ host }) => host));
  const own = anchors.filter((anchor) => chain === undefined || anchor.chain === chain);
  for (const { host, chain: other, seq, time } of anchors) {
    if (chain === undefined || other === chain) continue;
    const what = `an anchor of ${time} by this host is of another chain: this one was begun anew`;
    if (hosts.has(host)) missing.push({ seq, what });
    else foreign.add(host);
  }
  if (own.length === 0 && foreign.size > 0)
    missing.push({ what: `none of the ${anchors.length} anchors is of this chain` });
  const oldest = facts[0]?.previous?.seq ?? 0;
  const end = facts.at(-1)?.head?.seq ?? 0;
  let checked = 0;
  let signed = 0;
  for (const anchor of own) {
    if (anchor.seq <= oldest) continue;
    checked++;
    if (anchor.seq > end) {
      missing.push({
        seq: end + 1,
        what: `an anchor of ${anchor.time} names row ${anchor.seq}, which is missing`,
      });
    }
    if (!options.publicKeys?.length) continue;
    const key = options.publicKeys.find((k) => keyId(k) === anchor.key);
    if (!key || anchor.signature === undefined || !headSigned(key, anchor, anchor.signature)) {
      missing.push({ seq: anchor.seq, what: 'a published anchor is not signed by a given key' });
    } else signed++;
  }
  return { checked, signed, missing, foreign: [...foreign] };
}
