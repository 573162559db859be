import {
  type CompletionCommand,
  completionCommands,
  type CompletionValue,
  firstWords,
  globalFlags,
  groups,
  restPlaces,
  secondWords,
  valueFlags,
} from "./completion_model.ts";

/**
 * The completion script for bash. It needs nothing but bash 3.2: no
 * `bash-completion`, and no call of this program for each key press.
 */
export function bashCompletion(): string {
  return `# Completion of flavor for bash. Load it with:
#   source <(flavor completions bash)

# _flavor_words WORDS: offers those that begin with what was typed.
_flavor_words() {
  COMPREPLY=($(compgen -W "$1" -- "$cur"))
}

# _flavor_paths OPTION: offers files (-f) or directories (-d).
_flavor_paths() {
  local path
  compopt -o filenames 2>/dev/null
  while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$1" -- "$cur")
}

# _flavor_takes_value FLAG: whether the next word is the value of the flag.
_flavor_takes_value() {
  case $1 in
    ${valueFlags().join(" | ")}) return 0 ;;
  esac
  return 1
}

# _flavor_value COMMAND FLAG: offers values of a flag.
_flavor_value() {
  case "$1 $2" in
${valueCases().join("\n")}
  esac
}

_flavor() {
  local cur=\${COMP_WORDS[COMP_CWORD]} previous='' flag='' command='' operands=0 at word
  COMPREPLY=()
  # bash makes three words of --flag=value.
  previous=\${COMP_WORDS[COMP_CWORD - 1]}
  if [[ $cur == = ]]; then
    flag=$previous cur=''
  elif [[ $previous == = && $COMP_CWORD -ge 2 ]]; then
    flag=\${COMP_WORDS[COMP_CWORD - 2]}
  elif _flavor_takes_value "$previous"; then
    flag=$previous
  fi
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    if [[ $word == -- ]]; then
      _flavor_paths -f
      return
    elif _flavor_takes_value "$word"; then
      if [[ \${COMP_WORDS[at + 1]} == = ]]; then at=$((at + 2)); else at=$((at + 1)); fi
    elif [[ $word == -?* || $word == = ]]; then
      continue
    else
      case $command in
        '' | ${
    [...groups(), "help"].join(" | ")
  }) command="\${command:+$command }$word" ;;
        *) operands=$((operands + 1)) ;;
      esac
      case "$command $operands" in
        # What follows belongs to the application.
        ${restPlaces().map((place) => `'${place}'`).join(" | ")})
          _flavor_paths -f
          return
          ;;
      esac
    fi
  done
  command=\${command#help }
  if [[ -n $flag ]]; then
    _flavor_value "$command" "$flag"
    return
  fi
  case "$command" in
    '' | help)
      if [[ $cur == -* ]]; then
        _flavor_words '${globalFlags().flatMap(({ names }) => names).join(" ")}'
      else
        _flavor_words '${[...firstWords().keys()].join(" ")}'
      fi
      ;;
${
    groups().map((group) =>
      `    ${group}) _flavor_words '${
        [...secondWords(group).keys()].join(" ")
      }' ;;`
    ).join("\n")
  }
${completionCommands().map(commandCase).join("\n")}
  esac
}

complete -F _flavor flavor
`;
}

function commandCase(
  { name, flags, operands, more }: CompletionCommand,
): string {
  const names = flags.flatMap((flag) => flag.names).join(" ");
  const cases = [
    ...operands.map((operand, index) => [String(index), operand] as const),
    ...(more === undefined ? [] : [["*", more] as const]),
  ].map(([index, operand]) => `          ${index}) ${offer(operand)} ;;`);
  return [
    `    '${name}')`,
    `      if [[ $cur == -* ]]; then`,
    `        _flavor_words '${names}'`,
    ...(cases.length === 0
      ? []
      : [`      else`, `        case $operands in`, ...cases, `        esac`]),
    `      fi`,
    `      ;;`,
  ].join("\n");
}

function offer(value: CompletionValue): string {
  switch (value.kind) {
    case "file":
      return "_flavor_paths -f";
    case "directory":
      return "_flavor_paths -d";
    case "words":
      return `_flavor_words '${value.words.join(" ")}'`;
    case "text":
      return ":";
  }
}

/** The same flag can take something else in another command. */
function valueCases(): readonly string[] {
  const cases = new Set<string>();
  const global = new Set(globalFlags().map(({ names }) => names[0]));
  for (const { name, flags } of completionCommands()) {
    for (const { names, value } of flags) {
      if (value === undefined) continue;
      const pattern = names.map((flag) =>
        global.has(names[0]) ? `*' ${flag}'` : `'${name} ${flag}'`
      ).join(" | ");
      cases.add(`    ${pattern}) ${offer(value)} ;;`);
    }
  }
  return [...cases];
}
