/** A job that a campaign still lacks. */
export interface CampaignJob {
  readonly source: string;
  readonly name: string;
  /** Relative to the jobs root. */
  readonly outputDir: string;
  readonly year: number;
}

/**
 * The annual jobs that are missing: one for each source and year. A campaign that is scheduled already needs none, so
 * applying the plan and planning again gives an empty plan.
 */
export function planAnnualCampaign(
  sources: readonly { readonly code: string }[],
  scheduled: readonly { readonly source: string; readonly campaignYear: number | null }[],
  year: number,
): CampaignJob[] {
  const done = new Set(scheduled.filter((job) => job.campaignYear === year).map((job) => job.source));
  return sources
    .filter((source) => !done.has(source.code))
    .map((source) => {
      const name = `${source.code}-${year}`;
      return { source: source.code, name, outputDir: `${source.code}/${name}`, year };
    });
}
