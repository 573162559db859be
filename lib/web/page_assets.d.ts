/** The modules of the page by file name; `main.js` is the first. */
export const SCRIPTS: Readonly<Record<string, string>>;
/** Its style. */
export const STYLE: string;
