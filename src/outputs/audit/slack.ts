import type { Database } from 'better-sqlite3';

/** Larger files are not read into memory as a whole. */
const MAX_BYTES = 256 * 1024 * 1024;

/** The b-tree page type of a leaf of a table. */
const TABLE_LEAF = 0x0d;

/**
 * The first page of the rows' own b-tree with something in its unused middle; undefined if there is none. Rows are only
 * ever added at the end, and pages are zeroed before use, so SQLite itself leaves nothing there: it is a place where no
 * hash and no check of SQLite's would notice a change. (Index pages are rebuilt now and then and cannot be told.)
 */
export function dirtySlack(db: Database): number | undefined {
  return db.transaction(() => {
    const pageSize = Number(db.pragma('page_size', { simple: true }));
    if (Number(db.pragma('page_count', { simple: true })) * pageSize > MAX_BYTES) return undefined;
    const leaves = db
      .prepare(`SELECT pageno FROM dbstat WHERE name = 'entries' AND pagetype = 'leaf'`)
      .pluck()
      .all() as bigint[];
    const image = db.serialize();
    const dirty = leaves.find((page) => !isClean(image, (Number(page) - 1) * pageSize, pageSize));
    return dirty === undefined ? undefined : Number(dirty);
  })();
}

function isClean(image: Buffer, start: number, pageSize: number): boolean {
  if (image[start] !== TABLE_LEAF) return true;
  const cells = image.readUInt16BE(start + 3);
  const from = start + 8 + 2 * cells;
  const to = start + (image.readUInt16BE(start + 5) || 65_536);
  if (to > start + pageSize) return false;
  for (let i = from; i < to; i++) if (image[i] !== 0) return false;
  return true;
}
