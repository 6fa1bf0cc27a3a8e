/** The candidate closest to what was typed, if it is close enough to be what was meant. */
export const nearest = (typed: string, candidates: Iterable<string>): string | undefined =>
  nearestOf(typed, candidates, 1)[0];

/** Candidates close to a mistyped word (at most a third of its length in edits), nearest first. */
export function nearestOf(typed: string, candidates: Iterable<string>, count: number): string[] {
  // A longer word is no slip of the hand, and comparing it would cost time.
  if (typed.length > 128) return [];
  const wanted = typed.toLowerCase();
  const limit = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  return [...candidates]
    .map((candidate) => ({ candidate, edits: editDistance(wanted, candidate.toLowerCase(), limit) }))
    .filter(({ edits }) => edits < limit)
    .sort((a, b) => a.edits - b.edits || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

/** Edits (insert, delete, replace, swap of neighbours) between two texts; anything >= limit may come back as limit. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}
