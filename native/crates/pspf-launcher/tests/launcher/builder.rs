//! Packages for tests, made with the same encoders that the format crate is tested with.

use ed25519_dalek::{Signer, SigningKey};
use pspf_format::constants::TRAILER_SIZE;
use pspf_format::frames::FRAME_DIGEST_SIZE;
use pspf_format::hex::Hex;
use pspf_format::index::IndexHints;
use pspf_format::metadata::Lifecycle;
use pspf_format::write::{encode_base64, encode_trailer, layout::Layout};
use pspf_format::{Index, OperationChain, Seal, Section, SlotDescriptor, seal, slot::h8};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The launcher under test.
pub(crate) const LAUNCHER: &str = env!("CARGO_BIN_EXE_pspf-launcher");

/// A slot for [`PackageBuilder`].
#[derive(Clone)]
pub(crate) struct Slot {
    pub(crate) id: String,
    pub(crate) target: String,
    pub(crate) operations: String,
    pub(crate) stored: Vec<u8>,
    pub(crate) original_size: u64,
    pub(crate) lifecycle: String,
    pub(crate) mode: u16,
    pub(crate) platform: u8,
    /// Lengths of its frames, stored and decoded, where it has a table.
    pub(crate) frames: Vec<(usize, usize)>,
    /// Spoils the digest of this frame.
    pub(crate) spoiled_frame: Option<usize>,
}

impl Slot {
    /// A file, stored as it is.
    pub(crate) fn file(target: &str, content: impl AsRef<[u8]>) -> Self {
        Self {
            id: target.to_owned(),
            target: format!("{{workenv}}/{target}"),
            operations: "raw".to_owned(),
            stored: content.as_ref().to_vec(),
            original_size: content.as_ref().len() as u64,
            lifecycle: "runtime".to_owned(),
            mode: 0o755,
            platform: 0,
            frames: Vec::new(),
            spoiled_frame: None,
        }
    }

    /// A tar archive, stored as it is.
    pub(crate) fn tar(id: &str, archive: Vec<u8>) -> Self {
        let mut slot = Self::file(id, archive);
        "tar".clone_into(&mut slot.operations);
        "{workenv}".clone_into(&mut slot.target);
        slot
    }

    pub(crate) fn lifecycle(mut self, lifecycle: &str) -> Self {
        lifecycle.clone_into(&mut self.lifecycle);
        self
    }

    pub(crate) fn mode(mut self, mode: u16) -> Self {
        self.mode = mode;
        self
    }

    pub(crate) fn platform(mut self, platform: u8) -> Self {
        self.platform = platform;
        self
    }

    /// Stores other bytes, after these operations.
    pub(crate) fn stored_as(mut self, operations: &str, stored: Vec<u8>) -> Self {
        operations.clone_into(&mut self.operations);
        self.stored = stored;
        self
    }

    /// Compresses the content with zstd.
    pub(crate) fn zstd(self) -> Self {
        let stored = zstd(&self.stored);
        let operations = if self.operations == "tar" {
            "tar.zst"
        } else {
            "zstd"
        };
        self.stored_as(operations, stored)
    }

    /// Compresses the content with zstd in frames of this much content, and writes the table of them.
    pub(crate) fn zstd_frames(mut self, unit: usize) -> Self {
        let mut stored = Vec::new();
        for part in self.stored.chunks(unit) {
            let frame = zstd(part);
            self.frames.push((frame.len(), part.len()));
            stored.extend(frame);
        }
        let operations = if self.operations == "tar" {
            "tar.zst"
        } else {
            "zstd"
        };
        self.stored_as(operations, stored)
    }

    /// Writes a table of frames of this length for content that is stored as it is.
    pub(crate) fn raw_frames(mut self, unit: usize) -> Self {
        let lengths = self.stored.chunks(unit).map(<[u8]>::len);
        self.frames = lengths.map(|length| (length, length)).collect();
        self
    }

    /// Compresses the content with gzip.
    pub(crate) fn gzip(self) -> Self {
        let stored = gzip(&self.stored);
        let operations = if self.operations == "tar" {
            "tar.gz"
        } else {
            "gzip"
        };
        self.stored_as(operations, stored)
    }
}

