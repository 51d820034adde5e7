import type { CrawlSummary, NamedUrl, SeedEnd } from '../../core/crawler/crawl-report.ts';
import { type CrawlScope, isInScope } from '../../core/crawler/links.ts';
import { cut, nofollow } from './crawl.ts';
import type { Frontier } from './frontier.ts';

const mostNamed = 100;
/** As many as browsers follow. */
const mostRedirects = 20;

/** What all attempts together came to. */
export function summaryOf(frontier: Frontier, seeds: readonly string[], scope: CrawlScope): CrawlSummary {
  const failed: NamedUrl[] = [];
  let failedInScope = 0;
  for (const { url, kind, because } of frontier.failed()) {
    if (kind === 'page' || isInScope(url, scope)) failedInScope += 1;
    if (failed.length < mostNamed) failed.push({ url, because });
  }
  return {
    pagesInScope: frontier.countPagesInScope(),
    seeds: seeds.map((seed) => seedEnd(frontier, seed, scope)),
    failedInScope,
    failed,
    cut: frontier.countRemarks(cut),
    nofollow: frontier.countRemarks(nofollow),
  };
}

function seedEnd(frontier: Frontier, seed: string, scope: CrawlScope): SeedEnd {
  let url = seed;
  for (let hops = 0; ; hops++) {
    const known = frontier.find(url);
    const leadsTo = known?.leadsTo ?? null;
    if (leadsTo !== null && !isInScope(leadsTo, scope))
      return { seed, url: leadsTo, state: 'outside', status: null, because: null };
    if (leadsTo !== null && leadsTo !== url && hops < mostRedirects) {
      url = leadsTo;
      continue;
    }
    return {
      seed,
      url,
      state: known?.state ?? 'queued',
      status: known?.status ?? null,
      because: known?.because ?? null,
    };
  }
}
