import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

/** errno(3) names that neither libuv nor node:os knows, for network and FUSE file systems. */
const rareNames: Readonly<Record<number, string>> = {
  51: 'EL2HLT',
  61: 'ENODATA',
  65: 'ENOPKG',
  66: 'EREMOTE',
  77: 'EBADFD',
  85: 'ERESTART',
  117: 'EUCLEAN',
  123: 'ENOMEDIUM',
  124: 'EMEDIUMTYPE',
  126: 'ENOKEY',
  127: 'EKEYEXPIRED',
  128: 'EKEYREVOKED',
  129: 'EKEYREJECTED',
};

/** The name of a system call error's errno. libuv has no names for ESTALE and EDQUOT, which matter here. */
export function errnoName(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return 'UNKNOWN';
  if (!error.code.startsWith('Unknown system error')) return error.code;
  const number = 'errno' in error && typeof error.errno === 'number' ? Math.abs(error.errno) : 0;
  const known = Object.entries(constants.errno).find(([, value]) => value === number);
  return known?.[0] ?? rareNames[number] ?? `E${number}`;
}

/** Every name that errnoName gives to an error of the kernel; what libuv adds of its own is no errno. */
export function errnoNames(): ReadonlySet<string> {
  const ofLibuv = [...getSystemErrorMap()].filter(([number]) => number > -1000).map(([, [name]]) => name);
  return new Set([...ofLibuv, ...Object.keys(constants.errno), ...Object.values(rareNames)]);
}
