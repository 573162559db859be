#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| pspf_launcher::fuzzing::tar(input));
