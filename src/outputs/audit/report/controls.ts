import { CIS } from './controls-cis.ts';
import { NIST } from './controls-nist.ts';
import { PCI } from './controls-pci.ts';
import type { EvidenceKey } from './evidence.ts';

/** Facts about the audit as a whole that a control can rest on. */
export type CheckKey =
  | 'chain'
  | 'signed'
  | 'modes'
  | 'continuity'
  | 'loss'
  | 'year'
  | 'quarter'
  | 'clock'
  | 'actors';

/** One control of a framework. All texts are ours: the official wording is licensed, and has to be read there. */
export interface Control {
  readonly id: string;
  readonly asks: string;
  readonly evidence: readonly EvidenceKey[];
  readonly checks: readonly CheckKey[];
  /** What this evidence does not show. */
  readonly limits: string;
}

export interface Framework {
  readonly title: string;
  readonly controls: readonly Control[];
}

export const FRAMEWORKS = { pci: PCI, nist: NIST, cis: CIS } as const satisfies Record<string, Framework>;

export type FrameworkName = keyof typeof FRAMEWORKS;
