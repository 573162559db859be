import {
  ERROR_CODES,
  isPspfError,
  type JsonValue,
  PspfError,
} from "../errors.ts";

/** What is said in words of our own about an error. */
export interface Problem {
  /** The code as a URI. */
  readonly type: string;
  /** What the code means. */
  readonly title: string;
  /** The status of the answer. */
  readonly status: number;
  /** What happened. */
  readonly detail: string;
  /** The code. */
  readonly code: string;
  /** What to do about it. */
  readonly hint?: string;
  /** The facts. */
  readonly context?: JsonValue;
}

/**
 * Describes an error as a problem document (RFC 9457). What nobody expected is
 * not explained to strangers.
 */
export function problemOf(error: unknown): Problem {
  const known = isPspfError(error)
    ? error
    : new PspfError("internal/bug", "Something went wrong in the service");
  const { code, message, hint, context } = known;
  const { title, http } = ERROR_CODES[code];
  return {
    type: `urn:flavor:error:${code}`,
    title,
    status: http,
    detail: message,
    code,
    ...(hint && { hint }),
    ...(Object.keys(context).length > 0 && { context }),
  };
}

/** The answer that carries a problem. */
export function problemResponse(
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...headers,
    },
  });
}
