# Prints what zsh offers when Tab is pressed behind a command line.
#
#   zsh -f complete_in_zsh.zsh SCRIPT LINE
#
# Completion works only in an interactive shell, so there is one in a terminal
# of its own. Words are split below, lest its echo looks like an answer.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT=; autoload -Uz compinit; compinit -D -u; source ${(q)1}"
zpty -w shell 'bindkey "^I" complete-word; zstyle ":completion:*" completer _complete
compadd() {
  local -a offers
  builtin compadd -A offers "$@"
  for offer in $offers; do print -r -- "OFF""ER $IPREFIX$offer"; done
  builtin compadd "$@"
}
finish() { print "FINI""SHED"; exit }
comppostfuncs=(finish)
print "REA""DY"'
zpty -r shell drawn '*READY*'
zpty -w -n shell "$2"$'\t'
zpty -r shell drawn '*FINISHED*'
print -r -- "$drawn" | tr -d '\r' | sed -n 's/^.*OFFER //p'
