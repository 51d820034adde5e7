import * as robotsModule from 'robots-parser';

// A CommonJS module: its types say that it has a default export, and what it really exports is the function itself.
const robotsParser = robotsModule.default as unknown as typeof robotsModule.default.default;

/** What a server allows, by RFC 9309. */
export interface Robots {
  isAllowed(url: string): boolean;
}

/** As much of the file as must be read (RFC 9309, 2.5). */
export const robotsBytes = 512_000;

const everything: Robots = { isAllowed: () => true };

/**
 * @param agent our name, as it stands in `User-agent:` lines
 * @returns null when the server must be asked again later: it can't say now (2.3.1.4)
 */
export function readRobots(robotsUrl: string, status: number, text: string, agent: string): Robots | null {
  if (status >= 500 || status === 429) return null;
  if (status < 200 || status >= 300) return everything;
  // A byte order mark would hide the first line.
  const rules = robotsParser(robotsUrl, text.replace(/^\ufeff/, ''));
  return {
    isAllowed: (url) => rules.isAllowed(url, agent) !== false,
  };
}
