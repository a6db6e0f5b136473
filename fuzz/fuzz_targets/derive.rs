#![no_main]

kvstore_libfuzzer::target!("derive");
