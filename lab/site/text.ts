/** The words of the lab's web site: the same page number always gives the same text, in both languages. */

export type Language = 'en' | 'fr';

const WORDS: Record<Language, readonly string[]> = {
  en: (
    'public health agency report vaccine measles surveillance hospital nurse clinic water safety nutrition ' +
    'guideline respiratory season province community prevention screening laboratory sample evidence review'
  ).split(' '),
  fr: (
    'santé publique agence rapport vaccin rougeole surveillance hôpital infirmière clinique eau sécurité ' +
    'alimentation lignes directrices saison province collectivité prévention dépistage laboratoire preuve'
  ).split(' '),
};

/** A small deterministic generator (mulberry32): numbers in [0, 1), the same for the same seed. */
export function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` words of running text for one page. */
export function paragraph(language: Language, seed: number, count: number): string {
  const next = numbersFrom(seed);
  const words = WORDS[language];
  const chosen = Array.from({ length: count }, () => words[Math.floor(next() * words.length)] ?? '');
  return `${chosen.join(' ')}.`;
}
