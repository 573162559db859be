//! What has to be known to extract a slot.

use pspf_format::frames::Frame;
use pspf_format::{OperationChain, Section};

use super::MemberPath;
use crate::codec::OutputLimit;

/// What happens to files that are there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Existing {
    /// They make way for a file that is written in their place.
    #[default]
    Replace,
    /// They make way for a file that is whole: programs may be using them.
    Swap,
    /// They stay as they are: they are the user's by now.
    Keep,
}

/// What has to be known to extract a slot.
#[derive(Clone, Debug)]
pub(crate) struct Extraction {
    /// Number of the slot, for messages.
    pub(crate) slot: usize,
    /// Name of the slot, for messages.
    pub(crate) id: String,
    /// Where the stored bytes lie.
    pub(crate) stored: Section,
    /// What was done to the content.
    pub(crate) chain: OperationChain,
    /// Where the stored bytes can be cut; empty where nothing says so.
    pub(crate) frames: Vec<Frame>,
    /// How large the content may be.
    pub(crate) limit: OutputLimit,
    /// SHA-256 of the stored bytes, from the signed metadata.
    pub(crate) sha256: Option<[u8; 32]>,
    /// First eight bytes of that digest, from the slot table.
    pub(crate) short_digest: Option<u64>,
    /// Where the content goes: the file itself, or for an archive the directory.
    pub(crate) target: MemberPath,
    /// Mode of a single file.
    pub(crate) mode: u32,
    /// What happens to files that are there already.
    pub(crate) existing: Existing,
}

impl Extraction {
    /// The slot as messages name it.
    pub(crate) fn name(&self) -> String {
        format!("{} ({})", self.slot, self.id)
    }
}