/// One zstd frame per 8 MiB, as the real builder writes them.
pub(crate) fn zstd(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let parts: Vec<&[u8]> = if data.is_empty() {
        vec![data]
    } else {
        data.chunks(8 << 20).collect()
    };
    for part in parts {
        let mut frame = Vec::with_capacity(zstd_safe::compress_bound(part.len()));
        zstd_safe::compress(&mut frame, part, 3).unwrap();
        out.extend(frame);
    }
    out
}

/// One gzip member.
pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0; data.len() + data.len() / 100 + 128];
    let mut deflate = zlib_rs::Deflate::new(6, true, 15 + 16);
    deflate
        .compress(data, &mut out, zlib_rs::DeflateFlush::Finish)
        .unwrap();
    out.truncate(usize::try_from(deflate.total_out()).unwrap());
    out
}

/// A package under construction.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a mistake of its own"
)]
pub(crate) struct PackageBuilder {
    pub(crate) slots: Vec<Slot>,
    pub(crate) metadata: Value,
    pub(crate) sealed: bool,
    pub(crate) key: [u8; 32],
    /// Signs another document than the one that is packed.
    pub(crate) break_signature: bool,
    /// Spoils the signature of the seal.
    pub(crate) break_seal: bool,
    /// Lays the package out as the existing builders do.
    pub(crate) old_layout: bool,
    /// Bytes in front of the trailer that belong to nothing.
    pub(crate) padding: Vec<u8>,
}

impl PackageBuilder {
    /// A sealed package that starts this command.
    pub(crate) fn new(command: &str) -> Self {
        Self {
            slots: Vec::new(),
            metadata: json!({
                "format": "PSPF/2025", "format_version": "1.0.0",
                "package": {"name": "demo", "version": "1.2.3"},
                "execution": {"primary_slot": 0, "command": command, "env": {}},
                "setup_commands": [],
            }),
            sealed: true,
            key: [7; 32],
            break_signature: false,
            break_seal: false,
            old_layout: false,
            padding: Vec::new(),
        }
    }

    /// A package with one shell script, which is its program.
    pub(crate) fn script(script: &str) -> Self {
        Self::new("{workenv}/bin/app").slot(Slot::file("bin/app", format!("#!/bin/sh\n{script}\n")))
    }

    pub(crate) fn slot(mut self, slot: Slot) -> Self {
        self.slots.push(slot);
        self
    }

    /// Sets a section of the metadata by JSON pointer parts.
    pub(crate) fn set(mut self, path: &[&str], value: Value) -> Self {
        let mut at = &mut self.metadata;
        for part in path {
            at = &mut at[*part];
        }
        *at = value;
        self
    }

    /// Another version of the same application.
    pub(crate) fn version(self, version: &str) -> Self {
        self.set(&["package", "version"], json!(version))
    }

    pub(crate) fn unsealed(mut self) -> Self {
        self.sealed = false;
        self
    }

    pub(crate) fn public_key(&self) -> [u8; 32] {
        SigningKey::from_bytes(&self.key).verifying_key().to_bytes()
    }

    /// Puts everything together, in front of it the launcher.
    pub(crate) fn build(self) -> Vec<u8> {
        let launcher = std::fs::read(LAUNCHER).unwrap();
        self.build_with(launcher)
    }

