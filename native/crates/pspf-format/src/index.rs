//! The index block: where everything lies, and who signed it.

use alloc::string::{String, ToString};

use crate::adler32::Adler32;
use crate::constants::{
    DESCRIPTOR_SIZE, DIGEST_SIZE, FORMAT_VERSION, MAX_METADATA, MAX_SLOTS, PUBLIC_KEY_SIZE,
    SIGNATURE_SIZE, TRAILER_SIZE,
};
use crate::error::{Error, Result, mismatch};
use crate::error_kind::ErrorKind;
use crate::fields::FieldReader;
use crate::hex::Hex;
use crate::section::Section;
use crate::trailer::IndexBlock;

/// Which spelling of the Adler-32 a block carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexChecksum {
    /// Computed with its own four bytes zeroed, as the format says.
    Standard,
    /// Computed by the Go builder for a package of 4 GiB or more, which zeroes bytes 12 to 15
    /// instead. Accepted, and worth a warning.
    GoLarge,
}

/// The fields of the index block that mean something, in file order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Version word, [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Adler-32 as stored. [`Index::encode`] computes it anew.
    pub index_checksum: u32,
    /// Length of the whole file in bytes.
    pub package_size: u64,
    /// Length of the launcher in bytes; it starts at 0.
    pub launcher_size: u64,
    /// The gzip-compressed metadata document.
    pub metadata: Section,
    /// The slot descriptors. The offset means nothing where there are no slots.
    pub slot_table: Section,
    /// Number of slot descriptors.
    pub slot_count: u32,
    /// Flag bits. No builder sets any.
    pub flags: u32,
    /// Ed25519 public key of the signer.
    pub public_key: [u8; PUBLIC_KEY_SIZE],
    /// SHA-256 of the compressed metadata.
    pub metadata_checksum: [u8; DIGEST_SIZE],
    /// Ed25519 signature of the uncompressed metadata document.
    pub signature: [u8; SIGNATURE_SIZE],
    /// Hints for readers that nobody reads, kept so that a block encodes to the bytes it was
    /// decoded from.
    pub hints: IndexHints,
}

/// Fields 640 to 863 of the index block. No reader acts on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexHints {
    /// 0 file, 1 mmap, 2 auto, 3 stream.
    pub access_mode: u8,
    /// 0 low, 1 normal, 2 high, 3 critical.
    pub cache_strategy: u8,
    /// Page size in bytes.
    pub page_size: u32,
    /// Memory the reader may use, in bytes.
    pub max_memory: u64,
    /// Memory the reader needs, in bytes.
    pub min_memory: u64,
    /// Chunk size for streaming, in bytes.
    pub stream_chunk_size: u32,
    /// Unix time of the build in seconds.
    pub build_timestamp: u64,
    /// Capability bits: 0 mmap, 1 page-aligned, 7 signed.
    pub capabilities: u64,
    /// Oldest format version that a reader must know.
    pub compatibility: u32,
    /// Protocol version.
    pub protocol_version: u32,
}

impl Default for IndexHints {
    /// What our writers write: reference profile, slots aligned to 8 bytes.
    fn default() -> Self {
        Self {
            access_mode: 2,
            cache_strategy: 1,
            page_size: 4096,
            max_memory: 128 << 20,
            min_memory: 8 << 20,
            stream_chunk_size: 65_536,
            build_timestamp: 0,
            capabilities: 0x81,
            compatibility: FORMAT_VERSION,
            protocol_version: 1,
        }
    }
}

impl Index {
    /// Decodes and checks a block against the length of its file: checksum, version, size, then
    /// every range.
    ///
    /// Returns the index and which checksum it carries. Nothing beyond the block was looked at, so
    /// the seal, the signature and the digests are still to be verified.
    pub fn parse(block: &IndexBlock, file_size: u64) -> Result<(Self, IndexChecksum)> {
        let index = Self::decode(block)?;
        let checksum = index.check_checksum(block)?;
        index.check(file_size)?;
        Ok((index, checksum))
    }

    /// Decodes a block without judging it.
    pub fn decode(block: &IndexBlock) -> Result<Self> {
        read_fields(block)
            .ok_or_else(|| Error::new(ErrorKind::FormatNotAPackage, "the index block is too short"))
    }

    /// First byte after the part of the file that sections may lie in: where the trailer starts.
    pub fn data_end(&self) -> u64 {
        self.package_size.saturating_sub(TRAILER_SIZE as u64)
    }

    /// The launcher's bytes.
    pub const fn launcher(&self) -> Section {
        Section {
            offset: 0,
            size: self.launcher_size,
        }
    }

    /// The name of the package's workenv in the cache: the first 32 hexadecimal digits of the
    /// metadata's SHA-256.
    pub fn workenv_id(&self) -> String {
        let (id, _) = self.metadata_checksum.split_at(16);
        Hex(id).to_string()
    }

