//! Reading the manifest.
