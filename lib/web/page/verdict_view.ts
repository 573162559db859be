import { formatSize } from "../../bytes/text.ts";
import { parseFingerprint } from "../../crypto/sha256.ts";
import type { VerifyCheck } from "../../read/check_log.ts";
import { isTrusted, judgePackage, type Verdict } from "../../read/verdict.ts";
import {
  announce,
  button,
  type Child,
  disclosure,
  failure,
  fill,
  h,
} from "./dom.ts";
import type { Opened } from "./packages.ts";

/** More than this is fetched only when somebody wants it. */
const FETCH_UNASKED = 64 * 1024 * 1024;

/**
 * Verifies a package here, in this browser, and shows what came out. All of it
 * is read for that, which is asked first where it is much.
 */
export async function startVerdict(
  place: HTMLElement,
  opened: Opened,
  trustedKeys: readonly string[] | null,
): Promise<void> {
  const { source, isLocal } = opened;
  const size = formatSize(source.size);
  if (!isLocal && source.size > FETCH_UNASKED) {
    fill(
      place,
      h("p", { class: "word" }, "Not verified yet"),
      h("p", {}, `To verify it, this browser has to read all of its ${size}.`),
      button(`Verify ${size}`, () => verify(place, opened, trustedKeys)),
    );
    return;
  }
  await verify(place, opened, trustedKeys);
}

async function verify(
  place: HTMLElement,
  { name, source }: Opened,
  trustedKeys: readonly string[] | null,
): Promise<void> {
  const stop = new AbortController();
  const bar = h("progress", {
    max: String(source.size),
    "aria-label": "Verified",
  });
  const said = h("span", { class: "faint" });
  fill(
    place,
    h("p", { class: "word" }, "Verifying in this browser…"),
    h("p", {}, bar, said, button("Stop", () => stop.abort())),
  );
  let done = 0;
  try {
    const verdict = await judgePackage(name, source, {
      trustedKeys: trustedKeys ?? undefined,
      signal: stop.signal,
      onProgress(bytes): void {
        done += bytes;
        bar.value = done;
        fill(said, `${formatSize(done)} of ${formatSize(source.size)}`);
      },
    });
    fill(place, verdictOf(verdict));
    place.dataset["verdict"] = verdict.valid ? "good" : "bad";
    announce(wordOf(verdict));
  } catch (error) {
    const again = button(
      "Verify",
      () => verify(place, { name, source, isLocal: false }, trustedKeys),
    );
    fill(
      place,
      stop.signal.aborted
        ? h("p", { class: "word" }, "Not verified: stopped")
        : failure(error),
      h("p", {}, again),
    );
  }
}

function wordOf(verdict: Verdict): string {
  if (!verdict.valid) return "Do not run this";
  return isTrusted(verdict) === true
    ? "Verified, and signed by a trusted key"
    : "Verified: nothing was changed since it was signed";
}

function verdictOf(verdict: Verdict): Child {
  const { valid, checks } = verdict;
  const failed = checks.filter(({ status }) => status === "fail");
  const isUnsealed = checks.some(({ id, status }) =>
    id === "seal" && status === "warn"
  );
  return [
    h("p", { class: `word ${valid ? "good" : "bad"}` }, wordOf(verdict)),
    h(
      "div",
      {},
      failed.map(({ detail, hint }) =>
        h(
          "p",
          {},
          `${detail}.`,
          hint === undefined ? undefined : ` ${hint}.`,
        )
      ),
      valid && isUnsealed
        ? h(
          "p",
          { class: "warning" },
          "It carries no seal, so its launcher and its slot table are signed by nobody.",
        )
        : undefined,
    ),
    h("div", { class: "signer" }, signerOf(verdict)),
    disclosure(
      countOf(checks),
      () => checkList(checks),
      { class: "checks" },
    ),
  ];
}

/** Who signed it, and a place to compare that with what is known from elsewhere. */
function signerOf(verdict: Verdict): Child {
  const { valid, signer } = verdict;
  if (signer === undefined) return undefined;
  const key = h("code", { class: "key" }, signer);
  if (!valid) return h("p", {}, "It says that it was signed by ", key);
  const by = h("p", {}, "Signed by ", key);
  if (isTrusted(verdict) === true) {
    return [by, h("p", {}, "This service was started to trust that key.")];
  }
  const answer = h("span", { role: "status" });
  const input = h("input", {
    type: "text",
    spellcheck: "false",
    autocomplete: "off",
    placeholder: "fingerprint from the publisher",
    "aria-label": "Fingerprint that the publisher names elsewhere",
  });
  input.addEventListener("input", () => {
    const given = parseFingerprint(input.value);
    const isSame = given === signer;
    answer.className = isSame ? "good" : "bad";
    fill(
      answer,
      input.value.trim() === ""
        ? undefined
        : given === undefined
        ? "not a fingerprint: those have 64 hexadecimal digits"
        : isSame
        ? "the same key"
        : "another key",
    );
  });
  return [
    by,
    h(
      "p",
      {},
      "Anybody can make a key. Compare it with what the publisher says elsewhere: ",
      input,
      " ",
      answer,
    ),
  ];
}

const WORDS = {
  pass: ["passed", "good"],
  fail: ["failed", "bad"],
  warn: ["warning", "warning"],
  skip: ["not checked", "faint"],
} as const;

function countOf(checks: readonly VerifyCheck[]): string {
  const counts = Object.entries(WORDS).flatMap(([status, [word]]) => {
    const count = checks.filter((check) => check.status === status).length;
    return count === 0 ? [] : [`${count} ${word}`];
  });
  return `Every check: ${counts.join(", ")}`;
}

function checkList(checks: readonly VerifyCheck[]): HTMLElement {
  return h(
    "ul",
    { class: "list" },
    checks.map(({ id, status, code, detail, hint }) => {
      const [word, tone] = WORDS[status];
      return h(
        "li",
        {},
        h("span", { class: `status ${tone}` }, word),
        h(
          "span",
          {},
          detail,
          hint === undefined ? undefined : h("small", {}, hint),
          h(
            "small",
            { class: "faint" },
            code === undefined ? id : `${id}: ${code}`,
          ),
        ),
      );
    }),
  );
}
