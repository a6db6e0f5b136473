//! Only here because a package has a library or a program; what counts is `usage.rs`.
