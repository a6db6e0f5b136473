#![no_main]

kvstore_libfuzzer::target!("files");
