import {
  type CompletionCommand,
  completionCommands,
  type CompletionFlag,
  type CompletionValue,
  firstWords,
  globalFlags,
  secondWords,
} from "./completion_model.ts";

/**
 * The completion script for zsh: a function for `fpath`, which can be sourced
 * as well.
 *
 * @returns The script.
 */
export function zshCompletion(): string {
  const words = firstWords();
  return `#compdef flavor
# Completion of flavor for zsh. Put it into a directory of $fpath as _flavor, or
# load it with:
#   source <(flavor completions zsh)

${completionCommands().map(commandFunction).join("\n\n")}

${
    [...words.keys()].filter((word) => secondWords(word).size > 0)
      .map(groupFunction).join("\n\n")
  }

_flavor() {
  local curcontext="$curcontext" state line ret=1
  typeset -A opt_args
  _arguments -C \\
${globalFlags().map((flag) => `    ${flagSpec(flag)} \\`).join("\n")}
    '1: :->word' \\
    '*:: :->rest' && ret=0
  case $state in
    word)
${describe(words, "      ")}
      ;;
    rest)
      case \${words[1]} in
${
    [...words.keys()].filter((word) => word !== "help").map((word) =>
      `        ${word}) ${functionName(word)} && ret=0 ;;`
    ).join("\n")
  }
        # Behind help come the words that could stand in its place.
        help) _flavor && ret=0 ;;
      esac
      ;;
  esac
  return ret
}

if [ "\${funcstack[1]}" = "_flavor" ]; then
  _flavor "$@"
else
  compdef _flavor flavor
fi
`;
}

function functionName(command: string): string {
  return `_flavor_${command.replaceAll(/[ -]/g, "_")}`;
}

function commandFunction(command: CompletionCommand): string {
  const { name, flags, operands } = command;
  const specs = [
    ...flags.map(flagSpec),
    ...operands.map((value, index) =>
      quote(`${index + 1}:${value.name}:${action(value)}`)
    ),
    ...(name === "run" ? [quote("*:ARGS:_files")] : []),
  ];
  return `${functionName(name)}() {
  _arguments -S ${specs.map((spec) => `\\\n    ${spec}`).join(" ")}
}`;
}

function groupFunction(group: string): string {
  const words = secondWords(group);
  return `${functionName(group)}() {
  local curcontext="$curcontext" state line ret=1
  typeset -A opt_args
  _arguments -C \\
    '1: :->word' \\
    '*:: :->rest' && ret=0
  case $state in
    word)
${describe(words, "      ")}
      ;;
    rest)
      case \${words[1]} in
${
    [...words.keys()].map((word) =>
      `        ${word}) ${functionName(`${group} ${word}`)} && ret=0 ;;`
    ).join("\n")
  }
      esac
      ;;
  esac
  return ret
}`;
}

function describe(words: ReadonlyMap<string, string>, indent: string): string {
  const items = [...words].map(([word, help]) =>
    `${indent}  ${quote(`${word.replaceAll(":", "\\:")}:${help}`)}`
  );
  return `${indent}local -a commands
${indent}commands=(
${items.join("\n")}
${indent})
${indent}_describe -t commands command commands && ret=0`;
}

function flagSpec({ names, help, value }: CompletionFlag): string {
  const text = `[${help.replaceAll(/[\\[\]]/g, "\\$&")}]`;
  const argument = value === undefined ? "" : `:${value.name}:${action(value)}`;
  const spelled = names.map((name) => {
    if (value === undefined) return name;
    return name.startsWith("--") ? `${name}=` : `${name}+`;
  });
  // What can be given several times is not taken from the offers.
  const isList = value?.name === "KEY";
  const excluded = isList
    ? "*"
    : names.length > 1
    ? `(${names.join(" ")})`
    : "";
  const tail = quote(`${text}${argument}`);
  return spelled.length === 1
    ? `${quote(`${excluded}${spelled[0]}${text}${argument}`)}`
    : `${quote(excluded)}{${spelled.join(",")}}${tail}`;
}

function action(value: CompletionValue): string {
  switch (value.kind) {
    case "file":
      return "_files";
    case "directory":
      return "_files -/";
    case "words":
      return `(${value.words.join(" ")})`;
    case "text":
      return " ";
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
