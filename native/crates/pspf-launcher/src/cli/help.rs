//! `help`.

use pspf_format::Result;

use crate::report;

const TEXT: &str = "\
Words for the launcher of this package (FLAVOR_LAUNCHER_CLI=1 PACKAGE WORD):

  info                  what the package is (the default)
  verify [--cache]      check every signature and digest; with --cache the unpacked files as well
  metadata              the signed metadata document, exactly as stored
  extract SLOT DIR      unpack one slot, by number or id
  run [ARGUMENTS]       start the program
  cache path            where the unpacked files are
  cache size            how much space they take, in bytes
  cache remove          remove them
  trace                 start the program's preparation and show what took how long
  help                  this text

--json makes info, verify, extract, cache and trace answer with one JSON object.
";

/// Shows what there is.
pub(super) fn help() -> Result<u8> {
    report::output(TEXT).map(|()| 0)
}
