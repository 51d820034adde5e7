// Parts of css-tree by themselves: the whole of it reads the syntax of all of CSS from files, which a bundle has not.
declare module 'css-tree/tokenizer' {
  export { tokenize, tokenTypes } from 'css-tree';
}
declare module 'css-tree/utils' {
  export { ident, string, url } from 'css-tree';
}
