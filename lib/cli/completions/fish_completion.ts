import {
  completionCommands,
  type CompletionFlag,
  type CompletionValue,
  firstWords,
  globalFlags,
  groups,
  restPlaces,
  secondWords,
  valueFlags,
} from "./completion_model.ts";

/** The completion script for fish. */
export function fishCompletion(): string {
  const lines = [
    ...[...firstWords()].map(([word, help]) => offerWord("", word, help)),
    ...globalFlags().map((flag) => offerFlag("", flag)),
    ...groups().flatMap((group) =>
      [...secondWords(group)].map(([word, help]) =>
        offerWord(group, word, help)
      )
    ),
    ...completionCommands().flatMap(({ name, flags, operands, more }) => [
      ...flags.map((flag) => offerFlag(name, flag)),
      ...operands.flatMap((value, index) =>
        // One condition serves all places where the same is offered.
        value === more ? [] : offerOperand(name, String(index), value)
      ),
      ...(more === undefined ? [] : offerOperand(name, "*", more)),
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
        else if string match -q -- '-?*' $word
            continue
        else if test -z "$command"; or contains -- "$command" ${
    [...groups(), "help"].join(" ")
  }
            set command (string trim -- "$command $word")
        else
            set operands (math $operands + 1)
            if contains -- "$command $operands" ${
    restPlaces().map(quote).join(" ")
  }
                echo arguments:0
                return
            end
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
  }${argument} -d ${quote(help)}`;
}

function offerOperand(
  command: string,
  index: string,
  value: CompletionValue,
): readonly string[] {
  return value.kind === "text" ? [] : [
    `complete -c flavor -n ${condition(command, index)} ${offers(value)}`,
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

function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
