#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pspf_launcher::fuzzing::tar(data));
