import {
  type CompletionCommand,
  completionCommands,
  type CompletionFlag,
  type CompletionValue,
  firstWords,
  globalFlags,
  groups,
  secondWords,
} from "./completion_model.ts";

/**
 * The completion script for zsh: a function for `fpath`, which can be sourced
 * as well.
 */
export function zshCompletion(): string {
  const words = firstWords();
  const calls = [...words.keys()].filter((word) => word !== "help");
  return `#compdef flavor
# Completion of flavor for zsh. Put it into a directory of $fpath as _flavor, or
# load it with:
#   source <(flavor completions zsh)

${completionCommands().map(commandFunction).join("\n\n")}

${groups().map(groupFunction).join("\n\n")}

${
    choose("_flavor", words, globalFlags().map(flagSpec), [
      ...calls.map((word) => [word, functionName(word)] as const),
      // Behind help come the words that could stand in its place.
      ["help", "_flavor"],
    ])
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
  const { name, flags, operands, more, hasRest } = command;
  const specs = [
    ...flags.map(flagSpec),
    ...operands.map((value, index) =>
      quote(`${index + 1}:${value.name}:${action(value)}`)
    ),
    ...(more === undefined ? [] : [quote(`*:${more.name}:${action(more)}`)]),
  ];
  const ends = hasRest ? "-A '-*' " : "";
  return `${functionName(name)}() {
  _arguments -S ${ends}${specs.map((spec) => `\\\n    ${spec}`).join(" ")}
}`;
}

function groupFunction(group: string): string {
  const words = secondWords(group);
  return choose(
    functionName(group),
    words,
    [],
    [...words.keys()].map((word) => [word, functionName(`${group} ${word}`)]),
  );
}

/** A function that offers words, and behind one of them calls another function. */
function choose(
  name: string,
  words: ReadonlyMap<string, string>,
  specs: readonly string[],
  calls: readonly (readonly [word: string, call: string])[],
): string {
  const items = [...words].map(([word, help]) =>
    quote(`${word.replaceAll(":", "\\:")}:${help}`)
  );
  return `${name}() {
  local curcontext="$curcontext" state line ret=1
  typeset -A opt_args
  _arguments -C \\
${specs.map((spec) => `    ${spec} \\\n`).join("")}    '1: :->word' \\
    '*:: :->rest' && ret=0
  case $state in
    word)
      local -a commands
      commands=(
${items.map((item) => `        ${item}`).join("\n")}
      )
      _describe -t commands command commands && ret=0
      ;;
    rest)
      case \${words[1]} in
${
    calls.map(([word, call]) => `        ${word}) ${call} && ret=0 ;;`)
      .join("\n")
  }
      esac
      ;;
  esac
  return ret
}`;
}

function flagSpec({ names, help, value, isList }: CompletionFlag): string {
  const text = `[${help.replaceAll(/[\\[\]]/g, "\\$&")}]`;
  const argument = value === undefined ? "" : `:${value.name}:${action(value)}`;
  const spelled = names.map((name) => {
    if (value === undefined) return name;
    return name.startsWith("--") ? `${name}=` : `${name}+`;
  });
  // What can be given several times is not taken from the offers.
  const excluded = isList
    ? "*"
    : names.length > 1
    ? `(${names.join(" ")})`
    : "";
  const tail = quote(`${text}${argument}`);
  return spelled.length === 1
    ? quote(`${excluded}${spelled[0]}${text}${argument}`)
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
