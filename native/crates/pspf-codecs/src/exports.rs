//! What the WebAssembly module offers: one stream or one block at a time, and no imports.
//!
//! Numbers below zero say why something failed; [`message`] then puts the details into the output.
#![expect(unsafe_code, reason = "exported names have to be unmangled")]

use core::cell::RefCell;

use crate::decode::{Compression, Failure, StreamDecoder};
use crate::encode;

/// Capacity of the buffers of a decoder, in bytes.
const CHUNK: usize = 256 * 1024;

#[derive(Default)]
struct Module {
    input: Vec<u8>,
    /// The part of the input that is not decoded yet.
    start: usize,
    end: usize,
    output: Vec<u8>,
    decoder: Option<StreamDecoder>,
    message: String,
}

thread_local! {
    static MODULE: RefCell<Module> = RefCell::default();
}

const CORRUPT: i32 = -1;
const TOO_LARGE: i32 = -2;
const UNSUPPORTED: i32 = -3;

impl Module {
    fn fail(&mut self, failure: Failure) -> i32 {
        let (code, message) = match failure {
            Failure::Corrupt(message) => (CORRUPT, message),
            Failure::TooLarge => (TOO_LARGE, String::new()),
            Failure::Unsupported(message) => (UNSUPPORTED, message),
        };
        self.message = message;
        code
    }
}

fn with<T>(act: impl FnOnce(&mut Module) -> T) -> T {
    MODULE.with_borrow_mut(act)
}

fn length(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(CORRUPT)
}

/// Begins a stream: 0 xz, 1 bzip2, 2 zstd, with a window or dictionary of so many bytes at most.
#[unsafe(no_mangle)]
extern "C" fn open(compression: u32, max_window: usize) -> i32 {
    let compression = match compression {
        0 => Compression::Xz,
        1 => Compression::Bzip2,
        _ => Compression::Zstd,
    };
    with(|module| {
        module.output = vec![0; CHUNK];
        (module.start, module.end) = (0, 0);
        match StreamDecoder::new(compression, max_window) {
            Ok(decoder) => module.decoder = Some(decoder),
            Err(failure) => return module.fail(failure),
        }
        0
    })
}

/// Makes room for so many bytes of input, and says where.
#[unsafe(no_mangle)]
extern "C" fn reserve(bytes: usize) -> *mut u8 {
    with(|module| {
        module.input.resize(bytes, 0);
        module.input.as_mut_ptr()
    })
}

/// Gives all of the input that was reserved to the decoder, once it has taken what it had; none is the end.
#[unsafe(no_mangle)]
extern "C" fn push() {
    with(|module| {
        (module.start, module.end) = (0, module.input.len());
        if module.input.is_empty()
            && let Some(decoder) = &mut module.decoder
        {
            decoder.end();
        }
    });
}

/// Decodes the next bytes into the output and says how many; none means that more input is needed, or the end.
#[unsafe(no_mangle)]
extern "C" fn pull() -> i32 {
    with(|module| {
        let Some(decoder) = &mut module.decoder else {
            return CORRUPT;
        };
        let input = module
            .input
            .get(module.start..module.end)
            .unwrap_or_default();
        match decoder.decode(input, &mut module.output) {
            Ok((taken, written)) => {
                module.start = module.start.saturating_add(taken);
                length(written)
            }
            Err(failure) => module.fail(failure),
        }
    })
}

/// Encodes all of the input that was reserved: 0 xz, 1 bzip2. Says how long the output is.
#[unsafe(no_mangle)]
extern "C" fn encode(compression: u32, level: u32) -> i32 {
    with(|module| {
        let encoded = if compression == 0 {
            encode::xz(&module.input, level)
        } else {
            encode::bzip2(&module.input, level)
        };
        match encoded {
            Ok(output) => {
                module.output = output;
                length(module.output.len())
            }
            Err(error) => module.fail(Failure::Corrupt(error.to_string())),
        }
    })
}

/// Content of one block that is encoded, in bytes: 0 xz, 1 bzip2.
#[unsafe(no_mangle)]
extern "C" fn block_size(compression: u32) -> usize {
    if compression == 0 {
        encode::XZ_BLOCK
    } else {
        encode::BZIP2_BLOCK
    }
}

/// Where the output is.
#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    with(|module| module.output.as_ptr())
}

/// Puts the details of the last failure into the output and says how long they are.
#[unsafe(no_mangle)]
extern "C" fn message() -> i32 {
    with(|module| {
        module.output = core::mem::take(&mut module.message).into_bytes();
        length(module.output.len())
    })
}
