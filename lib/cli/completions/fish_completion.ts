import {
  completionCommands,
  type CompletionFlag,
  type CompletionValue,
  firstWords,
  globalFlags,
  secondWords,
} from "./completion_model.ts";

/**
 * The completion script for fish.
 *
 * @returns The script.
 */
export function fishCompletion(): string {
  const words = firstWords();
  const groups = [...words.keys()].filter((word) => secondWords(word).size > 0);
  const lines = [
    ...[...words].map(([word, help]) => offerWord("", word, help)),
    ...globalFlags().map((flag) => offerFlag("", flag)),
    ...groups.flatMap((group) =>
      [...secondWords(group)].map(([word, help]) =>
        offerWord(group, word, help)
      )
    ),
    ...completionCommands().flatMap(({ name, flags, operands }) => [
      ...flags.map((flag) => offerFlag(name, flag)),
      ...operands.flatMap((value, index) => offerOperand(name, index, value)),
    ]),
  ];
  return `# Completion of flavor for fish. Put it into
# ~/.config/fish/completions/flavor.fish, or load it with:
#   flavor completions fish | source

# The command that was typed so far, and how many operands it has.
function __flavor_state
    set -l command
    set -l operands 0
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip -eq 1
            set skip 0
        else if test "$word" = --
            # What follows belongs to the application.
            echo arguments:0
            return
        else if contains -- $word ${valueFlags().join(" ")}
            set skip 1
        else if string match -q -- '-*' $word
            continue
        else if test -z "$command"; or contains -- "$command" ${
    [...groups, "help"].join(" ")
  }
            set command (string trim -- "$command $word")
        else
            set operands (math $operands + 1)
        end
    end
    echo (string replace -r '^help( |\$)' '' -- "$command"):$operands
end

function __flavor_at
    string match -q -- "$argv[1]:$argv[2]" (__flavor_state)
end

complete -c flavor -f
complete -c flavor -n '__flavor_at arguments 0' -F
${lines.join("\n")}
`;
}

function offerWord(command: string, word: string, help: string): string {
  return `complete -c flavor -n ${condition(command, "0")} -a ${
    quote(word)
  } -d ${quote(help)}`;
}

function offerFlag(
  command: string,
  { names, help, value }: CompletionFlag,
): string {
  const spelled = names.map((name) =>
    name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`
  );
  const argument = value === undefined ? "" : ` -r ${offers(value)}`;
  return `complete -c flavor -n ${condition(command, "*")} ${
    spelled.join(" ")
  }${argument.trimEnd()} -d ${quote(help)}`;
}

function offerOperand(
  command: string,
  index: number,
  value: CompletionValue,
): readonly string[] {
  const offered = offers(value);
  return offered === "-f" ? [] : [
    `complete -c flavor -n ${condition(command, String(index))} ${offered}`,
  ];
}

function condition(command: string, operands: string): string {
  return quote(`__flavor_at '${command}' '${operands}'`);
}

function offers(value: CompletionValue): string {
  switch (value.kind) {
    case "file":
      return "-F";
    case "directory":
      return "-a '(__fish_complete_directories)'";
    case "words":
      return `-f -a ${quote(value.words.join(" "))}`;
    case "text":
      return "-f";
  }
}

function valueFlags(): readonly string[] {
  const names = completionCommands().flatMap(({ flags }) =>
    flags.flatMap((flag) => flag.value === undefined ? [] : flag.names)
  );
  return [...new Set(names)];
}

function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
