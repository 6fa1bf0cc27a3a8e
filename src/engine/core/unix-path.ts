/** sun_path has 108 bytes, the last one for the NUL (unix(7)). */
export const UNIX_PATH_MAX = 107;

/** Why a unix socket cannot have this path, or undefined. libuv would cut it off without a word. */
export function badUnixPath(path: string): string | undefined {
  const bytes = Buffer.byteLength(path);
  return bytes > UNIX_PATH_MAX
    ? `socket path longer than ${UNIX_PATH_MAX} bytes (${bytes}): ${path}`
    : undefined;
}
