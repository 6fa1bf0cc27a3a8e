import type { BpfLink } from '../../sensors/bpf/bpf.ts';
import { isCut } from './network-wall.ts';
import { arePinned, pinLinks } from './pins.ts';
import type { TierPlan } from './tiers.ts';
import type { WallObject } from './wall-object.ts';

/** What of the enforcement somebody else undid. */
export interface Undone {
  /** Programs whose link to the cgroup was cut; links to hooks cannot be. */
  readonly cut: readonly string[];
  readonly unpinned: boolean;
}

/** Looks at links and, if there should be some, at pins; undefined if all is as it was made. */
export function findUndone(
  links: ReadonlyMap<string, BpfLink>,
  tiers: TierPlan,
  pinned: boolean,
): Undone | undefined {
  const cut = tiers.wall.filter((program) => {
    const link = links.get(program);
    return link !== undefined && isCut(link);
  });
  const unpinned = pinned && !arePinned(links);
  return cut.length > 0 || unpinned ? { cut, unpinned } : undefined;
}

/** In words, for people. */
export function undoneText({ cut, unpinned }: Undone): string[] {
  return [...cut.map((name) => `${name} detached`), ...(unpinned ? ['pins removed'] : [])];
}

/** Makes it again; `links` has the new ones then. */
export function putBack(
  wall: WallObject,
  links: Map<string, BpfLink>,
  tiers: TierPlan,
  { cut }: Undone,
  pinned: boolean,
): void {
  if (tiers.cgroup !== undefined && cut.length > 0) {
    for (const [program, link] of wall.attach(tiers.cgroup, cut)) {
      links.get(program)?.destroy();
      links.set(program, link);
    }
  }
  if (pinned) pinLinks(links);
}
