import { tokenize, tokenTypes } from 'css-tree/tokenizer';
import { ident, string, url as cssUrl } from 'css-tree/utils';
import { crawlUrl } from '../../core/crawler/crawl-url.ts';
import { LinkSet, type Link } from '../../core/crawler/links.ts';

/**
 * What a style sheet loads: url(), @import with a string, and the strings in image-set(). By its tokens, since those are there
 * however broken the rules around them are. All of it is requisite.
 */
export function linksOfCss(text: string, base: string): Link[] {
  const links = new LinkSet();
  for (const reference of referencesOfCss(text)) links.add(crawlUrl(reference, base), 'requisite');
  return links.links;
}

/** As they stand there, with escapes resolved. */
export function referencesOfCss(text: string): string[] {
  const references: string[] = [];
  /** Names of the functions and at-rules that a token is in, the innermost last; `url` for url("…"), where it is a token of its own. */
  const inside: string[] = [];
  let isAfterImport = false;
  tokenize(text, (type: number, start: number, end: number) => {
    const token = text.slice(start, end);
    switch (type) {
      case tokenTypes.WhiteSpace:
      case tokenTypes.Comment:
        return;
      case tokenTypes.Url:
        references.push(cssUrl.decode(token));
        break;
      case tokenTypes.AtKeyword:
        isAfterImport = ident.decode(token.slice(1)).toLowerCase() === 'import';
        return;
      case tokenTypes.Function:
        inside.push(ident.decode(token.slice(0, -1)).toLowerCase());
        break;
      case tokenTypes.LeftParenthesis:
        inside.push('');
        break;
      case tokenTypes.RightParenthesis:
        inside.pop();
        break;
      case tokenTypes.String:
        if (isAfterImport || isImageFunction(inside.at(-1))) references.push(string.decode(token));
        break;
    }
    isAfterImport = false;
  });
  return references.filter((reference) => reference !== '');
}

function isImageFunction(name: string | undefined): boolean {
  return name !== undefined && /^(url|src|image|(-webkit-)?image-set)$/.test(name);
}
