/** A file that `flavor init` writes. */
export interface TemplateFile {
  /** Where it goes. */
  readonly path: string;
  /** What is in it. */
  readonly text: string;
  /** Its permission bits. */
  readonly mode: number;
}

const PACKAGE = `# What "flavor pack" reads. Every key: docs/manifest.md

[package]
name = "hello"
version = "0.1.0"
description = "Says hello"
`;

const SCRIPT = `#!/bin/sh
echo "Hello from \${FLAVOR_PACKAGE:-hello} \${FLAVOR_VERSION:-}, arguments: $*"
`;

const DIRECTORY_SCRIPT = `#!/bin/sh
cat "$FLAVOR_WORKENV/app/greeting.txt"
echo "arguments: $*"
`;

/** The templates of `flavor init`, by name. */
export const TEMPLATES: Readonly<
  Record<"script" | "directory", readonly TemplateFile[]>
> = {
  script: [
    {
      path: "flavor.toml",
      mode: 0o644,
      text: `${PACKAGE}
[execution]
# {workenv} is the directory that the package is extracted into.
command = "{workenv}/bin/hello"

# One program. Its mode is kept, so it has to be executable.
[[slots]]
id = "program"
source = "hello.sh"
target = "bin/hello"
purpose = "code"
`,
    },
    { path: "hello.sh", mode: 0o755, text: SCRIPT },
  ],
  directory: [
    {
      path: "flavor.toml",
      mode: 0o644,
      text: `${PACKAGE}
[execution]
# {workenv} is the directory that the package is extracted into.
command = "{workenv}/app/run.sh"

# A whole directory, packed as one archive.
[[slots]]
id = "app"
source = "app"
target = "app"
purpose = "code"
exclude = ["*.tmp", ".git/"]
`,
    },
    { path: "app/run.sh", mode: 0o755, text: DIRECTORY_SCRIPT },
    { path: "app/greeting.txt", mode: 0o644, text: "Hello from a directory\n" },
  ],
};
