//! The launcher: the first bytes of every package.

// The C library's `main` is ours: the standard library would prepare for threads and signals that a warm start never has,
// and an empty program starts in 136 instead of 180 microseconds without it. It would also open what the caller closed, and
// change what signals mean to the program.
#![cfg_attr(unix, no_main)]

#[cfg(unix)]
#[expect(unsafe_code, reason = "the name is how the C library finds it")]
// SAFETY: this is the only `main`, and it has the signature that the C library calls.
#[unsafe(no_mangle)]
extern "C" fn main(
    count: std::ffi::c_int,
    words: *const *const std::ffi::c_char,
) -> std::ffi::c_int {
    pspf_launcher::run_as_main(count, words)
}

#[cfg(not(unix))]
fn main() {
    #[expect(
        clippy::exit,
        reason = "the program's own code need not fit into a byte"
    )]
    std::process::exit(pspf_launcher::run())
}
