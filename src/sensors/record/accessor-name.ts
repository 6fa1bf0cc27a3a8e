/** The accessor of a record's member: `h.cap_effective` → `capEffective`, `fd.path` → `fdPath`, `path[0]` → `path0`. */
export function accessorName(member: string): string {
  const plain = member.replace(/^h\./, '').replace(/\[(\d+)\]/g, '$1');
  return plain.replace(/[._]([a-z0-9])/g, (_, c: string) => c.toUpperCase());
}
