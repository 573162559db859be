//! `help`.

use pspf_format::Result;

use super::Words;
use crate::json::JsonObject;

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

--json makes all but run answer with one JSON object.
";

/// Shows what there is.
pub(super) fn help(words: &Words) -> Result<u8> {
    words.answer(
        || JsonObject::new().text("help", TEXT).finish(),
        || TEXT.to_owned(),
    )?;
    Ok(0)
}
