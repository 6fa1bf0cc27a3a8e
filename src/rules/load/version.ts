/** Versions in rule files. */

export type Version = readonly [major: number, minor: number, patch: number];

/** The version of Falco's rule engine whose rules this engine understands. */
export const ENGINE_VERSION: Version = [0, 63, 0];

/** `x.y.z`, with anything after a hyphen or plus ignored. */
export function parseVersion(text: string): Version | undefined {
  const match = /^v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].*)?$/.exec(text.trim());
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])];
}

/** `required_engine_version`: a plain number N means 0.N.0. */
export function parseEngineVersion(text: string): Version | undefined {
  return /^\d{1,10}$/.test(text) ? [0, Number(text), 0] : parseVersion(text);
}

/** Whether what is there serves who needs `required`: same major version, not older. */
export function satisfies(available: Version, required: Version): boolean {
  return available[0] === required[0] && compareVersions(available, required) >= 0;
}

export function compareVersions(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

export function formatVersion(version: Version): string {
  return version.join('.');
}
