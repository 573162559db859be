//! Properties that hold for every input. Each panics where one does not.

use pspf_format::constants::{DESCRIPTOR_SIZE, TRAILER_SIZE};
use pspf_format::json_reader::JsonReader;
use pspf_format::slot::parse_table;
use pspf_format::trailer::find_index;
use pspf_format::write::encode_trailer;
use pspf_format::{Index, Metadata, OperationChain, Seal};

/// A file: what is accepted lies inside of it, and a trailer is read back as it was written.
pub fn index(file: &[u8]) {
    let Ok(block) = find_index(file) else { return };
    assert_eq!(encode_trailer(block), file[file.len() - TRAILER_SIZE..]);
    if let Ok(Some(seal)) = Seal::parse(block) {
        assert!(seal.verify(block, &[0; 32]).is_err());
    }
    let decoded = Index::decode(block).unwrap();
    assert_eq!(
        Index::decode(&decoded.encode(None, true)).unwrap().metadata,
        decoded.metadata
    );
    if let Ok((index, _)) = Index::parse(block, file.len() as u64) {
        let limit = (file.len() - TRAILER_SIZE) as u64;
        assert!(index.launcher_size <= limit);
        assert!(index.metadata.end().unwrap() <= limit);
        assert!(index.slot_count == 0 || index.slot_table.end().unwrap() <= limit);
    }
}

/// A slot table: every descriptor is read back as it was written, and what passes lies inside of
/// the file.
pub fn table(table: &[u8]) {
    let Ok(descriptors) = parse_table(table) else {
        return;
    };
    for (slot, (descriptor, bytes)) in descriptors
        .iter()
        .zip(table.chunks(DESCRIPTOR_SIZE))
        .enumerate()
    {
        assert_eq!(descriptor.encode(), bytes);
        if let Ok(chain) = descriptor.check(slot, 1 << 40) {
            assert!(descriptor.stored.end().unwrap() <= 1 << 40);
            assert_eq!(chain.pack(), descriptor.operations);
        }
    }
}

/// A metadata document: we and another JSON parser agree on what is well formed, but for what we
/// refuse on purpose.
pub fn metadata(json: &[u8]) {
    let well_formed = JsonReader::new(json).and_then(|mut reader| {
        reader.skip()?;
        reader.finish()
    });
    let other = serde_json::from_slice::<serde_json::Value>(json);
    match &well_formed {
        Ok(()) => assert!(other.is_ok(), "{}", other.unwrap_err()),
        Err(error) if other.is_ok() => {
            let on_purpose = ["repeated", "nested"];
            assert!(
                on_purpose.iter().any(|word| error.message().contains(word)),
                "{error}"
            );
        }
        Err(_) => {}
    }
    if let Ok(metadata) = Metadata::parse(json) {
        assert!(well_formed.is_ok());
        for slot in &metadata.slots {
            let _ = (slot.digest(0), slot.lifecycle(), slot.permission_bits());
            let chain = OperationChain::default();
            if let Some(Ok(frames)) = slot
                .frames
                .as_ref()
                .map(|table| table.check(slot.size, slot.size, chain))
            {
                assert_eq!(
                    frames.iter().map(|frame| frame.stored).sum::<u64>(),
                    slot.size
                );
            }
        }
    }
}

/// An operation chain, packed and spelled.
pub fn chain(bytes: &[u8]) {
    if let Some(packed) = bytes.first_chunk()
        && let Ok(chain) = OperationChain::unpack(u64::from_le_bytes(*packed))
    {
        let operations: Vec<_> = chain.iter().collect();
        assert_eq!(OperationChain::from_operations(&operations).unwrap(), chain);
        if chain.require_known().is_ok() {
            assert_eq!(OperationChain::parse(&chain.to_string()).unwrap(), chain);
        }
    }
    if let Some(Ok(chain)) = std::str::from_utf8(bytes).ok().map(OperationChain::parse) {
        assert_eq!(OperationChain::unpack(chain.pack()).unwrap(), chain);
    }
}
