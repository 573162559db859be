/** Keeps `lib/` free of the host: see ARCHITECTURE.md, invariants; and paths whole. */

const HOST_REGEXP = /[/\\]lib[/\\]host[/\\]/;
const HOST_MODULE_REGEXP =
  /^(node:)?(child_process|cluster|dgram|dns|fs|http|http2|https|net|os|process|tls|worker_threads)(\/|$)/;
const FUNCTION_REGEXP = /Function|MethodDefinition|PropertyDefinition/;
/** Output goes through what the caller passed in, so `console` counts. */
const HOST_OBJECTS: ReadonlySet<string> = new Set(["Deno", "console"]);
const IMPURE: ReadonlySet<string> = new Set(["Date.now", "Math.random"]);

/** Everything in `lib/` but the host, which is where such things belong. */
function applies(filename: string): boolean {
  return /[/\\]lib[/\\]/.test(filename) && !HOST_REGEXP.test(filename);
}

const plugin: Deno.lint.Plugin = {
  name: "flavor",
  rules: {
    "no-host-in-lib": {
      create(context): Deno.lint.LintVisitor {
        if (!applies(context.filename)) return {};
        const report = (node: Deno.lint.Node, what: string): void =>
          context.report({
            node,
            message: `${what} is only allowed in lib/host`,
            hint: "Take it from an interface or from the options",
          });
        const reportModule = (node: Deno.lint.Node, name: string): void => {
          if (HOST_MODULE_REGEXP.test(name)) report(node, name);
        };
        return {
          MemberExpression(node): void {
            if (node.object.type !== "Identifier") return;
            const property = node.property.type === "Identifier"
              ? node.property.name
              : "";
            const name = `${node.object.name}.${property}`;
            if (
              HOST_OBJECTS.has(node.object.name) ||
              name === "globalThis.Deno" || IMPURE.has(name)
            ) {
              report(node, name);
            }
          },
          NewExpression(node): void {
            const { callee } = node;
            if (callee.type !== "Identifier" || callee.name !== "Date") return;
            if (node.arguments.length === 0) report(node, "The current time");
          },
          ImportDeclaration(node): void {
            reportModule(node, node.source.value);
          },
          ExportAllDeclaration(node): void {
            reportModule(node, node.source.value);
          },
          ExportNamedDeclaration(node): void {
            if (node.source !== null) reportModule(node, node.source.value);
          },
          ImportExpression(node): void {
            const { source } = node;
            if (source.type !== "Literal" || typeof source.value !== "string") {
              return;
            }
            if (HOST_MODULE_REGEXP.test(source.value)) {
              report(node, source.value);
            }
          },
        };
      },
    },
    "no-top-level-await-in-lib": {
      create(context): Deno.lint.LintVisitor {
        if (!applies(context.filename)) return {};
        const check = (node: Deno.lint.Node): void => {
          const ancestors = context.sourceCode.getAncestors(node);
          if (
            ancestors.some((ancestor) => FUNCTION_REGEXP.test(ancestor.type))
          ) return;
          context.report({
            node,
            message: "Top-level await makes importing a module of lib/ do work",
            hint: "Move it into an async function",
          });
        };
        return {
          AwaitExpression: check,
          ForOfStatement(node): void {
            if (node.await) check(node);
          },
        };
      },
    },
    // A checkout in "/a b" would be looked for in "/a%20b".
    "no-pathname-of-new-url": {
      create(context): Deno.lint.LintVisitor {
        return {
          MemberExpression(node): void {
            const { object, property } = node;
            if (
              object.type !== "NewExpression" ||
              object.callee.type !== "Identifier" ||
              object.callee.name !== "URL" ||
              property.type !== "Identifier" || property.name !== "pathname"
            ) return;
            context.report({
              node,
              message: "The pathname of a file URL is percent-encoded",
              hint: "Use fileURLToPath()",
            });
          },
        };
      },
    },
  },
};

export default plugin;
