//! What the targets share: each is one of `kvstore-fuzz`, run by libFuzzer.

#[doc(hidden)]
pub use libfuzzer_sys;

use kvstore_fuzz::Target;

/// A target whose inputs libFuzzer makes: its own changes of bytes, and by turns those of the target.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        $crate::libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::check($name, input));
        $crate::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            $crate::change($name, data, size, max_size, seed)
        });
    };
}

/// Checks an input.
///
/// # Panics
/// Where something is wrong.
pub fn check(name: &str, input: &[u8]) {
    if let Err(wrong) = named(name).check(input) {
        panic!("{wrong}");
    }
}

/// Changes an input of so many bytes, where there is room for `max_size`; answers its new size.
pub fn change(name: &str, data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    if seed % 2 == 0 {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let changed = named(name).changed(&data[..size], seed.into());
    let size = changed.len().min(max_size);
    data[..size].copy_from_slice(&changed[..size]);
    size
}

fn named(name: &str) -> &'static Target {
    Target::named(name).unwrap_or_else(|| panic!("there is no target `{name}`"))
}