    fn check_checksum(&self, block: &IndexBlock) -> Result<IndexChecksum> {
        if checksum_without(block, 4) == self.index_checksum {
            return Ok(IndexChecksum::Standard);
        }
        if u32::try_from(self.package_size).is_err() && go_checksum(block) == self.index_checksum {
            return Ok(IndexChecksum::GoLarge);
        }
        Err(mismatch(
            ErrorKind::FormatBadChecksum,
            "the index block's checksum",
            format_args!("{:08x}", self.index_checksum),
            format_args!("{:08x}", checksum_without(block, 4)),
        )
        .hint("the file is damaged or was changed; get it again"))
    }

    fn check(&self, file_size: u64) -> Result<()> {
        if self.format_version != FORMAT_VERSION {
            return Err(mismatch(
                ErrorKind::FormatBadVersion,
                "the format version",
                format_args!("{FORMAT_VERSION:#010x}"),
                format_args!("{:#010x}", self.format_version),
            ));
        }
        if self.package_size != file_size {
            return Err(mismatch(
                ErrorKind::FormatBadSize,
                "the recorded package size",
                self.package_size,
                format_args!("{file_size} bytes in the file"),
            )
            .hint("the file was cut short or something was appended to it; get it again"));
        }
        let limit = self.data_end();
        self.launcher().check("launcher", limit)?;
        self.metadata.check("metadata", limit)?;
        if self.metadata.size > MAX_METADATA {
            return Err(Error::new(
                ErrorKind::FormatTooLarge,
                "the metadata is larger than any package needs",
            )
            .with("size", self.metadata.size)
            .with("limit", MAX_METADATA));
        }
        self.check_slot_table(limit)
    }

    fn check_slot_table(&self, limit: u64) -> Result<()> {
        if self.slot_count > MAX_SLOTS {
            return Err(
                Error::new(ErrorKind::FormatTooLarge, "the package has too many slots")
                    .with("slots", self.slot_count)
                    .with("limit", MAX_SLOTS),
            );
        }
        let expected = u64::from(self.slot_count).saturating_mul(DESCRIPTOR_SIZE as u64);
        if self.slot_table.size != expected {
            return Err(mismatch(
                ErrorKind::FormatBadRange,
                "the size of the slot table",
                expected,
                self.slot_table.size,
            )
            .with("slots", self.slot_count));
        }
        if self.slot_count == 0 {
            Ok(())
        } else {
            self.slot_table.check("slot table", limit)
        }
    }
}

fn read_fields(block: &IndexBlock) -> Option<Index> {
    let mut fields = FieldReader::new(block);
    let index = Index {
        format_version: fields.u32()?,
        index_checksum: fields.u32()?,
        package_size: fields.u64()?,
        launcher_size: fields.u64()?,
        metadata: Section {
            offset: fields.u64()?,
            size: fields.u64()?,
        },
        slot_table: Section {
            offset: fields.u64()?,
            size: fields.u64()?,
        },
        slot_count: fields.u32()?,
        flags: fields.u32()?,
        public_key: fields.bytes()?,
        metadata_checksum: fields.bytes()?,
        signature: {
            let signature = fields.bytes()?;
            fields.skip(512 - SIGNATURE_SIZE)?;
            signature
        },
        hints: read_hints(&mut fields)?,
    };
    Some(index)
}

fn read_hints(fields: &mut FieldReader<'_>) -> Option<IndexHints> {
    let [access_mode, cache_strategy, _, _] = fields.bytes()?;
    let page_size = fields.u32()?;
    let (max_memory, min_memory) = (fields.u64()?, fields.u64()?);
    fields.skip(24)?;
    let stream_chunk_size = fields.u32()?;
    fields.skip(12)?;
    let build_timestamp = fields.u64()?;
    fields.skip(120)?;
    let capabilities = fields.u64()?;
    fields.skip(16)?;
    let (compatibility, protocol_version) = (fields.u32()?, fields.u32()?);
    Some(IndexHints {
        access_mode,
        cache_strategy,
        page_size,
        max_memory,
        min_memory,
        stream_chunk_size,
        build_timestamp,
        capabilities,
        compatibility,
        protocol_version,
    })
}

/// Adler-32 of the block with the four bytes at `hole` taken as zero.
pub(crate) fn checksum_without(block: &IndexBlock, hole: usize) -> u32 {
    let (before, rest) = block.split_at(hole);
    let (_, after) = rest.split_at(4);
    let mut sum = Adler32::new();
    sum.update(before);
    sum.update(&[0; 4]);
    sum.update(after);
    sum.finish()
}

/// What the Go builder writes from 4 GiB on: bytes 12 to 15 zeroed, and bytes 4 to 7 still zero at
/// that moment.
fn go_checksum(block: &IndexBlock) -> u32 {
    let (first_four, rest) = block.split_at(4);
    let (_, rest) = rest.split_at(4);
    let (size_low, rest) = rest.split_at(4);
    let (_, after) = rest.split_at(4);
    let mut sum = Adler32::new();
    for part in [first_four, &[0; 4], size_low, &[0; 4], after] {
        sum.update(part);
    }
    sum.finish()
}
