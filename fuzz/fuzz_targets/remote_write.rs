//! libFuzzer's way into [`watchgate_fuzz::remote_write`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| watchgate_fuzz::remote_write::fuzz(data));
