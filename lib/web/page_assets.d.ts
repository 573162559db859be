/** The script of the page, one module. */
export const SCRIPT: string;
/** Its style. */
export const STYLE: string;
