# `make demo` and `make test` need nothing but a Rust toolchain: what else is missing, scripts/setup finds out first.

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kvstore
# Outside the tree: every checkout, and CI, shares the one compiled copy of RocksDB.
CARGO_TARGET_DIR ?= $(CACHE)/target
export CARGO_TARGET_DIR
export PATH := $(CACHE)/tools/bin:$(PATH):$(HOME)/.cargo/bin

# With ccache, RocksDB for another profile or target directory takes a minute. Expanded when used (`=`), since setup may
# have just installed it; not set where the user has chosen compilers.
ccache = $(if $(filter-out default undefined,$(origin CC) $(origin CXX)),,$(and $(shell command -v ccache),CXX="ccache c++" CC="ccache cc"))
cargo = $(ccache) cargo

.PHONY: help demo test test-compare torture bench compare book check check-format check-clippy check-docs check-orphans check-sync check-book env setup setup-release mdbook

help:
	@echo 'make demo [DIR=...]  catalogue a directory tree with several workers, in a store that survives kill -9'
	@echo 'make test            all tests of kvstore'
	@echo 'make test-compare    the tests of the comparison, for which every store that kvstore is compared with is compiled'
	@echo 'make torture         the reliability suite for hours: kills, power loss, failing disks, damage, schedules, random bytes;'
	@echo '                     MINUTES=60 shares out so much time instead, ONLY="kills damage" runs these trials alone'
	@echo 'make bench           the benchmarks of kvstore, beside raw RocksDB'
	@echo 'make compare         kvstore beside other stores, in Markdown; ARGS=sync, locks, big-entries, compile-time, growth for others,'
	@echo '                     ARGS="compare --help" for what each takes'
	@echo 'make book            the book, into book/book'
	@echo 'make check           format, clippy, rustdoc, orphaned test files, what escapes the model checkers, the book'\''s code'
	@echo 'make env             the environment in which cargo, run by hand, uses the same compiled RocksDB'

# The dev profile, as for the tests: the release profile would compile RocksDB, optimised in both, a second time. And no
# `-p`: with the features of one package instead of the workspace's, cargo may take RocksDB for another and compile it again.
demo: setup
	@echo 'Cataloguing $(or $(DIR),a default directory): every file is hashed once. Stop it, even by kill -9, and run it again: it resumes.'
	$(cargo) run --example catalogue -- $(if $(DIR),"$$DIR")

# The default members: without `bench-compare`, which compiles every store that kvstore is compared with.
test: setup
	$(cargo) test

test-compare: setup
	$(cargo) test -p bench-compare

# In memory where that is a file system: most of a trial is making, damaging and reading small directories.
torture: setup-torture
	TMPDIR=$${TMPDIR:-$$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)} $(cargo) run --profile torture --bin torture -- \
		--jobs $(or $(JOBS),$(shell nproc)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(ONLY),--only "$(ONLY)") \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

bench: setup-release
	$(cargo) bench

compare: setup-release
	$(cargo) run --release -p bench-compare -- $(or $(ARGS),compare)

book: mdbook check-book
	mdbook build book

check: check-format check-clippy check-docs check-orphans check-sync check-book

check-format: setup
	cargo fmt --all --check

check-clippy: setup
	$(cargo) clippy --workspace --all-targets -- -D warnings

check-docs: setup
	RUSTDOCFLAGS=-Dwarnings $(cargo) doc --workspace --no-deps

check-orphans:
	scripts/check-orphans

check-sync:
	scripts/check-sync

check-book:
	scripts/check-book

env:
	@echo 'export CARGO_TARGET_DIR="$(CARGO_TARGET_DIR)" $(ccache)'

setup:
	@scripts/setup rocksdb "$(CARGO_TARGET_DIR)/debug"

setup-torture:
	@scripts/setup rocksdb "$(CARGO_TARGET_DIR)/torture"

setup-release:
	@scripts/setup rocksdb "$(CARGO_TARGET_DIR)/release"

mdbook:
	@scripts/setup mdbook "$(CACHE)/tools"
