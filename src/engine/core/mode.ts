/** What becomes of rules that refuse: they only say what they would have refused, or they refuse. */
export const MODES = ['monitor', 'enforce'] as const;
