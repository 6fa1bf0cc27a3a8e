/** Choosing rules by configuration: `rules: [{disable: {rule: '*'}}, {enable: {tag: network}}]`. */

export type RuleSelector = { readonly action: 'enable' | 'disable' } & (
  | {
      /** Whole name; `*` stands for any text. */
      readonly rule: string;
    }
  | { readonly tag: string }
);

/** Whether a rule is enabled after all selectors; later ones win, and they win over the rule's own key. */
export function isSelected(
  rule: { readonly name: string; readonly tags: ReadonlySet<string>; readonly enabled: boolean },
  selectors: readonly RuleSelector[],
): boolean {
  let enabled = rule.enabled;
  for (const selector of selectors) {
    if (isMeant(rule, selector)) enabled = selector.action === 'enable';
  }
  return enabled;
}

/** Whether a rule is one of those that a selector names. */
export function isMeant(
  rule: { readonly name: string; readonly tags: ReadonlySet<string> },
  selector: RuleSelector,
): boolean {
  return 'rule' in selector ? matchesName(selector.rule, rule.name) : rule.tags.has(selector.tag);
}

/** A name against a pattern in which only `*` is special. Linear: pieces are found leftmost. */
function matchesName(pattern: string, name: string): boolean {
  const pieces = pattern.split('*');
  const first = pieces.shift()!;
  const last = pieces.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const piece of pieces) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}