    fn build_with(mut self, launcher: Vec<u8>) -> Vec<u8> {
        let key = SigningKey::from_bytes(&self.key);
        self.metadata["slots"] = self
            .slots
            .iter()
            .enumerate()
            .map(|(n, slot)| describe(n, slot))
            .collect();
        let json = serde_json::to_vec_pretty(&self.metadata).unwrap();
        let metadata = gzip(&json);
        let launcher_digest: [u8; 32] = Sha256::digest(&launcher).into();
        let layout = self.lay_out(launcher.len(), metadata.len());
        let mut table = Vec::new();
        for (number, (slot, place)) in self.slots.iter().zip(&layout.slots).enumerate() {
            table.extend(descriptor(number, slot, place.offset).encode());
        }
        let mut file = launcher;
        let launcher_size = file.len() as u64;
        file.resize(usize::try_from(layout.trailer_offset).unwrap(), 0);
        file.extend_from_slice(&self.padding);
        let mut put = |section: Section, bytes: &[u8]| {
            let at = usize::try_from(section.offset).unwrap();
            file[at..at + bytes.len()].copy_from_slice(bytes);
        };
        put(layout.metadata, &metadata);
        put(layout.slot_table, &table);
        for (slot, place) in self.slots.iter().zip(&layout.slots) {
            put(*place, &slot.stored);
        }
        let index = Index {
            format_version: pspf_format::constants::FORMAT_VERSION,
            index_checksum: 0,
            package_size: layout.package_size,
            launcher_size,
            metadata: layout.metadata,
            slot_table: layout.slot_table,
            slot_count: u32::try_from(self.slots.len()).unwrap(),
            flags: 0,
            public_key: key.verifying_key().to_bytes(),
            metadata_checksum: Sha256::digest(&metadata).into(),
            signature: key
                .sign(if self.break_signature {
                    b"something else"
                } else {
                    &json
                })
                .to_bytes(),
            hints: IndexHints::default(),
        };
        let mut seal = Seal {
            launcher_digest,
            slot_table_digest: Sha256::digest(&table).into(),
            signature: [0; 64],
        };
        let unsigned = index.encode(Some(&seal), true);
        seal.signature = key.sign(&*seal::message(&unsigned)).to_bytes();
        seal.signature[0] ^= u8::from(self.break_seal);
        let block = index.encode(self.sealed.then_some(&seal), true);
        file.extend(encode_trailer(&block));
        file
    }

    fn lay_out(&self, launcher: usize, metadata: usize) -> Layout {
        let padding = self.padding.len() as u64;
        let sizes: Vec<u64> = self
            .slots
            .iter()
            .map(|slot| slot.stored.len() as u64)
            .collect();
        let mut layout = Layout::compute(launcher as u64, &sizes, metadata as u64).unwrap();
        if self.old_layout {
            let mut end = launcher as u64;
            let mut place = |section: &mut Section, alignment: u64| {
                section.offset = end.next_multiple_of(alignment);
                end = section.offset + section.size;
            };
            place(&mut layout.metadata, 1);
            place(&mut layout.slot_table, 8);
            for slot in &mut layout.slots {
                place(slot, 8);
            }
            layout.trailer_offset = end;
            layout.package_size = end + TRAILER_SIZE as u64;
        }
        layout.package_size += padding;
        layout
    }
}

fn describe(number: usize, slot: &Slot) -> Value {
    let mut described = json!({
        "slot": number, "id": slot.id, "source": slot.id, "target": slot.target, "size": slot.stored.len(),
        "checksum": format!("sha256:{}", Hex(&Sha256::digest(&slot.stored))), "operations": slot.operations,
        "purpose": "data", "lifecycle": slot.lifecycle, "permissions": format!("{:04o}", slot.mode),
    });
    if !slot.frames.is_empty() {
        described["frames"] = describe_frames(slot);
    }
    described
}

fn describe_frames(slot: &Slot) -> Value {
    let (mut at, mut digests) = (0, Vec::new());
    for (stored, _) in &slot.frames {
        let digest = Sha256::digest(&slot.stored[at..at + stored]);
        digests.extend_from_slice(&digest[..FRAME_DIGEST_SIZE]);
        at += stored;
    }
    if let Some(spoiled) = slot.spoiled_frame {
        digests[spoiled * FRAME_DIGEST_SIZE] ^= 1;
    }
    let (stored, content): (Vec<_>, Vec<_>) = slot.frames.iter().copied().unzip();
    json!({ "stored": stored, "content": content, "digests": encode_base64(&digests) })
}

fn descriptor(number: usize, slot: &Slot, offset: u64) -> SlotDescriptor {
    SlotDescriptor {
        id: number as u64,
        name_hash: h8(slot.id.as_bytes()),
        stored: Section {
            offset,
            size: slot.stored.len() as u64,
        },
        original_size: slot.original_size,
        operations: OperationChain::parse(&slot.operations).unwrap().pack(),
        checksum: h8(&slot.stored),
        purpose: 0,
        lifecycle: Lifecycle::parse(&slot.lifecycle).byte(),
        priority: 128,
        platform: slot.platform,
        reserved: [0; 2],
        permissions: slot.mode,
    }
}
